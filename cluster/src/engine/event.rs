//! What can happen to a cluster, as one node sees it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::drain::{DrainProgress, DrainSummary};
use super::node::{Incarnation, NodeName, Owner};
use super::plan::Leaving;
use super::shard::{Epoch, Shard};

/// What has happened, as this node sees it. Its text is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A node has joined.
    NodeJoined {
        /// Its name.
        node: NodeName,
        /// What it says of itself.
        as_node: KnownNode,
    },
    /// A node says something else of itself, such as that it leaves.
    NodeChanged {
        /// Its name.
        node: NodeName,
        /// What it says of itself now.
        as_node: KnownNode,
    },
    /// A node is gone: it has left, or its lease has ended.
    NodeGone {
        /// Its name.
        node: NodeName,
        /// Which start of it.
        incarnation: Incarnation,
    },
    /// A shard is owned. If this node owns it, its sessions are being restored.
    ShardClaimed {
        /// The shard.
        shard: Shard,
        /// What owns it, and since which epoch.
        owner: Owner,
    },
    /// The sessions of a shard of this node are restored.
    ShardRestored {
        /// The shard.
        shard: Shard,
        /// Since when this node owns it.
        epoch: Epoch,
        /// What became of its sessions.
        sessions: Restored,
    },
    /// This node admits nothing for the shard any more, and ends its sessions: it hands it over.
    ShardFrozen {
        /// The shard.
        shard: Shard,
        /// Since when this node owned it.
        epoch: Epoch,
    },
    /// The owner has given the shard up after all of its sessions had ended.
    ShardReleased {
        /// The shard.
        shard: Shard,
        /// What owned it.
        owner: Owner,
        /// How long that took from the moment at which it was [frozen](Self::ShardFrozen). None:
        /// another node did it, or nothing had run of it.
        took: Option<Duration>,
    },
    /// The owner has lost the shard.
    ShardLost {
        /// The shard.
        shard: Shard,
        /// What owned it.
        owner: Owner,
        /// Why.
        why: Loss,
    },
    /// This node has joined the cluster: it admits starts and messages for what it owns.
    AuthorityGained {
        /// Under this incarnation.
        incarnation: Incarnation,
    },
    /// This node admits nothing any more, and ends its sessions: another node may own what it did.
    AuthorityLapsed {
        /// Why.
        why: Lapse,
    },
    /// This node has joined again.
    AuthorityRegained {
        /// Under this incarnation.
        incarnation: Incarnation,
        /// How long it has admitted nothing.
        after: Duration,
    },
    /// A node was elected to plan which node is to own which shard.
    PlannerElected {
        /// Its name.
        node: NodeName,
        /// Which start of it.
        incarnation: Incarnation,
    },
    /// No node plans.
    PlannerGone {
        /// The one that did.
        node: NodeName,
    },
    /// There is a new plan.
    PlanMade {
        /// How many shards are planned for another node than before.
        moves: u32,
    },
    /// Another node can be asked.
    PeerConnected {
        /// Its name.
        node: NodeName,
        /// Which start of it.
        incarnation: Incarnation,
    },
    /// Another node cannot be asked any more.
    PeerLost {
        /// Its name.
        node: NodeName,
        /// Why.
        why: Arc<str>,
    },
    /// No connection to another node came about. It is tried again; that is told once for each cause.
    PeerFailed {
        /// Its name.
        node: NodeName,
        /// Why, such as that it refuses this node.
        why: Arc<str>,
    },
    /// A connection from elsewhere was refused. At most one a second is told.
    PeerRefused {
        /// Where it came from.
        address: Arc<str>,
        /// Why.
        why: Arc<str>,
        /// How many others were refused since the last one that was told.
        others: u64,
    },
    /// This node drains.
    DrainBegun {
        /// How many shards it owns.
        shards: usize,
        /// How many sessions there are.
        sessions: usize,
    },
    /// The drain has come further.
    DrainProgressed(DrainProgress),
    /// The drain is over.
    DrainDone(DrainSummary),
    /// This node has left the cluster. Nothing is told after this.
    Left,
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KnownNode {
    /// Which start of it.
    pub incarnation: Incarnation,
    /// Where others connect to it.
    pub address: Arc<str>,
    /// How many shards it has in proportion to others.
    pub weight: u32,
    /// Whether it leaves.
    pub leaving: Leaving,
}

impl KnownNode {
    /// One that says this.
    #[must_use]
    pub fn new(incarnation: Incarnation, address: &str, weight: u32, leaving: Leaving) -> Self {
        Self {
            incarnation,
            address: address.into(),
            weight,
            leaving,
        }
    }
}

