//! Which connection a peer takes, and which are closed.

use super::connection::{Connection, Stage};
use super::peer::State;
use super::{ConnectionId, Direction, Effect, Identity, Links, Moment};
use crate::engine::NodeName;

impl Links {
    /// Takes a connection for a peer that has none, if there is one of its incarnation.
    pub(super) fn adopt(&mut self, node: &NodeName, now: Moment, out: &mut Vec<Effect>) {
        let Some(peer) = self.peers.get_mut(node) else {
            return;
        };
        if peer.connection().is_some() {
            return;
        }
        let identity = Identity {
            node: node.clone(),
            incarnation: peer.info.incarnation,
        };
        let usable = self.connections.iter().filter(|(_, connection)| {
            let ready = matches!(connection.stage, Stage::Ready { .. });
            ready && connection.identity.as_ref() == Some(&identity)
        });
        if let Some(connection) = usable.map(|(id, _)| *id).max() {
            let until = now + self.timing.greeting;
            peer.state = State::Greeting { connection, until };
            out.push(Effect::Greet {
                identity,
                connection,
            });
        }
    }

    /// If another node answers at the address of a peer, that peer's attempt has failed.
    pub(super) fn wrong_address(
        &mut self,
        dialled: &str,
        found: &Identity,
        now: Moment,
        out: &mut Vec<Effect>,
    ) {
        for (name, peer) in &mut self.peers {
            let other = *name != found.node || peer.info.incarnation != found.incarnation;
            if other && peer.handshakes_with(dialled) {
                let text = format!("{found} answers at its address {dialled}");
                // Not soon again: ractor gives up one of two connections to that other node.
                peer.elsewhere(name, text, now + self.timing.stranger, out);
            }
        }
    }

    /// A connection has ended before its handshake was over.
    pub(super) fn handshake_failed(
        &mut self,
        connection: &Connection,
        now: Moment,
        out: &mut Vec<Effect>,
    ) {
        if connection.direction == Direction::In {
            return;
        }
        for (name, peer) in &mut self.peers {
            if peer.handshakes_with(&connection.address) {
                let text = "the connection was closed in the handshake, as it is if the cookies or the certificates do not fit";
                peer.failed(name, text.to_owned(), now, out);
            }
        }
    }

    pub(super) fn close(&mut self, id: ConnectionId, why: &'static str, out: &mut Vec<Effect>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.close(id, why, out);
        }
    }

    pub(super) fn close_all(&mut self, node: &NodeName, why: &'static str, out: &mut Vec<Effect>) {
        for (id, connection) in &mut self.connections {
            if connection
                .identity
                .as_ref()
                .is_some_and(|identity| identity.node == *node)
            {
                connection.close(*id, why, out);
            }
        }
    }

    pub(super) fn close_these(&mut self, old: &Identity, why: &'static str, out: &mut Vec<Effect>) {
        for (id, connection) in &mut self.connections {
            if connection.identity.as_ref() == Some(old) {
                connection.close(*id, why, out);
            }
        }
    }
}
