//! What both handles do in the same way: starting a supervisor and asking it.

use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorCell, SpawnErr};
use tokio::sync::oneshot;

use crate::actor::answers::Telling;
use crate::actor::shared::{Actors, Item, Machine, Query, Shared};
use crate::actor::spawn;
use crate::actor::ticket::Ticket;
use crate::actor::unwind::{Panicked, guard};
use crate::engine::{
    ChildRequest, DrainAnswer, DrainOrder, DrainProgress, Input, ProgressAnswer, Request,
    ShutdownReport, StopAnswer,
};
use crate::error::{StartSupervisorError, SupervisorDown};
use crate::options::GroupOf;

/// Starts a supervisor on the present runtime.
pub(crate) async fn start(
    name: String,
    machine: Machine,
    group_of: Option<GroupOf>,
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
    match spawn::start(name, machine, group_of, runtime, parent).await {
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

/// An answer that a caller waits for, or will. A caller may give up at the moment when the answer has come:
/// then nobody takes it, and what it holds of the user's is dropped elsewhere, not in the caller's
/// task.
pub(crate) struct Awaited<'a, A: Telling> {
    answer: oneshot::Receiver<A>,
    shared: &'a Shared,
}

impl<'a, A: Telling> Awaited<'a, A> {
    /// Sends a command. One that is refused reads as "down".
    fn ask(
        shared: &'a Arc<Shared>,
        command: Item,
        answer: oneshot::Receiver<A>,
    ) -> Result<Self, SupervisorDown> {
        let awaited = Self { answer, shared };
        shared.command(command).map_err(|()| SupervisorDown)?;
        Ok(awaited)
    }

    /// Waits for it. One that was dropped unanswered, or refused, reads as "down".
    pub(crate) async fn answer(&mut self) -> Result<A, SupervisorDown> {
        (&mut self.answer).await.map_err(|_| SupervisorDown)
    }
}

impl<A: Telling> Drop for Awaited<'_, A> {
    fn drop(&mut self) {
        if self.answer.is_terminated() {
            return;
        }
        // What is sent after this comes back to its sender.
        self.answer.close();
        if let Ok(untaken) = self.answer.try_recv() {
            self.shared.undelivered(untaken);
        }
    }
}

/// Sends a command and waits for its answer.
async fn ask<A: Telling>(
    shared: &Arc<Shared>,
    command: Item,
    answer: oneshot::Receiver<A>,
) -> Result<A, SupervisorDown> {
    Awaited::ask(shared, command, answer)?.answer().await
}

/// Asks something for one session. It does what [`ask`] does itself: a start is to take as few steps
/// as it can.
pub(crate) async fn session<A: Telling>(
    shared: &Arc<Shared>,
    id: Arc<str>,
    request: impl FnOnce(Ticket<A>) -> Request<Actors>,
) -> Result<A, SupervisorDown> {
    let (ticket, answer) = Ticket::new();
    let request = request(ticket);
    let command = Item::Input(Input::Asked { id, request });
    let mut awaited = Awaited::ask(shared, command, answer)?;
    (&mut awaited.answer).await.map_err(|_| SupervisorDown)
}

/// Stops several sessions at once. Answers in their order.
pub(crate) async fn stop_sessions(
    shared: &Arc<Shared>,
    ids: Vec<Arc<str>>,
) -> Vec<Result<StopAnswer, SupervisorDown>> {
    let asked: Vec<_> = ids
        .into_iter()
        .map(|id| {
            let (ticket, answer) = Ticket::new();
            let request = Request::Stop { ticket };
            // A refused ticket is dropped, which its answer tells.
            shared
                .command(Item::Input(Input::Asked { id, request }))
                .ok();
            Awaited { answer, shared }
        })
        .collect();
    let mut answers = Vec::with_capacity(asked.len());
    for mut awaited in asked {
        answers.push(awaited.answer().await);
    }
    answers
}

/// Asks something for one child of a static supervisor.
pub(crate) async fn child<A: Telling>(
    shared: &Arc<Shared>,
    role: Arc<str>,
    request: impl FnOnce(Ticket<A>) -> ChildRequest<Actors>,
) -> Result<A, SupervisorDown> {
    let (ticket, answer) = Ticket::new();
    let request = request(ticket);
    let command = Item::Input(Input::AskedChild { role, request });
    ask(shared, command, answer).await
}

/// Asks a question that changes nothing.
pub(crate) async fn query<A: Telling>(
    shared: &Arc<Shared>,
    question: impl FnOnce(oneshot::Sender<A>) -> Query,
) -> Result<A, SupervisorDown> {
    let (reply, answer) = oneshot::channel();
    ask(shared, Item::Query(question(reply)), answer).await
}

/// Asks the same, whose answer is waited for later.
pub(crate) fn query_now<A: Telling>(
    shared: &Arc<Shared>,
    question: impl FnOnce(oneshot::Sender<A>) -> Query,
) -> Awaited<'_, A> {
    let (reply, answer) = oneshot::channel();
    let awaited = Awaited { answer, shared };
    // A refused question is dropped with its reply, which the answer tells.
    shared.command(Item::Query(question(reply))).ok();
    awaited
}

/// Stops the supervisor, or joins the stop under way.
pub(crate) async fn stop(
    shared: &Arc<Shared>,
    within: Option<Duration>,
) -> Result<ShutdownReport, SupervisorDown> {
    let (ticket, answer) = Ticket::new();
    let command = Item::Input(Input::StopSupervisor { within, ticket });
    ask(shared, command, answer).await
}

/// Has the supervisor drained, or joins the drain or the stop under way. A refused ticket is dropped,
/// which its answer tells.
pub(crate) fn drain(shared: &Arc<Shared>, order: DrainOrder) -> oneshot::Receiver<DrainAnswer> {
    let (ticket, answer) = Ticket::new();
    shared
        .command(Item::Input(Input::Drain { order, ticket }))
        .ok();
    answer
}

/// How far the drain is, as soon as it is further than this.
pub(crate) async fn drain_progress(
    shared: &Arc<Shared>,
    seen: Option<DrainProgress>,
) -> Result<ProgressAnswer, SupervisorDown> {
    let (ticket, answer) = Ticket::new();
    let command = Item::Input(Input::DrainProgress { seen, ticket });
    ask(shared, command, answer).await
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

/// Who holds a name, unless it has gone meanwhile.
pub(crate) fn holder(name: &str) -> Option<ActorCell> {
    ractor::registry::where_is(name)
}

/// The actor, if it is linked to that supervisor.
pub(crate) fn linked(cell: ActorCell, supervisor: &ActorCell) -> Option<ActorCell> {
    let parent = cell.try_get_supervisor()?;
    (parent.get_id() == supervisor.get_id()).then_some(cell)
}