/// What became of the sessions of a shard that this node has taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Restored {
    /// How many run again.
    pub restored: usize,
    /// How many could not be started. They are remembered; the log names each with its cause.
    pub failed: usize,
    /// How many cannot be read, and are left as they are. The log names each with its cause.
    pub set_aside: usize,
    /// How many rest until they are used.
    pub resting: usize,
    /// How many were not tried, since the shard was to be given up before their turn.
    pub left: usize,
    /// How long it took, from the first read of the store.
    #[serde(serialize_with = "super::serial::seconds")]
    pub took: Duration,
}

/// Why a shard was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Loss {
    /// The lease of its owner has ended.
    LeaseEnded,
    /// Its key was removed or replaced in etcd while its owner served it.
    KeyGone,
}

/// Why a node admits nothing any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lapse {
    /// Its lease was not renewed in time.
    #[default]
    NotRenewed,
    /// etcd does not know its lease any more.
    LeaseGone,
    /// etcd does not have its key any more.
    Removed,
    /// Other nodes cannot reach it any more: its gateway has ended.
    GatewayEnded,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeaseEnded => "the lease of its owner has ended",
            Self::KeyGone => "its key is gone from etcd",
        })
    }
}

impl fmt::Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotRenewed => "its lease was not renewed in time",
            Self::LeaseGone => "etcd does not know its lease any more",
            Self::Removed => "etcd does not have its key any more",
            Self::GatewayEnded => "its gateway has ended",
        })
    }
}

impl fmt::Display for KnownNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            incarnation,
            address,
            weight,
            leaving,
        } = self;
        write!(f, "incarnation {incarnation} at {address}, weight {weight}")?;
        match leaving {
            Leaving::No => Ok(()),
            Leaving::Yes => f.write_str(", leaving"),
        }
    }
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            restored,
            failed,
            set_aside,
            resting,
            left,
            took,
        } = self;
        write!(f, "{restored} sessions are restored in {took:.1?}")?;
        for (count, what) in [
            (failed, "could not be started"),
            (set_aside, "are set aside"),
            (resting, "rest"),
            (left, "were not tried"),
        ] {
            if *count > 0 {
                write!(f, ", {count} {what}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NodeJoined { node, as_node } => write!(f, "node {node} has joined: {as_node}"),
            Self::NodeChanged { node, as_node } => write!(f, "node {node} has changed: {as_node}"),
            Self::NodeGone { node, incarnation } => {
                write!(f, "node {node} is gone: incarnation {incarnation}")
            }
            Self::ShardClaimed { shard, owner } => {
                write!(f, "shard {shard} is owned by {}", shown(owner))
            }
            Self::ShardRestored {
                shard,
                epoch,
                sessions,
            } => write!(f, "shard {shard} is served in epoch {epoch}: {sessions}"),
            Self::ShardFrozen { shard, epoch } => {
                write!(f, "shard {shard} is handed over in epoch {epoch}")
            }
            Self::ShardReleased { shard, owner, took } => {
                write!(f, "shard {shard} was given up by {}", shown(owner))?;
                took.map_or(Ok(()), |took| write!(f, " in {took:.1?}"))
            }
            Self::ShardLost { shard, owner, why } => {
                write!(f, "shard {shard} was lost by {}: {why}", shown(owner))
            }
            Self::AuthorityGained { incarnation } => {
                write!(f, "this node has joined in incarnation {incarnation}")
            }
            Self::AuthorityLapsed { why } => {
                write!(f, "this node admits nothing and ends its sessions: {why}")
            }
            Self::AuthorityRegained { incarnation, after } => write!(
                f,
                "this node has joined again after {after:.1?}, in incarnation {incarnation}"
            ),
            Self::PlannerElected { node, incarnation } => {
                write!(f, "node {node} plans, in incarnation {incarnation}")
            }
            Self::PlannerGone { node } => write!(f, "node {node} plans no more, nor does another"),
            Self::PlanMade { moves } => write!(f, "a plan was made: {moves} shards move"),
            Self::PeerConnected { node, incarnation } => {
                write!(f, "node {node} is connected, incarnation {incarnation}")
            }
            Self::PeerLost { node, why } => write!(f, "node {node} cannot be asked: {why}"),
            Self::PeerFailed { node, why } => {
                write!(f, "no connection to node {node}, tried again: {why}")
            }
            Self::PeerRefused {
                address,
                why,
                others,
            } => {
                write!(f, "a connection from {address} was refused: {why}")?;
                match others {
                    0 => Ok(()),
                    others => write!(f, "; {others} others before it"),
                }
            }
            Self::DrainBegun { shards, sessions } => {
                write!(f, "this node drains: {shards} shards, {sessions} sessions")
            }
            Self::DrainProgressed(progress) => write!(f, "this node drains: {progress}"),
            Self::DrainDone(summary) => write!(f, "this node has drained: {summary}"),
            Self::Left => f.write_str("this node has left the cluster"),
        }
    }
}

fn shown(owner: &Owner) -> String {
    format!("node {} in epoch {}", owner.node, owner.epoch)
}
