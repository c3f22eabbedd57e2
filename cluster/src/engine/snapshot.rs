//! How it stands with a cluster as of some event, as plain data that events bring up to date.

use std::collections::BTreeMap;

use serde::Serialize;

use super::drain::{DrainProgress, DrainSummary};
use super::event::{EventKind, KnownNode};
use super::node::{Incarnation, NodeName, Owner};
use super::shard::{Shard, Shards};

/// How it stands with a cluster as of a revision, as one node sees it. Events bring it up to date, one
/// by one ([`apply`](Self::apply)).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Snapshot {
    /// The number of the last event that is in it. It is a number of this node's feed, and none of etcd.
    pub revision: u64,
    /// This node.
    pub node: NodeName,
    /// Under which incarnation this node admits starts and messages. None: it admits nothing.
    pub authority: Option<Incarnation>,
    /// All nodes.
    pub nodes: BTreeMap<NodeName, KnownNode>,
    /// The shards that are owned.
    pub shards: BTreeMap<Shard, KnownShard>,
    /// How many shards there are.
    pub shard_count: u32,
    /// The node that plans.
    pub planner: Option<NodeName>,
    /// The other nodes that can be asked, each with the incarnation that is connected.
    pub peers: BTreeMap<NodeName, Incarnation>,
    /// How far this node is, if it drains or has drained.
    pub drain: Option<DrainProgress>,
    /// What became of that.
    pub drained: Option<DrainSummary>,
}

/// A shard that is owned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KnownShard {
    /// What owns it, and since which epoch.
    pub owner: Owner,
    /// How the owner stands to it.
    pub state: ShardState,
}

/// How the owner of a shard stands to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ShardState {
    /// It owns it. Of other nodes no more is known.
    Owned,
    /// This node owns it, and hands it over: nothing is admitted for it.
    Frozen,
}

impl Snapshot {
    /// One of which nothing is known yet.
    #[must_use]
    pub const fn new(node: NodeName, shards: Shards) -> Self {
        Self {
            revision: 0,
            node,
            authority: None,
            nodes: BTreeMap::new(),
            shards: BTreeMap::new(),
            shard_count: shards.count(),
            planner: None,
            peers: BTreeMap::new(),
            drain: None,
            drained: None,
        }
    }

    /// How many shards no node owns.
    #[must_use]
    pub fn unowned(&self) -> u32 {
        let owned = u32::try_from(self.shards.len()).unwrap_or(u32::MAX);
        self.shard_count.saturating_sub(owned)
    }

    /// The shards of a node.
    pub fn shards_of<'a>(&'a self, node: &'a NodeName) -> impl Iterator<Item = (Shard, &'a Owner)> {
        let owned = self
            .shards
            .iter()
            .map(|(shard, known)| (*shard, &known.owner));
        owned.filter(move |(_, owner)| owner.node == *node)
    }

    /// Brings it up to date with what has happened next.
    pub fn follow(&mut self, kind: &EventKind) {
        match kind {
            EventKind::NodeJoined { node, as_node } | EventKind::NodeChanged { node, as_node } => {
                self.nodes.insert(node.clone(), as_node.clone());
            }
            EventKind::NodeGone { node, .. } => drop(self.nodes.remove(node)),
            EventKind::ShardClaimed { shard, owner } => {
                let (owner, state) = (owner.clone(), ShardState::Owned);
                self.shards.insert(*shard, KnownShard { owner, state });
            }
            EventKind::ShardFrozen { shard, .. } => {
                if let Some(known) = self.shards.get_mut(shard) {
                    known.state = ShardState::Frozen;
                }
            }
            EventKind::ShardReleased { shard, .. } | EventKind::ShardLost { shard, .. } => {
                self.shards.remove(shard);
            }
            EventKind::AuthorityGained { incarnation }
            | EventKind::AuthorityRegained { incarnation, .. } => {
                self.authority = Some(*incarnation);
            }
            EventKind::AuthorityLapsed { .. } | EventKind::Left => self.authority = None,
            EventKind::PlannerElected { node, .. } => self.planner = Some(node.clone()),
            EventKind::PlannerGone { .. } => self.planner = None,
            EventKind::PeerConnected { node, incarnation } => {
                self.peers.insert(node.clone(), *incarnation);
            }
            EventKind::PeerLost { node, .. } => drop(self.peers.remove(node)),
            EventKind::DrainBegun { shards, sessions } => {
                self.drain = Some(DrainProgress {
                    shards: *shards,
                    waiting: *shards,
                    sessions: *sessions,
                    ..DrainProgress::default()
                });
            }
            EventKind::DrainProgressed(progress) => self.drain = Some(*progress),
            EventKind::DrainDone(summary) => self.drained = Some(*summary),
            EventKind::ShardRestored { .. }
            | EventKind::PlanMade { .. }
            | EventKind::PeerFailed { .. }
            | EventKind::PeerRefused { .. } => {}
        }
    }
}
