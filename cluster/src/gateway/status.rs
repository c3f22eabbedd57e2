//! What a gateway tells of its peers.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::engine::{Incarnation, NodeName, serial};

/// Where a peer is to be found, as its key in etcd says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[expect(
    clippy::exhaustive_structs,
    reason = "the caller makes it, of what the peer's key says"
)]
pub struct PeerInfo {
    /// `host:port`.
    pub address: String,
    /// Its incarnation.
    pub incarnation: Incarnation,
}

/// How it stands with the connection to a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PeerState {
    /// The peer dials this node, and has not yet.
    Awaited,
    /// The next attempt has not begun yet.
    Pausing,
    /// Being connected.
    Dialling,
    /// Connected; the cookies are being compared.
    Handshaking,
    /// It is being asked who it is.
    Greeting,
    /// It can be asked.
    Up,
}

/// A peer, as [`Peers::status`](super::Peers::status) tells it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PeerStatus {
    /// Its name.
    pub node: NodeName,
    /// Where it is, and in which incarnation.
    pub info: PeerInfo,
    /// How it stands with its connection.
    pub state: PeerState,
    /// For how long it has been [`Up`](PeerState::Up).
    #[serde(serialize_with = "serial::seconds_if_any")]
    pub connected_for: Option<Duration>,
    /// How long ago something was heard of it.
    #[serde(serialize_with = "serial::seconds_if_any")]
    pub heard_ago: Option<Duration>,
    /// Requests that have been sent and not been answered, of all classes.
    pub in_flight: usize,
    /// Requests that wait for their turn, of all classes.
    pub waiting: usize,
    /// Why the last connection, or the last attempt, ended. Of a peer that dials this node: why a
    /// connection was refused that may have been its own.
    pub last_error: Option<Arc<str>>,
}

impl PeerStatus {
    /// A peer that has not been connected yet.
    #[must_use]
    pub const fn new(node: NodeName, info: PeerInfo, state: PeerState) -> Self {
        Self {
            node,
            info,
            state,
            connected_for: None,
            heard_ago: None,
            in_flight: 0,
            waiting: 0,
            last_error: None,
        }
    }
}

/// What has become of a connection to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "another one must be handled by all that are told"
)]
pub enum PeerChange {
    /// The peer can be asked.
    Connected {
        /// Its name.
        node: NodeName,
        /// Its incarnation.
        incarnation: Incarnation,
    },
    /// The peer cannot be asked any more.
    Lost {
        /// Its name.
        node: NodeName,
        /// Why.
        why: Arc<str>,
    },
    /// No connection to the peer came about. Told once for each cause, and again after a connection.
    Failed {
        /// Its name.
        node: NodeName,
        /// Why.
        why: Arc<str>,
    },
    /// A connection from elsewhere was refused. At most one a second is told.
    Refused {
        /// Where it came from.
        address: Arc<str>,
        /// Why.
        why: Arc<str>,
        /// How many others were refused since the last one that was told.
        others: u64,
    },
}
