//! The actor that wraps the user's actor: it guards its state's drop and leaves the mark that tells
//! how it ended.
//!
//! After an orderly `post_stop`, and after an error, the state is dropped in the session's own task,
//! before ractor tells the root. The state of a killed session travels in ractor's exit event; wherever
//! that is dropped, the state is handed to a task of its own, as after a panic. A panic in the drop is
//! caught in each case.
//!
//! Absent on purpose: any supervision of the user's own children. That is the user's actor's, whose
//! supervision handler is passed through.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};

use super::life::{Left, Life};
use super::plan::{Order, SpawnFailure, Spawned};
use super::shared::Shared;
use super::unwind::drop_guarded;
use crate::names;

/// The wrapper around an actor `A`: same messages, same arguments.
pub(crate) struct Session<A: Actor> {
    actor: A,
    life: Arc<Life>,
    shared: Arc<Shared>,
}

impl<A: Actor> Session<A> {
    /// Spawns the actor, linked to the root and registered under the session's name.
    pub(crate) async fn spawn(
        order: Order,
        actor: A,
        arguments: A::Arguments,
    ) -> Result<Spawned, SpawnFailure> {
        let Order {
            context,
            life,
            shared,
        } = order;
        let name = names::session(shared.name(), &context.id);
        let root = shared.root().clone();
        let session = Self {
            actor,
            life,
            shared,
        };
        match Self::spawn_linked(Some(name), session, arguments, root).await {
            Ok((actor, join)) => Ok(Spawned {
                cell: actor.get_cell(),
                join,
            }),
            Err(SpawnErr::ActorAlreadyRegistered(_)) => Err(SpawnFailure::NameTaken),
            Err(SpawnErr::StartupFailed(cause)) => Err(SpawnFailure::Failed(cause)),
            Err(error @ SpawnErr::ActorAlreadyStarted) => {
                Err(SpawnFailure::Failed(Box::new(error)))
            }
        }
    }

    /// Runs a callback, and sees to what its failure, its panic or a kill in it means.
    async fn watched(
        &self,
        callback: impl Future<Output = Result<(), ActorProcessingErr>>,
    ) -> Result<(), ActorProcessingErr> {
        let watch = Watch(&self.life);
        let result = callback.await;
        match &result {
            Ok(()) => watch.went_well(),
            Err(_) => self.life.mark_failed(),
        }
        result
    }
}

#[ractor::actor(message = A::Msg, state = Guard<A::State>, arguments = A::Arguments)]
impl<A: Actor> Session<A> {
    async fn pre_start(
        &self,
        myself: ActorRef<A::Msg>,
        arguments: A::Arguments,
    ) -> Result<Guard<A::State>, ActorProcessingErr> {
        self.life.set_cell(myself.get_cell());
        let watch = Watch(&self.life);
        let state = self.actor.pre_start(myself, arguments).await?;
        watch.went_well();
        Ok(Guard::new(state, &self.life, &self.shared))
    }

    async fn post_start(
        &self,
        myself: ActorRef<A::Msg>,
        guard: &mut Guard<A::State>,
    ) -> Result<(), ActorProcessingErr> {
        let Some(state) = guard.state() else {
            return Ok(());
        };
        let result = self.watched(self.actor.post_start(myself, state)).await;
        guard.release_after(result)
    }

    async fn handle(
        &self,
        myself: ActorRef<A::Msg>,
        message: A::Msg,
        guard: &mut Guard<A::State>,
    ) -> Result<(), ActorProcessingErr> {
        guard.root_first().await;
        let Some(state) = guard.state() else {
            return Ok(());
        };
        let result = self
            .watched(self.actor.handle(myself, message, state))
            .await;
        guard.release_after(result)
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<A::Msg>,
        event: SupervisionEvent,
        guard: &mut Guard<A::State>,
    ) -> Result<(), ActorProcessingErr> {
        guard.root_first().await;
        let Some(state) = guard.state() else {
            return Ok(());
        };
        let result = self
            .watched(self.actor.handle_supervisor_evt(myself, event, state))
            .await;
        guard.release_after(result)
    }

    async fn post_stop(
        &self,
        myself: ActorRef<A::Msg>,
        guard: &mut Guard<A::State>,
    ) -> Result<(), ActorProcessingErr> {
        guard.root_first().await;
        if let Some(state) = guard.state() {
            let result = self.watched(self.actor.post_stop(myself, state)).await;
            guard.release_after(result)?;
        }
        self.life.note_orphans();
        guard.release();
        self.life.mark_orderly();
        Ok(())
    }
}

/// Watches over a callback that may be the session's last: unless that went well, the session ends now.
/// If it panicked, the session is marked as failed. A callback that is merely dropped, because the
/// session was killed, leaves no mark.
struct Watch<'a>(&'a Life);

impl Watch<'_> {
    fn went_well(self) {
        std::mem::forget(self);
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.mark_failed();
        }
        self.0.note_orphans();
    }
}

/// The user's state, with its drop guarded.
pub(crate) struct Guard<S: Send + 'static> {
    corpse: Option<Corpse<S>>,
    turn: Turn,
}

/// Whose turn it is after the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Root,
    Session,
}

impl<S: Send + 'static> Guard<S> {
    fn new(state: S, life: &Arc<Life>, shared: &Arc<Shared>) -> Self {
        life.state_guarded();
        Self {
            corpse: Some(Corpse {
                state: Some(state),
                life: Arc::clone(life),
                shared: Arc::clone(shared),
            }),
            turn: Turn::Root,
        }
    }

    /// Before the first callback after the start, lets the root have its turn.
    ///
    /// ractor has just told the root that the session started. tokio put the root into a slot of this
    /// thread that no other can take from; a callback, or a drop after it, that blocks the thread would
    /// keep the root there.
    async fn root_first(&mut self) {
        if std::mem::replace(&mut self.turn, Turn::Session) == Turn::Root {
            tokio::task::yield_now().await;
        }
    }

    fn state(&mut self) -> Option<&mut S> {
        self.corpse.as_mut()?.state.as_mut()
    }

    /// Drops the state here and now.
    fn release(&mut self) {
        drop(self.corpse.take());
    }

    /// Drops the state if the session has failed. ractor would do it in the same task, but after it has
    /// told the root: a drop that blocks the thread would keep the root, which tokio puts into a slot of
    /// this thread.
    fn release_after(
        &mut self,
        result: Result<(), ActorProcessingErr>,
    ) -> Result<(), ActorProcessingErr> {
        if result.is_err() {
            self.release();
        }
        result
    }
}

impl<S: Send + 'static> Drop for Guard<S> {
    fn drop(&mut self) {
        let Some(corpse) = self.corpse.take() else {
            return;
        };
        // It was killed, or it panicked. This may be the root's task or its event port, or the session's
        // own task after the root was told.
        let runtime = corpse.shared.runtime().clone();
        drop(runtime.spawn(async move { drop(corpse) }));
    }
}

/// A state that is to be dropped, wherever its drop happens to run.
struct Corpse<S: Send + 'static> {
    state: Option<S>,
    life: Arc<Life>,
    shared: Arc<Shared>,
}

impl<S: Send + 'static> Drop for Corpse<S> {
    fn drop(&mut self) {
        drop_guarded(self.state.take());
        if self.life.state_dropped() == Left::Nothing {
            self.shared.released(&self.life);
        }
    }
}
