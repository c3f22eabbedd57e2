//! The root actor: all sessions are linked to it, and it is found by name. It turns bells and
//! supervision events into inbox items and drives.
//!
//! Its handlers never await user code, never return `Err` and never use `?`: an error here would end
//! the supervisor and kill every session (HAZARDS R31). Its message type is `()`, the bell; a stray
//! one finds the bell not rung.
//!
//! Absent on purpose: the sessions' fate. ractor's own helpers for a whole tree are never used: they
//! know one timeout for all, and would touch foreign actors that linked themselves to the root.

use std::sync::{Arc, OnceLock};

use ractor::{ActorCell, ActorProcessingErr, ActorRef, ActorStatus, SupervisionEvent};
use tokio::runtime::Handle;

use super::exit::{self, Told};
use super::graveyard::Grave;
use super::inbox::Stage;
use super::shared::Shared;
use crate::engine::{Input, Seen, Settings};
use crate::names;
use crate::reason::SHUTDOWN;

pub(crate) struct Root;

/// What a root is made from, and where it leaves what all hold together.
pub(crate) struct Birth {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) runtime: Handle,
    pub(crate) shared: Arc<OnceLock<Arc<Shared>>>,
}

#[ractor::actor(message = (), state = Arc<Shared>, arguments = Birth)]
impl Root {
    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        birth: Birth,
    ) -> Result<Arc<Shared>, ActorProcessingErr> {
        let root = myself.get_cell();
        let shared = Shared::new(&birth.name, root, birth.settings, birth.runtime);
        drop(birth.shared.set(Arc::clone(&shared)));
        Ok(shared)
    }

    async fn handle(
        &self,
        _myself: ActorRef<()>,
        _bell: (),
        shared: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        shared.hear();
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        event: SupervisionEvent,
        shared: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        let Some(Told { cell, state, seen }) = exit::translate(event) else {
            return Ok(());
        };
        // Nobody's state is dropped in the root. A name does not tell whose it is: any actor may bear a
        // session's name and link itself to us, and its state has no guard.
        if let Some(state) = state {
            shared.bury([Grave::State(state)]);
        }
        // While all are stopped, an end that we asked for is known from the session's release, and nobody
        // needs the text.
        let asked = matches!(&seen, Seen::Terminated(Some(reason)) if reason == SHUTDOWN);
        if asked && shared.is_stopping() {
            return Ok(());
        }
        // ractor shows an end before it tells of it, and anybody can send an event about anybody.
        let ended = cell.get_status() >= ActorStatus::Stopping;
        match session_id(shared, &cell).filter(|_| ended) {
            Some(id) => shared.exited(Input::Exited {
                id: Some(id),
                actor: cell.get_id().pid(),
                seen,
            }),
            None => shared.bury([Grave::Seen(seen)]),
        }
        Ok(())
    }

    async fn post_stop(
        &self,
        _myself: ActorRef<()>,
        shared: &mut Arc<Shared>,
    ) -> Result<(), ActorProcessingErr> {
        shared.inbox.enter(Stage::LoopEnded);
        // A bell that the root will not hear any more is the undertaker's.
        shared.report(Input::LoopEnded);
        shared.go_on(shared.inbox.recall());
        shared.bell.notify_one();
        shared.wait_finished().await;
        Ok(())
    }
}

/// The id of the session that the name of a dead actor means. Whether it really is that session is
/// decided by its number.
fn session_id(shared: &Shared, cell: &ActorCell) -> Option<Arc<str>> {
    let name = cell.get_name()?;
    let (supervisor, id) = names::parse_session(&name)?;
    (supervisor == shared.name()).then(|| id.into())
}
