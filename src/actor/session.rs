//! The actor that wraps the user's actor. It guards the drops of the state and of the actor's own
//! value, catches panics, and leaves the mark that says how the session ended.
//!
//! After an orderly `post_stop`, and after a failure, both are dropped in the session's own task,
//! before ractor tells the root. Those of a killed session are handed to the queue of drops
//! (`drop_queue`) when its task is done. They never travel in ractor's exit event, which may never
//! be dropped (`held`). A panic in a drop is caught in each case.
//!
//! ractor drops the wrapper itself last in the session's task, so its drop reports that the task is
//! done.
//!
//! Actors that the user's actor links to itself are supervised by it: its supervision handler is
//! passed through.

mod callback;
mod held;

use std::any::TypeId;
use std::pin::pin;
use std::sync::Arc;

use ractor::{Actor, ActorCell, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};

use super::exit::{self, Failing};
use super::life::{Hold, Watched};
use super::plan::SpawnFailure;
use super::root::Root;
use super::shared::{Life, Shared};
use super::turns::make_way;
use crate::engine::Input;
use held::{Callbacks, Lease, Place, Turn};

/// The wrapper around an actor `A`, with the same messages.
pub(crate) struct Session<A: Actor> {
    life: Arc<Life>,
    shared: Arc<Shared>,
    place: Place<A>,
}

impl<A: Actor> Drop for Session<A> {
    fn drop(&mut self) {
        self.leave();
        if self.life.holds(Hold::Tree)
            && let Some(tree) = self.life.tree()
        {
            tree.root_gone();
        }
        self.life.drop_span();
        self.shared.release(&self.life, Hold::Task);
    }
}

impl<A: Actor> Session<A> {
    /// Spawns the actor, linked to the root and registered under its name, if it has one.
    pub(crate) async fn spawn(
        life: Arc<Life>,
        shared: Arc<Shared>,
        name: Option<String>,
        actor: Box<A>,
        arguments: Box<A::Arguments>,
    ) -> Result<ActorCell, SpawnFailure> {
        life.hold(Hold::Task);
        let root = shared.root().clone();
        let session = Self {
            life,
            shared,
            place: Place::new(actor, arguments),
        };
        match Self::spawn_linked(name, session, (), root).await {
            Ok((actor, _)) => Ok(actor.into()),
            Err(SpawnErr::ActorAlreadyRegistered(name)) => Err(SpawnFailure::NameTaken(name)),
            Err(SpawnErr::StartupFailed(cause)) => Err(SpawnFailure::Failed(cause)),
            Err(error @ SpawnErr::ActorAlreadyStarted) => {
                Err(SpawnFailure::Failed(Box::new(error)))
            }
        }
    }

    /// Reports the end before ractor does: a caller that sees the session end finds that end
    /// handled. Of an end in order that the supervisor had not asked for, only ractor's event tells
    /// the reason. The root reads it before any command of a caller that saw the end (R3), so it is
    /// not reported here.
    fn tell(&self) {
        let key = self.life.key();
        // ractor drops what is left in the mailbox next, and a drop may block this thread.
        if self.shared.report_in_task(Input::Ended { key }) > 0 {
            self.shared.step_aside();
        }
    }

    /// While all are stopped, a session whose `post_stop` takes time does not delay those that are
    /// still to be asked. One whose `post_stop` is over at once need not report that: its end does.
    fn tell_of_post_stop(&self) {
        if self.shared.is_stopping() {
            let key = self.life.key();
            self.shared.report(Input::PostStop { key });
        }
    }

    /// What a callback's end means. After a failure the state is dropped here. ractor would drop it
    /// in the same task, but after it has told the root. A drop that blocks the thread would then
    /// keep the root, which tokio puts into a slot of this thread.
    fn flush(
        &self,
        lease: &mut Lease<'_, A>,
        result: Result<(), ActorProcessingErr>,
    ) -> Result<(), ActorProcessingErr> {
        let Err(error) = result else {
            lease.follow_up();
            return Ok(());
        };
        let cause = Arc::new(error);
        let drops = &self.shared.drops;
        self.life.mark_failed(Arc::clone(&cause), drops);
        lease.release();
        self.tell();
        Err(Box::new(Failing::new(cause, self.shared.drops.clone())))
    }

    /// Whether it is a static supervisor that is told of a start, which its launch has reported.
    fn knows(&self, event: &SupervisionEvent) -> bool {
        TypeId::of::<A>() == TypeId::of::<Root>()
            && exit::started(event).is_some()
            && self.life.tree().is_some_and(|tree| !tree.has_sessions())
    }

