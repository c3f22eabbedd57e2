//! The actor of a task: a future that is supervised as an actor is.
//!
//! The future lies in the actor's state, and a message polls it: a wake-up of the future is one
//! (`wakeups`). So the actor reads its ports between two polls, and sees a stop, a drain or a kill,
//! from the supervisor or from others. While a callback runs ractor reads no stop (R11), so the
//! future does not lie in one. Nor has it a task of its own: the end of the actor would not be the
//! end of that task, and a restart could overlap with it.
//!
//! Once the actor is asked to stop, its `post_stop` runs the future to its end.

mod outside;
mod stop_signal;
mod wakeups;

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ractor::{ActorProcessingErr, ActorRef, SupervisionEvent};

use super::exit;
use super::lines::Lines;
use super::plan::SpawnFailure;
use super::session::Session;
use super::shared::{Found, Order};
use super::unwind::guard;
use outside::Place;
pub use stop_signal::StopSignal;
use wakeups::Wakeups;

/// What a task is sent: a poll. A type of our own would be no `ractor::Message` under `cluster`
/// (R41). A stray one polls the future once more, which any future has to bear.
pub(crate) type TaskMsg = ();

type Outcome = Result<(), ActorProcessingErr>;

/// A future to run, with the signal that it was given.
pub(crate) struct Job {
    /// Absent once it is over.
    future: Option<Pin<Box<dyn Future<Output = Outcome> + Send>>>,
    stop: StopSignal,
    lines: Lines,
}

impl Job {
    /// Has the user's function make the future. It may panic.
    pub(crate) fn new<F>(order: &Order, make: impl FnOnce(StopSignal) -> F) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        // Its drop sets the signal, also if the function panics.
        let mut job = Self {
            future: None,
            stop: StopSignal::new(),
            lines: order.shared.lines.clone(),
        };
        job.future = Some(Box::pin(make(job.stop.clone())));
        job
    }

    /// Spawns the actor that runs it.
    pub(crate) async fn spawn(self, order: Order) -> Result<Found, SpawnFailure> {
        let Order {
            context,
            life,
            shared,
        } = order;
        let name = shared.child_name(&context.id);
        let spawned = Session::spawn(life, shared, name, Box::new(Runner), Box::new(self)).await;
        spawned.map(Found::actor)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        let Some(future) = &mut self.future else {
            return Poll::Ready(Ok(()));
        };
        let outcome = ready!(future.as_mut().poll(context));
        self.end();
        Poll::Ready(outcome)
    }

    /// Sets the signal. The wakers of those that wait for it may be any code; one that panics does
    /// not change how the task ends.
    fn ask_to_stop(&self) {
        drop(guard(|| self.stop.request()));
    }

    /// Drops the future. What it has left behind, such as tasks that it has spawned, is to end too.
    fn end(&mut self) {
        self.ask_to_stop();
        self.lines.drop_guarded(self.future.take());
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        self.end();
    }
}

/// A task that has been started.
pub(crate) struct Running {
    job: Job,
    wakeups: Wakeups,
    place: Place,
}

/// The actor.
pub(crate) struct Runner;

#[ractor::actor(message = TaskMsg, state = Running, arguments = Job)]
impl Runner {
    async fn pre_start(
        &self,
        myself: ActorRef<TaskMsg>,
        job: Job,
    ) -> Result<Running, ActorProcessingErr> {
        Ok(Running {
            job,
            wakeups: Wakeups::of(myself.get_cell()),
            place: Place::Nowhere,
        })
    }

    async fn post_start(
        &self,
        _myself: ActorRef<TaskMsg>,
        running: &mut Running,
    ) -> Result<(), ActorProcessingErr> {
        running.place = Place::here();
        // If the actor is being drained it takes no message, and polls the future in its
        // `post_stop`.
        running.wakeups.wake();
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<TaskMsg>,
        _poll: TaskMsg,
        running: &mut Running,
    ) -> Result<(), ActorProcessingErr> {
        let Running {
            job,
            wakeups,
            place,
        } = running;
        let polled = place.run(|| job.poll(&mut wakeups.context()));
        match polled {
            Poll::Pending => Ok(()),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(())) => {
                myself.stop(None);
                Ok(())
            }
        }
    }

    /// An actor linked to it that failed or was killed fails it, as a link does in Erlang. A stop
    /// instead (D21) would wait for a future that need not know of the signal, and for ever: the
    /// supervisor has not asked for it.
    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<TaskMsg>,
        event: SupervisionEvent,
        _running: &mut Running,
    ) -> Result<(), ActorProcessingErr> {
        match exit::failed_link(&event) {
            Some(failure) => Err(failure),
            None => Ok(()),
        }
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<TaskMsg>,
        running: &mut Running,
    ) -> Result<(), ActorProcessingErr> {
        running.job.ask_to_stop();
        poll_fn(|context| running.job.poll(context)).await
    }
}
