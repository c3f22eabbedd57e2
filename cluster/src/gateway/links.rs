//! Which connection is a peer's, and when a peer is dialled: the decisions, without a clock and without
//! a network.
//!
//! A node dials the peers whose names are above its own; the others dial it. A connection is a peer's
//! when ractor's handshake is over and it is of the incarnation that etcd tells of. Its gateway is then
//! asked who it is, and only after a fitting answer is it used. What is of another incarnation is closed.

mod choose;
mod connection;
mod peer;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use connection::{Connection, Stage};
pub(super) use connection::{ConnectionId, Direction, Identity};
use peer::{Dials, Peer, State};

use super::status::{PeerInfo, PeerState};
use crate::engine::{Backoff, NodeName};

/// The time since the gateway was opened.
pub(super) type Moment = Duration;

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// From a connection to the end of ractor's handshake; and an attempt to connect.
    pub(super) handshake: Duration,
    /// From there to the answer of the peer's gateway.
    pub(super) greeting: Duration,
    /// How long a connection of a node is kept of which etcd has told nothing.
    pub(super) stranger: Duration,
    /// A connection that stood for so long was a success: the pauses begin anew.
    pub(super) steady: Duration,
    /// The pauses between attempts.
    pub(super) backoff: Backoff,
}

impl Timing {
    pub(super) fn usual() -> Self {
        Self {
            handshake: Duration::from_secs(5),
            greeting: Duration::from_secs(3),
            stranger: Duration::from_secs(10),
            steady: Duration::from_secs(10),
            // From 50 ms to 2 s.
            backoff: Backoff::default(),
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// Connect to this address, and say [`dialled`](Links::dialled).
    Dial {
        node: NodeName,
        attempt: u64,
        address: String,
    },
    /// Ask the gateway behind this connection who it is, and say [`greeted`](Links::greeted).
    Greet {
        identity: Identity,
        connection: ConnectionId,
    },
    /// Requests to this node go over this connection from now on.
    Up {
        identity: Identity,
        connection: ConnectionId,
    },
    /// Requests to this node go nowhere.
    Down { node: NodeName, why: &'static str },
    /// Close this connection.
    Close {
        connection: ConnectionId,
        why: &'static str,
    },
    /// The connection to a peer, or an attempt at one, has failed.
    Failed { node: NodeName, text: String },
}

/// All peers and all connections.
#[derive(Debug)]
pub(super) struct Links {
    own: NodeName,
    timing: Timing,
    seed: u64,
    peers: BTreeMap<NodeName, Peer>,
    connections: HashMap<ConnectionId, Connection>,
}

impl Links {
    /// No peers. Pauses of the same seed are the same.
    pub(super) fn new(own: NodeName, timing: Timing, seed: u64) -> Self {
        Self {
            own,
            timing,
            seed,
            peers: BTreeMap::new(),
            connections: HashMap::new(),
        }
    }

    /// These are the peers now, and no others. This node itself is left out.
    pub(super) fn set(
        &mut self,
        mut nodes: HashMap<NodeName, PeerInfo>,
        now: Moment,
        out: &mut Vec<Effect>,
    ) {
        nodes.remove(&self.own);
        let gone: Vec<_> = self
            .peers
            .keys()
            .filter(|name| !nodes.contains_key(*name))
            .cloned()
            .collect();
        for name in gone {
            if let Some(peer) = self.peers.remove(&name) {
                let why = "the node has left";
                peer.left(&name, why, out);
                self.close_all(&name, why, out);
            }
        }
        for (name, info) in nodes {
            match self.peers.get_mut(&name) {
                Some(peer) if peer.info.incarnation == info.incarnation => {
                    peer.moved_to(info.address, now);
                    continue;
                }
                Some(peer) => {
                    let why = "an incarnation that is gone";
                    peer.left(&name, why, out);
                    // Only those of the incarnation that is gone: one of the new may be there already.
                    let old = Identity {
                        node: name.clone(),
                        incarnation: peer.info.incarnation,
                    };
                    self.close_these(&old, why, out);
                }
                None => {}
            }
            self.seed = self.seed.wrapping_add(1);
            // So that two nodes do not dial each other.
            let dials = if self.own < name {
                Dials::ThisNode
            } else {
                Dials::ThePeer
            };
            let peer = Peer::new(info, dials, self.timing.backoff, self.seed, now);
            self.peers.insert(name.clone(), peer);
            self.adopt(&name, now, out);
        }
        self.tick(now, out);
    }

    /// An attempt to connect has ended: with the address that was connected to, or with a cause. A
    /// success is said before ractor is given the connection.
    pub(super) fn dialled(
        &mut self,
        node: &NodeName,
        attempt: u64,
        outcome: Result<String, String>,
        now: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(peer) = self.peers.get_mut(node) else {
            return;
        };
        if !matches!(peer.state, State::Dialling { .. }) || peer.attempt != attempt {
            return;
        }
        match outcome {
            Ok(address) => {
                let until = now + self.timing.handshake;
                peer.state = State::Handshaking { address, until };
            }
            Err(text) => peer.failed(node, text, now, out),
        }
    }

    /// ractor has a connection.
    pub(super) fn opened(
        &mut self,
        id: ConnectionId,
        direction: Direction,
        address: String,
        now: Moment,
    ) {
        let until = now + self.timing.handshake;
        let connection = Connection::opened(direction, address, until);
        self.connections.insert(id, connection);
    }

    /// A connection is not wanted, whatever is behind it.
    pub(super) fn refuse(&mut self, id: ConnectionId, why: &'static str, out: &mut Vec<Effect>) {
        self.close(id, why, out);
    }

    /// ractor's handshake is over, and the peer says that it is this one. `None` is a peer with a name
    /// that no gateway has.
    pub(super) fn ready(
        &mut self,
        id: ConnectionId,
        identity: Option<Identity>,
        now: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.stage == Stage::Closing {
            return;
        }
        let Some(identity) = identity else {
            connection.close(id, "the peer is no gateway", out);
            return;
        };
        if identity.node == self.own {
            connection.close(id, "the peer has the name of this node", out);
            return;
        }
        let until = now + self.timing.stranger;
        connection.stage = Stage::Ready { until };
        connection.identity = Some(identity.clone());
        let dialled = std::mem::take(&mut connection.address);
        self.adopt(&identity.node, now, out);
        self.wrong_address(&dialled, &identity, now, out);
    }

    /// The gateway behind a connection has said who it is, and it fits; or it does not.
    pub(super) fn greeted(
        &mut self,
        node: &NodeName,
        id: ConnectionId,
        outcome: Result<(), String>,
        now: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(peer) = self.peers.get_mut(node) else {
            return;
        };
        if !matches!(peer.state, State::Greeting { connection, .. } if connection == id) {
            return;
        }
        match outcome {
            Ok(()) => {
                peer.state = State::Up {
                    connection: id,
                    since: now,
                };
                let identity = Identity {
                    node: node.clone(),
                    incarnation: peer.info.incarnation,
                };
                out.push(Effect::Up {
                    identity,
                    connection: id,
                });
            }
            Err(text) => {
                peer.failed(node, text, now, out);
                self.close(id, "the greeting has failed", out);
            }
        }
    }

    /// Nothing has been heard over a connection for too long.
    pub(super) fn silent(
        &mut self,
        node: &NodeName,
        id: ConnectionId,
        now: Moment,
        out: &mut Vec<Effect>,
    ) {
        let Some(peer) = self.peers.get_mut(node) else {
            return;
        };
        if matches!(peer.state, State::Up { connection, .. } if connection == id) {
            peer.lost(
                node,
                "nothing was heard of it for too long",
                &self.timing,
                now,
                out,
            );
            self.close(id, "nothing was heard over it", out);
        }
    }

    /// ractor's connection has ended.
    pub(super) fn closed(&mut self, id: ConnectionId, now: Moment, out: &mut Vec<Effect>) {
        let Some(connection) = self.connections.remove(&id) else {
            return;
        };
        let Some(Identity { node, .. }) = connection.identity else {
            self.handshake_failed(&connection, now, out);
            return;
        };
        let Some(peer) = self.peers.get_mut(&node) else {
            return;
        };
        if peer.connection() == Some(id) {
            peer.lost(&node, "the connection has ended", &self.timing, now, out);
        }
        // There may be another one: two nodes that dial each other have two for a moment.
        self.adopt(&node, now, out);
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Moment, out: &mut Vec<Effect>) {
        for (name, peer) in &mut self.peers {
            if let Some(late) = peer.tick(name, &self.timing, now, out)
                && let Some(connection) = self.connections.get_mut(&late)
            {
                connection.close(late, "the greeting has taken too long", out);
            }
        }
        let peers = &self.peers;
        for (id, connection) in &mut self.connections {
            if connection.until(peers).is_some_and(|until| until <= now) {
                let why = match connection.stage {
                    Stage::Opened { .. } => "the handshake has taken too long",
                    _ => "no such node is known",
                };
                connection.close(*id, why, out);
            }
        }
    }

    /// When to call [`tick`](Self::tick) next, if nothing else happens.
    pub(super) fn next_deadline(&self) -> Option<Moment> {
        let peers = self.peers.values().filter_map(Peer::deadline);
        let connections = self.connections.values();
        let connections = connections.filter_map(|connection| connection.until(&self.peers));
        peers.chain(connections).min()
    }

    /// How it stands with each peer.
    pub(super) fn states(&self) -> impl Iterator<Item = (&NodeName, PeerState)> {
        self.peers.iter().map(|(name, peer)| (name, peer.told()))
    }
}

#[cfg(test)]
mod tests;
