//! The one actor of a node that other nodes can reach.

use std::sync::Arc;

use ractor::{ActorProcessingErr, ActorRef};

use super::message::GatewayMessage;
use super::serve::Server;

/// Hands each request to the server, which reads it and has a task carry it out: no request waits for another.
pub(super) struct GatewayActor {
    pub(super) server: Arc<Server>,
}

#[ractor::actor(message = GatewayMessage, state = (), arguments = ())]
impl GatewayActor {
    async fn pre_start(
        &self,
        _: ActorRef<GatewayMessage>,
        (): (),
    ) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<GatewayMessage>,
        message: GatewayMessage,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let GatewayMessage::Ask(frame, reply) = message;
        self.server.take(frame, reply);
        Ok(())
    }
}
