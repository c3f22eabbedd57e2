//! What is known of a session's past, and what would follow if it failed now.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::SessionId;
use crate::engine::{Decision, EventKind, SessionState};

/// What is known of the past of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Dossier {
    /// Its id.
    pub id: SessionId,
    /// What people call it.
    pub label: Option<Arc<str>>,
    /// What it is doing.
    pub state: SessionState,
    /// The number of its present or last incarnation.
    pub incarnation: u64,
    /// How many restarts were decided since its first start; restarts by hand are not counted.
    pub restarts: u64,
    /// The last exits, and the restarts that failed, at most 8 of them. The oldest comes first.
    pub exits: Vec<ExitRecord>,
    /// How many there were before those.
    pub earlier: u64,
}

/// One exit of a session, or one restart that failed.
///
/// Its text is that of the event and of the line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ExitRecord {
    /// The incarnation that ended, or that could not be started.
    pub incarnation: u64,
    /// When.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::info::serial::unix"))]
    pub time: SystemTime,
    /// How long it ran; zero if it was not started.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::engine::serial::seconds")
    )]
    pub uptime: Duration,
    /// What happened: [`EventKind::Exited`] or [`EventKind::RestartFailed`], with the cause and with
    /// what was decided.
    #[cfg_attr(feature = "serde", serde(rename = "event"))]
    pub kind: EventKind,
}

impl fmt::Display for ExitRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.kind, f)
    }
}

impl fmt::Display for Dossier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            incarnation,
            restarts,
            earlier,
            ..
        } = self;
        let id = id.as_str();
        write!(
            f,
            "session {id:?}, incarnation {incarnation}, restarts: {restarts}"
        )?;
        if *earlier > 0 {
            write!(f, "\n{earlier} earlier ones")?;
        }
        for exit in &self.exits {
            let (incarnation, uptime) = (exit.incarnation, exit.uptime);
            write!(f, "\nincarnation {incarnation}, after {uptime:?}: {exit}")?;
        }
        Ok(())
    }
}

/// What the supervisor would do if a session failed now.
///
/// Its text is one sentence: "session "alice" runs; if it fails now: restarts in 250ms, 1 of 3 in
/// 5s".
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Explanation {
    /// The session.
    pub id: SessionId,
    /// What people call it.
    pub label: Option<Arc<str>>,
    /// What it is doing.
    pub state: SessionState,
    /// The number of its present or last incarnation.
    pub incarnation: u64,
    /// Whether it was parked and is on trial: it is parked again if it does not live for the window
    /// of its restart limit.
    pub on_trial: bool,
    /// In how much time the supervisor acts by itself, if nothing else happens: it restarts the
    /// session, tries a parked one again, gives up a launch, or kills one that does not stop. None:
    /// it waits for the session, or for a caller.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::engine::serial::seconds_if_any")
    )]
    pub due: Option<Duration>,
    /// What follows if the session, or the launch that is under way or comes next, fails now. A
    /// pause in it is the longest that it can be: [jitter](crate::Backoff::with_jitter) and the
    /// trials of parked sessions make pauses shorter, to half of that at least.
    pub next_failure: Decision,
    /// The shortest that the pause in `next_failure` can be.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::engine::serial::seconds")
    )]
    pub at_least: Duration,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let does = match self.state {
            SessionState::Starting => "is starting",
            SessionState::Running if self.on_trial => "runs on trial",
            SessionState::Running => "runs",
            SessionState::Restarting => "is restarting",
            SessionState::Stopping => "is stopping",
            SessionState::Parked => "is parked",
            SessionState::Stuck => "is stuck",
        };
        write!(f, "session {:?} {does}", self.id.as_str())?;
        if let Some(due) = self.due {
            // Microseconds would say nothing: it is over before they are read.
            let due = due - Duration::from_nanos(u64::from(due.subsec_nanos() % 1_000_000));
            write!(f, ", for {due:?} at most")?;
        }
        match self.next_failure {
            Decision::Forget if self.state == SessionState::Stopping => Ok(()),
            decision => write!(f, "; if it fails now: {decision}"),
        }
    }
}
