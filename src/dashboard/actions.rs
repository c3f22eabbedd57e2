//! What a page may do to a session, and who permits it.
//!
//! The check is the program's code: it may panic or block. It runs on a thread of tokio's blocking
//! pool. A panic is a refusal, and so is an answer that takes longer than [`PATIENCE`]. A check that
//! never answers keeps one of the [`MOST`] places, so it takes no more threads than that.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::json::{ToJson, object};
use super::parameters::{Parameters, not};
use super::refusal::Refusal;
use super::source::Source;
use crate::SessionId;
use crate::actor::guarded::drop_guarded;
use crate::actor::unwind::{Panicked, guard};

/// How long a check may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a response waits for the action.
const ANSWER: Duration = Duration::from_secs(10);

/// How many actions are checked or carried out at a time.
const MOST: usize = 64;

/// What a page of the dashboard can do to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Action {
    /// [`stop_session`](crate::SessionSupervisor::stop_session).
    Stop,
    /// [`restart_session`](crate::SessionSupervisor::restart_session).
    Restart,
    /// The same, of a session that is parked.
    Resume,
    /// [`stop_session`](crate::SessionSupervisor::stop_session), of a session that is parked.
    Discard,
}

impl Action {
    /// Its name in requests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Restart => "restart",
            Self::Resume => "resume",
            Self::Discard => "discard",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let all = [Self::Stop, Self::Restart, Self::Resume, Self::Discard];
        all.into_iter().find(|action| action.as_str() == name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What somebody wants to do, for the check of
/// [`Dashboard::allow_actions`](super::Dashboard::allow_actions).
#[derive(Clone)]
#[non_exhaustive]
pub struct ActionRequest {
    /// The headers of the request.
    pub headers: HeaderMap,
    /// What is to be done.
    pub action: Action,
    /// To which session. It need not be known.
    pub id: SessionId,
}

/// Without the headers, among which are secrets.
impl fmt::Debug for ActionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ActionRequest")
            .field("action", &self.action)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl ActionRequest {
    /// Of the headers of a request and the form that is its body.
    pub(super) fn parse(headers: HeaderMap, form: &str) -> Result<Self, Refusal> {
        let mut parameters = Parameters::parse(form)?;
        let action = parameters.need("action")?;
        let id = parameters.need("id")?;
        parameters.end()?;
        let rule = "stop, restart, resume or discard";
        let parsed = Action::parse(&action).ok_or_else(|| not("action", &action, rule))?;
        let id = SessionId::parse(&id).map_err(|error| Refusal::bad(error.to_string()))?;
        Ok(Self {
            headers,
            action: parsed,
            id,
        })
    }
}

type Function = dyn Fn(&ActionRequest) -> bool + Send + Sync;

/// The program's check, whose drop is its code too.
struct Check(Option<Arc<Function>>);

impl Check {
    fn permits(&self, request: &ActionRequest) -> Result<(), Refusal> {
        let Some(check) = &self.0 else {
            return Err(refused("actions are not allowed"));
        };
        match guard(|| check(request)) {
            Ok(true) => Ok(()),
            Ok(false) => Err(refused("the program does not permit it")),
            Err(Panicked(_)) => Err(refused("the check of the program failed")),
        }
    }
}

impl Clone for Check {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Drop for Check {
    fn drop(&mut self) {
        drop_guarded(self.0.take());
    }
}

fn refused(message: &'static str) -> Refusal {
    Refusal::forbidden("refused", message)
}

/// Who may act, and how many at a time.
pub(super) struct Permission {
    check: Check,
    places: Arc<Semaphore>,
}

impl Permission {
    pub(super) fn by(check: impl Fn(&ActionRequest) -> bool + Send + Sync + 'static) -> Self {
        Self {
            check: Check(Some(Arc::new(check))),
            places: Arc::new(Semaphore::new(MOST)),
        }
    }

    /// Asks the check, and carries out what it permits.
    pub(super) async fn act(
        &self,
        request: ActionRequest,
        source: &Source,
    ) -> Result<Outcome, Refusal> {
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(Refusal::busy(format!("{MOST} actions are under way")));
        };
        let check = self.check.clone();
        let verdict = tokio::task::spawn_blocking(move || {
            let verdict = check.permits(&request);
            drop(check);
            verdict.map(|()| (request, place))
        });
        let (request, place) = match timeout(PATIENCE, verdict).await {
            Ok(Ok(verdict)) => verdict?,
            Ok(Err(_)) => return Err(refused("the check of the program failed")),
            Err(_) => return Err(refused("the check of the program takes too long")),
        };
        // Once permitted it is carried out, also if the page is closed.
        let done = tokio::spawn(carry_out(request, source.clone(), place));
        match timeout(ANSWER, done).await {
            Ok(Ok(done)) => done.map(|()| Outcome::Done),
            Ok(Err(_)) => Err(Refusal::down()),
            Err(_) => Ok(Outcome::UnderWay),
        }
    }
}

/// What has become of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// It takes longer than a response waits.
    UnderWay,
}

impl Outcome {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Done => StatusCode::OK,
            Self::UnderWay => StatusCode::ACCEPTED,
        }
    }
}

impl ToJson for Outcome {
    fn write(&self, out: &mut String) {
        let name = match self {
            Self::Done => "done",
            Self::UnderWay => "under_way",
        };
        object(out).field("outcome", name).end();
    }
}

async fn carry_out(
    request: ActionRequest,
    source: Source,
    _place: OwnedSemaphorePermit,
) -> Result<(), Refusal> {
    let id = &request.id;
    if matches!(request.action, Action::Resume | Action::Discard) {
        source.need_parked(id).await?;
    }
    match request.action {
        Action::Stop | Action::Discard => source.stop(id).await,
        Action::Restart | Action::Resume => source.restart(id).await,
    }
}
