//! What a node knows of its cluster. It is told how things are, and tells what has changed.
//!
//! It is told what etcd says, what its [`Holder`](super::Holder) has decided, and what became of peers and
//! restores, in the order in which the node learns of it. What it is told twice it tells once. The
//! [snapshot](Picture::snapshot) is always what all events so far make of an empty one.

mod draining;
mod own;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::drain::DrainLog;
use super::event::{EventKind, KnownNode, Loss, Restored};
use super::node::{Incarnation, NodeName, Owner};
use super::plan::Plan;
use super::shard::{Epoch, Shard, Shards};
use super::snapshot::Snapshot;
use super::time::BootTime;
use own::HandOver;

/// What a node knows of its cluster.
#[derive(Clone, Debug)]
pub struct Picture {
    snapshot: Snapshot,
    shards: Shards,
    plan: Option<Plan>,
    /// Which start of this node it is. It stays until the term is over, also after a lapse.
    term: Option<Incarnation>,
    /// The start of a node that plans.
    planner: Option<(NodeName, Incarnation)>,
    /// Since when nothing is admitted, if that was so before.
    lapsed: Option<BootTime>,
    /// The shards that this node hands over.
    hand_overs: BTreeMap<Shard, HandOver>,
    drain: Option<DrainLog>,
    /// Why each peer that cannot be asked cannot, as it was told.
    causes: BTreeMap<NodeName, Arc<str>>,
    has_left: bool,
}

/// How a plan was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is new or it is not")]
pub enum PlanSeen {
    /// It has just been made.
    Made,
    /// It stands; when it was made is not known.
    Standing,
}

impl Picture {
    /// Nothing is known yet.
    #[must_use]
    pub const fn new(node: NodeName, shards: Shards) -> Self {
        Self {
            snapshot: Snapshot::new(node, shards),
            shards,
            plan: None,
            term: None,
            planner: None,
            lapsed: None,
            hand_overs: BTreeMap::new(),
            drain: None,
            causes: BTreeMap::new(),
            has_left: false,
        }
    }

    /// What all events so far say.
    #[must_use]
    pub const fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    fn emit(&mut self, kind: EventKind, out: &mut Vec<EventKind>) {
        self.snapshot.follow(&kind);
        out.push(kind);
    }

    /// etcd says this of a node. None: it is gone.
    pub fn node(&mut self, node: &NodeName, says: Option<KnownNode>, out: &mut Vec<EventKind>) {
        let known = self.snapshot.nodes.get(node);
        if known == says.as_ref() {
            return;
        }
        let same = known.map(|known| known.incarnation);
        let gone = same.filter(|known| {
            let now = says.as_ref().map(|says| says.incarnation);
            now != Some(*known)
        });
        if let Some(incarnation) = gone {
            self.causes.remove(node);
            let node = node.clone();
            self.emit(EventKind::NodeGone { node, incarnation }, out);
        }
        if let Some(as_node) = says {
            let node = node.clone();
            let kind = match (same, gone) {
                (Some(_), None) => EventKind::NodeChanged { node, as_node },
                _ => EventKind::NodeJoined { node, as_node },
            };
            self.emit(kind, out);
        }
    }

    /// These are the nodes, and no others.
    pub fn nodes(&mut self, says: BTreeMap<NodeName, KnownNode>, out: &mut Vec<EventKind>) {
        let known: Vec<_> = self.snapshot.nodes.keys().cloned().collect();
        for node in known.iter().filter(|node| !says.contains_key(*node)) {
            self.node(node, None, out);
        }
        for (node, says) in says {
            self.node(&node, Some(says), out);
        }
    }

    /// This owns the shard now. None: nothing does, as far as is known.
    pub fn owner(
        &mut self,
        shard: Shard,
        owner: Option<&Owner>,
        now: BootTime,
        out: &mut Vec<EventKind>,
    ) {
        let known = self.snapshot.shards.get(&shard);
        if known.map(|known| &known.owner) == owner {
            return;
        }
        if let Some(before) = known.map(|known| known.owner.clone()) {
            match self.is_own(&before) {
                true => self.own_is_gone(shard, before, now, out),
                false => self.others_is_gone(shard, before, out),
            }
        }
        if let Some(owner) = owner.cloned() {
            self.emit(EventKind::ShardClaimed { shard, owner }, out);
        }
    }