    /// What its handler of supervision events does.
    async fn handle_event(
        &self,
        myself: ActorRef<A::Msg>,
        event: SupervisionEvent,
        callbacks: &mut Callbacks,
    ) -> Result<(), ActorProcessingErr> {
        if self.knows(&event) {
            return Ok(());
        }
        if callbacks.turn_of(&self.shared, myself.get_id().pid()) == Turn::Roots {
            make_way().await;
        }
        // The root of a supervisor judges the ends of its children itself.
        if TypeId::of::<A>() != TypeId::of::<Root>() {
            callbacks.link_failure = exit::link_failure(&event);
        }
        let mut lease = self.lease();
        lease.follow(&event);
        let Some((actor, state)) = lease.parts() else {
            return Ok(());
        };
        // Only messages count as use.
        self.life.in_use.begin_event();
        let call = move || actor.handle_supervisor_evt(myself, event, state);
        let result = self.call_in_box(call).await;
        self.flush(&mut lease, result)?;
        self.went_well(self.life.in_use.end_event());
        Ok(())
    }

    /// A callback went well. It counts as running until here, so that a caller that finds none running
    /// finds the mark of a failure too. Each of those who wait for its end is told in a task of its
    /// own, since a waker may be any code.
    fn went_well(&self, watched: Watched) {
        if watched == Watched::No {
            return;
        }
        for watcher in self.life.take_watchers() {
            let life = Arc::clone(&self.life);
            let told = async move { life.tell_watcher(watcher) };
            drop(self.shared.runtime().spawn(told));
        }
    }
}

#[ractor::actor(message = A::Msg, state = Callbacks, arguments = ())]
impl<A: Actor> Session<A> {
    async fn pre_start(
        &self,
        myself: ActorRef<A::Msg>,
        (): (),
    ) -> Result<Callbacks, ActorProcessingErr> {
        self.life.set_cell(myself.get_cell());
        let Some((actor, arguments)) = self.begin() else {
            return Err("it was started before".into());
        };
        let user = &*actor;
        let started = self
            .call(pin!(Some(async move {
                // The state may be large, so it is put into its box before it is moved anywhere.
                let state = user.pre_start(myself, *arguments).await?;
                Ok(Box::new(state))
            })))
            .await;
        let error = match started {
            Ok(state) => {
                self.hold(actor, state).learn();
                return Ok(Callbacks::new());
            }
            Err(error) => error,
        };
        self.shared.lines.drop_guarded(actor);
        Err(error)
    }

    async fn post_start(
        &self,
        myself: ActorRef<A::Msg>,
        _callbacks: &mut Callbacks,
    ) -> Result<(), ActorProcessingErr> {
        let mut lease = self.lease();
        let Some((actor, state)) = lease.parts() else {
            return Ok(());
        };
        let number = myself.get_id().pid();
        let result = self
            .call(pin!(Some(
                async move { actor.post_start(myself, state).await }
            )))
            .await;
        self.flush(&mut lease, result)?;
        self.went_well(self.life.in_use.end(|| self.shared.clock.now()));
        self.shared.events.start_told(number);
        Ok(())
    }

    async fn handle(
        &self,
        myself: ActorRef<A::Msg>,
        message: A::Msg,
        callbacks: &mut Callbacks,
    ) -> Result<(), ActorProcessingErr> {
        let message = match callbacks.turn_of(&self.shared, myself.get_id().pid()) {
            Turn::Mine => message,
            Turn::Roots => {
                let kept = Box::new(message);
                make_way().await;
                *kept
            }
        };
        callbacks.link_failure = None;
        let mut lease = self.lease();
        let Some((actor, state)) = lease.parts() else {
            return Ok(());
        };
        self.life.in_use.begin();
        let call = move || actor.handle(myself, message, state);
        let result = self.call_in_box(call).await;
        self.flush(&mut lease, result)?;
        self.went_well(self.life.in_use.end(|| self.shared.clock.now()));
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<A::Msg>,
        event: SupervisionEvent,
        callbacks: &mut Callbacks,
    ) -> Result<(), ActorProcessingErr> {
        // Most sessions have no children. Their tasks have no room for this.
        Box::pin(self.handle_event(myself, event, callbacks)).await
    }

    async fn post_stop(
        &self,
        myself: ActorRef<A::Msg>,
        callbacks: &mut Callbacks,
    ) -> Result<(), ActorProcessingErr> {
        if callbacks.turn_of(&self.shared, myself.get_id().pid()) == Turn::Roots {
            make_way().await;
        }
        // What it stops itself may have linked others, which then are not below it any more.
        let mut lease = self.lease();
        lease.learn();
        let had_linked = lease.remembers();
        if let Some((actor, state)) = lease.parts() {
            let result = self
                .call(pin!(Some(
                    async move { actor.post_stop(myself, state).await }
                )))
                .of_post_stop()
                .await;
            self.flush(&mut lease, result)?;
        }
        // If nothing is remembered, all that is below it was looked at just now.
        if had_linked || lease.remembers() {
            self.life.note_orphans();
        }
        let failure = callbacks.link_failure.take();
        lease.release();
        match failure {
            Some(cause) => self.life.mark_link_failed(cause, &self.shared.drops),
            None => self.life.mark_orderly(),
        }
        if self.shared.is_stopping() {
            // While all are stopped its release says the same a moment later. So it needs no event
            // either, which would wake the root once for each session.
            if let Some(cell) = self.life.cell() {
                cell.unlink(self.shared.root().clone());
            }
        } else if !self.life.ended_unasked() {
            self.tell();
        }
        Ok(())
    }
}
