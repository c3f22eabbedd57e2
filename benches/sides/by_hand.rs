//! The supervisor that a user of ractor writes by hand: it answers a call by `spawn_linked` in its
//! handler, keeps the cell in a map, and respawns what failed.
//!
//! It has no isolation, no limits and no graceful stop.

use std::collections::HashMap;
use std::sync::Arc;

use ractor::{
    Actor, ActorCell, ActorProcessingErr, ActorRef, RpcReplyPort, SpawnErr, SupervisionEvent,
};

use super::session::{Census, Session};

#[derive(Debug)]
pub(crate) struct ByHand;

#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) id: String,
    pub(crate) reply: RpcReplyPort<Result<ActorCell, SpawnErr>>,
}

#[cfg(feature = "cluster")]
impl ractor::Message for Start {}

#[derive(Debug)]
pub(crate) struct State {
    name: String,
    census: Arc<Census>,
    sessions: HashMap<String, ActorCell>,
}

#[ractor::actor(message = Start, state = State, arguments = (String, Arc<Census>))]
impl ByHand {
    async fn pre_start(
        &self,
        _myself: ActorRef<Start>,
        (name, census): (String, Arc<Census>),
    ) -> Result<State, ActorProcessingErr> {
        Ok(State {
            name,
            census,
            sessions: HashMap::new(),
        })
    }

    async fn handle(
        &self,
        myself: ActorRef<Start>,
        Start { id, reply }: Start,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        let name = format!("{}/session/{id}", state.name);
        let answer = spawn(name, state, &myself).await;
        drop(reply.send(answer));
        Ok(())
    }

    async fn handle_supervisor_evt(
        &self,
        myself: ActorRef<Start>,
        event: SupervisionEvent,
        state: &mut State,
    ) -> Result<(), ActorProcessingErr> {
        match event {
            SupervisionEvent::ActorFailed(cell, _) => {
                if let Some(name) = cell.get_name() {
                    drop(spawn(name, state, &myself).await);
                }
            }
            SupervisionEvent::ActorTerminated(cell, _, _) => {
                if let Some(name) = cell.get_name() {
                    state.sessions.remove(&name);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

async fn spawn(
    name: String,
    state: &mut State,
    myself: &ActorRef<Start>,
) -> Result<ActorCell, SpawnErr> {
    let census = Arc::clone(&state.census);
    let spawned = Session::spawn_linked(Some(name.clone()), Session, census, myself.get_cell());
    let (session, _) = spawned.await?;
    let cell = session.get_cell();
    state.sessions.insert(name, cell.clone());
    Ok(cell)
}
