//! Asks the supervisor, and translates what comes into the words of `view`. With `detail` it is all
//! that knows the library's types.
//!
//! An error of a session is a value of the user's, and so is its drop. None is shown or dropped
//! here: its text comes ready made, and what holds one is given to the supervisor's queue of drops.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;

use super::refusal::Refusal;
use super::view::{Gauges, Row, State, Totals};
use crate::actor::shared::Shared;
use crate::engine::{Claim, Counts, Exit, SessionState, Stats};
use crate::error::{RestartError, StopError, SupervisorDown};
use crate::info::{PageMark, SessionInfo, SessionPage};
use crate::{SessionId, SessionSupervisor, ask};

/// The supervisor that is shown.
#[derive(Clone, Debug)]
pub(super) struct Source(SessionSupervisor);

impl Source {
    pub(super) fn new(supervisor: &SessionSupervisor) -> Self {
        Self(supervisor.clone())
    }

    pub(super) fn supervisor(&self) -> &SessionSupervisor {
        &self.0
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(super) fn runtime(&self) -> &tokio::runtime::Handle {
        self.shared().runtime()
    }

    /// Now, since 1970.
    pub(super) fn now(&self) -> Duration {
        self.shared().time_of_day()
    }

    /// How many there are, and what has happened. Sends no message.
    pub(super) fn figures(&self) -> Result<(Gauges, Totals), SupervisorDown> {
        ask::alive(self.shared())?;
        let stats = self.0.stats();
        Ok((gauges(&stats.sessions), totals(&stats)))
    }

    /// Some of the sessions, and where the others begin.
    pub(super) async fn page(
        &self,
        after: Option<PageMark>,
        most: usize,
    ) -> Result<(Vec<Row>, Option<PageMark>), SupervisorDown> {
        let SessionPage { sessions, next } = self.0.list_page(after, most).await?;
        let rows = sessions.iter().map(row).collect();
        self.shared().undelivered(sessions);
        Ok((rows, next))
    }

    /// One session. None for a text that is no id.
    pub(super) async fn row(&self, id: &str) -> Result<Option<Row>, SupervisorDown> {
        let info = self.0.session_info(id).await?;
        let found = info.as_ref().map(row);
        self.shared().undelivered(info);
        Ok(found)
    }

    /// Fails unless the session is parked at this moment.
    pub(super) async fn need_parked(&self, id: &SessionId) -> Result<(), Refusal> {
        match self.row(id).await?.map(|row| row.state) {
            Some(State::Parked) => Ok(()),
            Some(_) => Err(conflict("not_parked", "the session is not parked")),
            None => Err(unknown()),
        }
    }

    pub(super) async fn stop(&self, id: &SessionId) -> Result<(), Refusal> {
        match self.0.stop_session(id).await {
            Ok(exit) => {
                self.shared().undelivered(exit);
                Ok(())
            }
            Err(StopError::NotFound) => Err(unknown()),
            Err(StopError::Stuck) => Err(conflict("stuck", "the session does not end")),
            Err(StopError::SupervisorDown) => Err(Refusal::down()),
        }
    }

    pub(super) async fn restart(&self, id: &SessionId) -> Result<(), Refusal> {
        let error = match self.0.restart_session(id).await {
            Ok(_) => return Ok(()),
            Err(error) => error,
        };
        let (kind, text) = match &error {
            RestartError::NotFound => return Err(unknown()),
            RestartError::SupervisorDown => return Err(Refusal::down()),
            // Its text is the session's own, and so is its code.
            RestartError::Failed { .. } => ("failed", "the session failed to start".to_owned()),
            error => ("not_restarted", error.to_string()),
        };
        if let RestartError::Failed { cause, .. } = error {
            self.shared().undelivered(Exit::Failed { cause });
        }
        Err(conflict(kind, text))
    }
}

pub(super) fn unknown() -> Refusal {
    Refusal::not_found("no session of this id is known")
}

fn conflict(kind: &'static str, text: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::CONFLICT, kind, text)
}

fn gauges(counts: &Counts) -> Gauges {
    Gauges {
        known: counts.specs as u64,
        running: counts.active as u64,
        starting: counts.starting as u64,
        restarting: counts.restarting as u64,
        stopping: counts.stopping as u64,
        parked: counts.parked as u64,
        stuck: counts.stuck as u64,
    }
}

fn totals(stats: &Stats) -> Totals {
    let starts = &stats.starts;
    Totals {
        starts: starts.started,
        failed_starts: starts.failed + starts.name_taken + starts.timed_out,
        restarts: stats.restarts,
        failures: stats.exits.failed,
        kills: stats.kills,
        parks: stats.parks,
        rejected: stats.rejected.total(),
    }
}

pub(super) fn row(info: &SessionInfo) -> Row {
    let claim = |claim: &Claim| (claim.kind().to_owned(), claim.value().to_owned());
    Row {
        id: info.id.clone(),
        label: info.label.clone(),
        group: info.group.clone(),
        claims: info.claims.iter().map(claim).collect(),
        state: state(info.state),
        incarnation: info.incarnation,
        restarts: info.restarts,
        last_exit: info.last_exit.as_ref().map(exit),
    }
}

fn state(state: SessionState) -> State {
    match state {
        SessionState::Starting => State::Starting,
        SessionState::Running => State::Running,
        SessionState::Restarting => State::Restarting,
        SessionState::Stopping => State::Stopping,
        SessionState::Parked => State::Parked,
        SessionState::Stuck => State::Stuck,
    }
}

/// How an incarnation ended, in a word.
pub(super) fn exit(exit: &Exit) -> &'static str {
    match exit {
        Exit::Normal { .. } => "normal",
        Exit::Shutdown => "shutdown",
        Exit::Killed => "killed",
        Exit::Failed { .. } => "failed",
        Exit::NotRunning => "not_running",
    }
}
