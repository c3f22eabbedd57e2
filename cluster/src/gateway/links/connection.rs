//! A connection of ractor's, and who is behind it.

use std::collections::BTreeMap;
use std::fmt;

use super::peer::Peer;
use super::{Effect, Moment};
use crate::engine::{Incarnation, NodeName};

/// A connection. No two of a process have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(in crate::gateway) struct ConnectionId(pub(in crate::gateway) u64);

/// Which side has dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Direction {
    /// The peer.
    In,
    /// This node.
    Out,
}

/// A node in one of its incarnations.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::gateway) struct Identity {
    pub(in crate::gateway) node: NodeName,
    pub(in crate::gateway) incarnation: Incarnation,
}

impl Identity {
    /// The host that a node says it has. ractor takes two nodes with one `host:port` for one node, so
    /// it is the node's alone.
    pub(in crate::gateway) fn host(&self) -> String {
        format!("{}.{}", self.incarnation, self.node)
    }

    /// Reads what ractor tells of a peer, `name@host`.
    pub(in crate::gateway) fn parse(text: &str) -> Option<Self> {
        let (name, host) = text.split_once('@')?;
        let (incarnation, again) = host.split_once('.')?;
        if name != again {
            return None;
        }
        Some(Self {
            node: NodeName::try_from(name).ok()?,
            incarnation: Incarnation::new(incarnation.parse().ok()?),
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {} in incarnation {}", self.node, self.incarnation)
    }
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The handshake goes on, at most until then.
    Opened { until: Moment },
    /// The handshake is over. If no such node is known, it is kept until then.
    Ready { until: Moment },
    /// It was told to close.
    Closing,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) direction: Direction,
    /// Where it was dialled to, or from.
    pub(super) address: String,
    pub(super) identity: Option<Identity>,
    pub(super) stage: Stage,
}

impl Connection {
    pub(super) fn opened(direction: Direction, address: String, until: Moment) -> Self {
        Self {
            direction,
            address,
            identity: None,
            stage: Stage::Opened { until },
        }
    }

    /// When it is closed, if nothing happens: that of a peer never is.
    pub(super) fn until(&self, peers: &BTreeMap<NodeName, Peer>) -> Option<Moment> {
        let known = |identity: &Identity| {
            let peer = peers.get(&identity.node);
            peer.is_some_and(|peer| peer.info.incarnation == identity.incarnation)
        };
        match self.stage {
            Stage::Opened { until } => Some(until),
            Stage::Ready { until } => {
                let of_a_peer = self.identity.as_ref().is_some_and(known);
                (!of_a_peer).then_some(until)
            }
            Stage::Closing => None,
        }
    }

    /// Closes it, once.
    pub(super) fn close(&mut self, id: ConnectionId, why: &'static str, out: &mut Vec<Effect>) {
        if self.stage != Stage::Closing {
            self.stage = Stage::Closing;
            out.push(Effect::Close {
                connection: id,
                why,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Identity;
    use crate::engine::{Incarnation, NodeName};

    #[test]
    fn what_ractor_tells_is_what_it_was_told() {
        let identity = Identity {
            node: NodeName::try_from("a.b-c_1").expect("a name"),
            incarnation: Incarnation::new(u64::MAX),
        };
        let told = format!("{}@{}", identity.node, identity.host());
        assert_eq!(Identity::parse(&told), Some(identity));
        for other in [
            "",
            "a",
            "a@",
            "a@1",
            "a@1.b",
            "A@1.A",
            "a@-1.a",
            "a@x.a",
            "a@1.a@1.a",
            "@1.",
        ] {
            assert_eq!(Identity::parse(other), None, "{other}");
        }
    }
}
