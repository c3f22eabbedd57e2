//! What happens to connections, as the driver is told of it.

use ractor::ActorRef;
use ractor_cluster::NodeEventSubscription;
use ractor_cluster::node::NodeServerSessionInformation as Session;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::UnboundedSender;

use super::links::{ConnectionId, Identity};
use super::message::GatewayMessage;
use crate::engine::NodeName;

/// Something that the driver decides upon. Their number is bounded by that of the connections, which is
/// bounded itself.
pub(super) enum Event {
    /// A connection from this address was accepted, and is going to be ractor's. The place is one of
    /// those for handshakes.
    Accepted {
        address: String,
        place: OwnedSemaphorePermit,
    },
    /// A connection from this address was not accepted: there was no handshake of TLS.
    NotAccepted { address: String, why: String },
    /// An attempt to dial has ended, with the address or with a cause.
    Dialled {
        node: NodeName,
        attempt: u64,
        outcome: Result<String, String>,
    },
    /// ractor has a connection.
    Opened(Session),
    /// ractor's handshake is over.
    Ready(Session),
    /// ractor's connection has ended.
    Closed(Session),
    /// The gateway behind a connection has said who it is, or has not.
    Greeted {
        identity: Identity,
        connection: ConnectionId,
        outcome: Result<ActorRef<GatewayMessage>, String>,
    },
    /// Nothing was heard over a connection for too long.
    Silent {
        node: NodeName,
        connection: ConnectionId,
    },
}

/// Hands ractor's events on. It is called within ractor's actor, so it must not wait.
pub(super) struct Subscription(pub(super) UnboundedSender<Event>);

impl Subscription {
    fn tell(&self, event: Event) {
        // The driver has ended with its gateway.
        drop(self.0.send(event));
    }
}

impl NodeEventSubscription for Subscription {
    fn node_session_opened(&self, session: Session) {
        self.tell(Event::Opened(session));
    }

    fn node_session_authenticated(&self, _: Session) {}

    fn node_session_ready(&self, session: Session) {
        self.tell(Event::Ready(session));
    }

    fn node_session_disconnected(&self, session: Session) {
        self.tell(Event::Closed(session));
    }
}