    /// All keys of a lease go at once, that of the node first. So a node that is there has given the
    /// shard up.
    fn others_is_gone(&mut self, shard: Shard, owner: Owner, out: &mut Vec<EventKind>) {
        let node = self.snapshot.nodes.get(&owner.node);
        let is_there = node.is_some_and(|node| node.incarnation == owner.incarnation);
        let kind = match is_there {
            true => EventKind::ShardReleased {
                shard,
                owner,
                took: None,
            },
            false => EventKind::ShardLost {
                shard,
                owner,
                why: Loss::LeaseEnded,
            },
        };
        self.emit(kind, out);
    }

    /// This node plans. None: none does.
    pub fn planner(&mut self, planner: Option<(NodeName, Incarnation)>, out: &mut Vec<EventKind>) {
        if self.planner == planner {
            return;
        }
        let before = std::mem::replace(&mut self.planner, planner.clone());
        match (planner, before) {
            (Some((node, incarnation)), _) => {
                self.emit(EventKind::PlannerElected { node, incarnation }, out);
            }
            (None, Some((node, _))) => self.emit(EventKind::PlannerGone { node }, out),
            (None, None) => {}
        }
    }

    /// This is the plan.
    pub fn plan(&mut self, plan: &Plan, seen: PlanSeen, out: &mut Vec<EventKind>) {
        if self.plan.as_ref() == Some(plan) {
            return;
        }
        let before = self.plan.replace(plan.clone());
        // What stood before this node looked has moved nothing since.
        if before.is_none() && seen == PlanSeen::Standing {
            return;
        }
        let owner = |shard| before.as_ref().and_then(|plan| plan.owner(shard));
        let moves = self.shards.all();
        let moves = moves.filter(|shard| owner(*shard) != plan.owner(*shard));
        let moves = u32::try_from(moves.count()).unwrap_or(u32::MAX);
        self.emit(EventKind::PlanMade { moves }, out);
    }

    /// The sessions of a shard are restored. If the shard is not this node's any more, that is not told.
    pub fn restored(
        &mut self,
        shard: Shard,
        epoch: Epoch,
        sessions: Restored,
        out: &mut Vec<EventKind>,
    ) {
        let owner = self.snapshot.shards.get(&shard).map(|known| &known.owner);
        if owner.is_some_and(|owner| owner.epoch == epoch && self.is_own(owner)) {
            let kind = EventKind::ShardRestored {
                shard,
                epoch,
                sessions,
            };
            self.emit(kind, out);
        }
    }

    /// A peer can be asked.
    pub fn peer_connected(
        &mut self,
        node: NodeName,
        incarnation: Incarnation,
        out: &mut Vec<EventKind>,
    ) {
        self.causes.remove(&node);
        self.emit(EventKind::PeerConnected { node, incarnation }, out);
    }

    /// A peer cannot be asked any more.
    pub fn peer_lost(&mut self, node: NodeName, why: Arc<str>, out: &mut Vec<EventKind>) {
        if self.snapshot.peers.contains_key(&node) {
            self.causes.insert(node.clone(), Arc::clone(&why));
            self.emit(EventKind::PeerLost { node, why }, out);
        }
    }

    /// No connection to a peer came about. The same cause again is not told.
    pub fn peer_failed(&mut self, node: NodeName, why: Arc<str>, out: &mut Vec<EventKind>) {
        if self.causes.get(&node) != Some(&why) {
            self.causes.insert(node.clone(), Arc::clone(&why));
            self.emit(EventKind::PeerFailed { node, why }, out);
        }
    }

    /// A connection from elsewhere was refused.
    pub fn peer_refused(
        &mut self,
        address: Arc<str>,
        why: Arc<str>,
        others: u64,
        out: &mut Vec<EventKind>,
    ) {
        let kind = EventKind::PeerRefused {
            address,
            why,
            others,
        };
        self.emit(kind, out);
    }

    /// This node has left the cluster. That is told by the end of the feed.
    pub fn left(&mut self) {
        self.has_left = true;
        self.snapshot.follow(&EventKind::Left);
    }

    /// Whether this node has left the cluster.
    #[must_use]
    pub const fn has_left(&self) -> bool {
        self.has_left
    }

    /// The gateway of this node is closed, and with it all connections.
    pub fn gateway_closed(&mut self, out: &mut Vec<EventKind>) {
        let why: Arc<str> = "the gateway of this node is closed".into();
        let peers: Vec<_> = self.snapshot.peers.keys().cloned().collect();
        for node in peers {
            self.peer_lost(node, Arc::clone(&why), out);
        }
        self.causes.clear();
    }
}
