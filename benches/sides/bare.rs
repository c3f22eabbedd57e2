//! Sessions linked to an actor that does nothing: what ractor itself costs.

use std::sync::Arc;

use ractor::{Actor, ActorProcessingErr, ActorRef, SpawnErr, SupervisionEvent};

use super::session::{Census, Msg, Session};

/// Takes the events of its children and does nothing with them.
#[derive(Debug)]
pub(crate) struct Idle;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Idle {
    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        _event: SupervisionEvent,
        _state: &mut (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }
}

/// One session under its name, linked to the parent.
pub(crate) async fn start(
    name: String,
    parent: &ActorRef<()>,
    census: &Arc<Census>,
) -> Result<ActorRef<Msg>, SpawnErr> {
    let (session, _) =
        Session::spawn_linked(Some(name), Session, Arc::clone(census), parent.get_cell()).await?;
    Ok(session)
}
