//! What both handles do in the same way: starting a supervisor and asking it.

use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorCell, SpawnErr};
use tokio::sync::oneshot;

use crate::actor::inbox::{Item, Query};
use crate::actor::machine::Machine;
use crate::actor::plan::{Actors, Reply, Ticket};
use crate::actor::shared::Shared;
use crate::actor::spawn;
use crate::actor::unwind::{Panicked, guard};
use crate::engine::{Input, Request, ShutdownReport};
use crate::error::{StartSupervisorError, SupervisorDown};

/// Starts a supervisor on the present runtime.
pub(crate) async fn start(
    name: String,
    machine: Machine,
    parent: Option<ActorCell>,
) -> Result<Arc<Shared>, StartSupervisorError> {
    let failed = |cause| StartSupervisorError::Failed {
        cause: Arc::new(cause),
    };
    let runtime = tokio::runtime::Handle::try_current().map_err(|error| failed(error.into()))?;
    // There is no way to ask whether a runtime was made with timers: tokio panics.
    if let Err(Panicked(text)) = guard(|| drop(tokio::time::sleep(Duration::ZERO))) {
        return Err(failed(text.into()));
    }
    match spawn::start(name, machine, runtime, parent).await {
        Ok(Some(shared)) => Ok(shared),
        Ok(None) => Err(failed("the root ended before it began".into())),
        Err(SpawnErr::ActorAlreadyRegistered(name)) => Err(StartSupervisorError::NameTaken {
            cell: ractor::registry::where_is(name.clone()),
            name,
        }),
        Err(SpawnErr::StartupFailed(cause)) => Err(match cause.downcast() {
            Ok(error) => *error,
            Err(cause) => failed(cause),
        }),
        Err(error @ SpawnErr::ActorAlreadyStarted) => Err(failed(error.into())),
    }
}

/// An answer that a caller waits for. A caller may give up at the moment when the answer has come.
/// Then what it holds of the user's is dropped elsewhere, not in the caller's task.
struct Awaited<'a, T: Send + 'static> {
    answer: oneshot::Receiver<T>,
    shared: &'a Shared,
}

impl<T: Send + 'static> Awaited<'_, T> {
    async fn come(mut self) -> Result<T, oneshot::error::RecvError> {
        (&mut self.answer).await
    }
}

impl<T: Send + 'static> Drop for Awaited<'_, T> {
    fn drop(&mut self) {
        // What is sent after this comes back to its sender.
        self.answer.close();
        if let Ok(untaken) = self.answer.try_recv() {
            self.shared.drop_elsewhere(untaken);
        }
    }
}

/// Asks something for one child. A ticket that was dropped unanswered reads as "down".
pub(crate) async fn request(
    shared: &Arc<Shared>,
    key: Arc<str>,
    request: impl FnOnce(Ticket) -> Request<Actors>,
) -> Reply {
    let (ticket, answer) = Ticket::new();
    let input = Input::Asked {
        id: key,
        request: request(ticket),
    };
    let answer = Awaited { answer, shared };
    match shared.command(Item::Input(input)) {
        Ok(()) => answer.come().await.unwrap_or(Reply::Down),
        Err(_) => Reply::Down,
    }
}

/// Asks a question that changes nothing.
pub(crate) async fn query<T: Send + 'static>(
    shared: &Arc<Shared>,
    question: impl FnOnce(oneshot::Sender<T>) -> Query,
) -> Result<T, SupervisorDown> {
    let (reply, answer) = oneshot::channel();
    let answer = Awaited { answer, shared };
    if shared.command(Item::Query(question(reply))).is_err() {
        return Err(SupervisorDown);
    }
    answer.come().await.map_err(|_| SupervisorDown)
}

/// Stops the supervisor, or joins the stop under way.
pub(crate) async fn stop(
    shared: &Arc<Shared>,
    within: Option<Duration>,
) -> Result<ShutdownReport, SupervisorDown> {
    let (ticket, answer) = Ticket::new();
    let input = Input::StopSupervisor { within, ticket };
    if shared.command(Item::Input(input)).is_err() {
        return Err(SupervisorDown);
    }
    match answer.await {
        Ok(Reply::Report(report)) => Ok(report),
        Ok(_) | Err(_) => Err(SupervisorDown),
    }
}

/// Whether the supervisor has not ended.
pub(crate) fn alive(shared: &Shared) -> Result<(), SupervisorDown> {
    if shared.is_seen_ended() {
        return Err(SupervisorDown);
    }
    Ok(())
}

/// The answer for a key that cannot exist, without asking.
pub(crate) fn not_found<T, E>(shared: &Shared, unknown: E, down: E) -> Result<T, E> {
    Err(if alive(shared).is_ok() { unknown } else { down })
}

/// The actor, if it is linked to that supervisor.
pub(crate) fn linked(cell: ActorCell, supervisor: &ActorCell) -> Option<ActorCell> {
    let parent = cell.try_get_supervisor()?;
    (parent.get_id() == supervisor.get_id()).then_some(cell)
}
