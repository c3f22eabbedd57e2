//! The root actor of a supervisor of either kind: all its children are linked to it, and it is
//! found by name. It turns supervision events into inputs, and sends fences back (`inbox`).
//!
//! Its handlers never return `Err` and never use `?`: an error here would end the supervisor and kill
//! every session (docs/ractor.md). They await nothing but further starts, and that for a moment only
//! (`shared/batch.rs`). Its message type is `()`, a fence; a stray one finds nothing behind it.
//!
//! ractor's own helpers for a whole tree are never used: they know one timeout for all, and would
//! touch foreign actors that linked themselves to the root.

use std::sync::{Arc, OnceLock};

use ractor::{ActorCell, ActorProcessingErr, ActorRef, ActorStatus, SupervisionEvent};

use super::directory;
use super::driver_task::run;
use super::drop_queue::Deferred;
use super::exit::{self, Told};
use super::progress::RootStage;
use super::shared::{Counting, Item, MoreStarts, RootArguments, Shared};
use super::ticket::Ticket;
use crate::engine::{BeginAnswer, Discard, Failure, Input};
use crate::error::{StartChildError, StartSupervisorError};
use crate::names;

/// What a root is sent: a fence. A type of our own would be no `ractor::Message` under `cluster`.
pub(crate) type RootMsg = ();

/// The actor. Its own drop is the last thing that ractor does of its task, if it is alone.
pub(crate) struct Root {
    standing: Standing,
    made: OnceLock<Arc<Shared>>,
}

/// Who tells that the root's task is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The root itself.
    Alone,
    /// The root itself, which ractor may yet refuse to link.
    Linked,
    /// The wrapper, as of any session.
    Child,
}

impl Root {
    pub(super) const fn new(standing: Standing) -> Self {
        Self {
            standing,
            made: OnceLock::new(),
        }
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        if self.standing != Standing::Child
            && let Some(shared) = self.made.get()
        {
            shared.root_gone();
        }
    }
}

#[ractor::actor(message = RootMsg, state = Arc<Shared>, arguments = RootArguments)]
impl Root {
    async fn pre_start(
        &self,
        myself: ActorRef<RootMsg>,
        arguments: RootArguments,
    ) -> Result<Arc<Shared>, ActorProcessingErr> {
        let slot = Arc::clone(&arguments.slot);
        let counting = match self.standing {
            Standing::Alone => Counting::Off,
            Standing::Linked | Standing::Child => Counting::On,
        };
        let shared = Shared::new(myself.get_cell(), arguments, counting);
        drop(slot.set(Arc::clone(&shared)));
        drop(self.made.set(Arc::clone(&shared)));
        if let Some(parent_link) = &shared.parent_link {
            parent_link.life.hold_tree(Arc::clone(&shared));
        }
        directory::add(&shared);
        // From here on whatever becomes of the root is the driver task's to finish.
        drop(shared.runtime().spawn(run(Arc::clone(&shared))));
        if !shared.has_sessions() {
            begin(&shared).await?;
        }
        if self.standing != Standing::Linked {
            shared.announce();
        }
        shared.progress.root_is(RootStage::Open);
        Ok(shared)
    }

    async fn handle(
        &self,
        _myself: ActorRef<RootMsg>,
        _fence: RootMsg,
        shared: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        shared.events.message_read();
        shared.go_on(shared.inbox.fence_back());
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<RootMsg>,
        event: SupervisionEvent,
        shared: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        // ractor moves this future for each event, so it holds as little as possible while it waits.
        drop(myself);
        let mut more = read(shared, event);
        if let Some(more) = &mut more {
            more.await;
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<RootMsg>,
        shared: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        shared.report(Input::LoopEnded);
        shared.progress.root_is(RootStage::LoopEnded);
        // No fence comes back any more. What is pushed from now on does not wait for one.
        shared.go_on(shared.inbox.pass_all());
        shared.wait_finished().await;
        Ok(())
    }
}

/// Has the children of a static supervisor started, and waits for that.
async fn begin(shared: &Arc<Shared>) -> Result<(), ActorProcessingErr> {
    let (ticket, answer) = Ticket::new();
    shared.report(Input::Begin { ticket });
    match answer.await {
        Ok(BeginAnswer::Begun) => Ok(()),
        Ok(BeginAnswer::ChildFailed { role, failure }) => {
            let holder = match &failure {
                Failure::NameTaken(name) => ractor::registry::where_is(String::from(&**name)),
                _ => None,
            };
            let error = StartChildError::of_failure(&role, failure, holder);
            Err(Box::new(StartSupervisorError::ChildFailed { role, error }))
        }
        Ok(BeginAnswer::Down) | Err(_) => {
            Err("the supervisor was stopped before all its children were started".into())
        }
    }
}

/// Handles an event. Returns what the root awaits before it reads the next one.
fn read(shared: &Arc<Shared>, event: SupervisionEvent) -> Option<MoreStarts<'_>> {
    if let Some(cell) = exit::started(&event) {
        return read_start(shared, cell);
    }
    let Told { cell, state, seen } = exit::translate(event)?;
    // No state of a user's actor is dropped in the root. A name does not tell whose it is: any
    // actor may bear a session's name and link itself to us, and its state has no guard.
    if let Some(state) = state {
        shared.drop_later([Deferred::State(state)]);
    }
    // ractor shows an end before it reports it, and any actor can send an event about any
    // other.
    let ended = cell.get_status() >= ActorStatus::Stopping;
    let id = session_id(shared, &cell);
    // A static supervisor knows its children by their actors, whatever their names are.
    if ended && (id.is_some() || !shared.has_sessions()) {
        let actor = cell.get_id().pid();
        shared.push(Item::Input(Input::Exited { id, actor, seen }));
    } else {
        shared.discard(Discard::Seen(seen));
    }
    None
}

/// Handles the event of a start. Returns what the root awaits before it reads the next event.
fn read_start<'a>(shared: &'a Shared, cell: &ActorCell) -> Option<MoreStarts<'a>> {
    // Only the starts of sessions are counted.
    let is_counted = shared.has_sessions()
        && (shared.events.is_next(cell.get_id().pid()) || is_session(shared, cell));
    if !is_counted {
        return None;
    }
    shared.events.start_read(|| {
        // ractor shows that somebody drains the root before it sends the message that does.
        shared.root().get_status() >= ActorStatus::Draining || shared.inbox.is_fence_out()
    })
}

/// Whether an actor's name is that of a session.
fn is_session(shared: &Shared, cell: &ActorCell) -> bool {
    cell.get_name()
        .is_some_and(|name| names::id_of(shared.name(), &name).is_some())
}

/// The id of the session that the name of a dead actor means. Whether it really is that session is
/// decided by its number.
fn session_id(shared: &Shared, cell: &ActorCell) -> Option<Arc<str>> {
    Some(names::id_of(shared.name(), &cell.get_name()?)?.into())
}
