//! The state of the cluster, as one node sees it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::engine::{
    Hold, Incarnation, Leaving, NodeName, Owner, Picture, Shard, Shards, Standing, serial,
};
use crate::fault::Fault;
use crate::gateway::{PeerState, PeerStatus};
use crate::node::{Node, Stage};

/// The state of the cluster, as one node sees it:
/// [`ClusterSupervisor::status`](crate::ClusterSupervisor::status).
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Status {
    /// This node.
    pub node: NodeName,
    /// How far it is.
    pub stage: Stage,
    /// What it may do. None while it is in no cluster.
    pub standing: Option<Standing>,
    /// How long ago the latest confirmed renewal of its lease was sent.
    #[serde(serialize_with = "serial::seconds_if_any")]
    pub lease_age: Option<Duration>,
    /// Up to which revision this node has followed etcd. Of its own claims it may know more.
    pub revision: u64,
    /// All nodes.
    pub nodes: BTreeMap<NodeName, NodeStatus>,
    /// The node that plans.
    pub planner: Option<NodeName>,
    /// The shards that are owned, each since its epoch.
    pub owners: BTreeMap<Shard, Owner>,
    /// How many shards no node owns.
    pub unowned: u32,
    /// How many shards this node serves, and how many it is claiming or giving up.
    pub owned_here: u32,
    /// See [`owned_here`](Self::owned_here).
    pub moving_here: u32,
    /// The connections to the other nodes.
    pub peers: Vec<PeerStatus>,
    /// What keeps this node from its work.
    pub faults: Vec<Fault>,
}

/// A node, as its key in etcd tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Where others connect to it.
    pub address: String,
    /// Which start of the node it is.
    pub incarnation: Incarnation,
    /// How many shards it has in proportion to others.
    pub weight: u32,
    /// Whether it leaves.
    pub leaving: Leaving,
    /// How many shards it owns.
    pub shards: u32,
}

/// What a node holds under its lease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    standing: Standing,
    pub(crate) lease_age: Duration,
    pub(crate) owned: u32,
    pub(crate) moving: u32,
}

/// None: it has no lease.
pub(crate) fn held(node: &Node) -> Option<Held> {
    let now = node.clock.now();
    let shards = node.local.admission.shards();
    node.local.admission.with(|holder| {
        let (mut owned, mut moving) = (0, 0);
        for shard in shards.all() {
            match holder.hold(shard) {
                Hold::Elsewhere => {}
                Hold::Owned(_) => owned += 1,
                _ => moving += 1,
            }
        }
        Held {
            standing: holder.standing(now),
            lease_age: holder.authority().age(now),
            owned,
            moving,
        }
    })
}

impl NodeStatus {
    /// A node that stays and owns no shard.
    #[must_use]
    pub fn new(address: impl Into<String>, incarnation: Incarnation, weight: u32) -> Self {
        Self {
            address: address.into(),
            incarnation,
            weight,
            leaving: Leaving::No,
            shards: 0,
        }
    }
}

impl Status {
    /// That of a node that has left a cluster of which it knew nothing.
    #[must_use]
    pub const fn new(node: NodeName, shards: Shards) -> Self {
        Self {
            node,
            stage: Stage::Left,
            standing: None,
            lease_age: None,
            revision: 0,
            nodes: BTreeMap::new(),
            planner: None,
            owners: BTreeMap::new(),
            unowned: shards.count(),
            owned_here: 0,
            moving_here: 0,
            peers: Vec::new(),
            faults: Vec::new(),
        }
    }

    pub(crate) fn of(node: &Node) -> Self {
        // What events have told, so that nothing here is behind them.
        let look = |picture: &Picture| (picture.snapshot().clone(), picture.has_left());
        let (known, has_left) = node.local.feed.look(look);
        let now = node.now.borrow().clone();
        let holder = held(node);
        let mut of_nodes: BTreeMap<&NodeName, u32> = BTreeMap::new();
        for shard in known.shards.values() {
            *of_nodes.entry(&shard.owner.node).or_default() += 1;
        }
        let nodes = known.nodes.iter().map(|(name, says)| {
            let mut status = NodeStatus::new(&*says.address, says.incarnation, says.weight);
            status.leaving = says.leaving;
            status.shards = of_nodes.get(name).copied().unwrap_or_default();
            (name.clone(), status)
        });
        Self {
            node: node.name.clone(),
            stage: match has_left {
                true => Stage::Left,
                false => now.stage,
            },
            standing: holder.map(|held| held.standing),
            lease_age: holder.map(|held| held.lease_age),
            revision: now.revision,
            nodes: nodes.collect(),
            unowned: known.unowned(),
            planner: known.planner,
            owners: known
                .shards
                .into_iter()
                .map(|(shard, known)| (shard, known.owner))
                .collect(),
            owned_here: holder.map_or(0, |held| held.owned),
            moving_here: holder.map_or(0, |held| held.moving),
            peers: now.peers.map(|peers| peers.status()).unwrap_or_default(),
            faults: Fault::all_of(node),
        }
    }
}

/// In lines, for people.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Joined => "joined",
            Stage::Draining => "draining",
            Stage::Leaving => "leaving",
            Stage::Rejoining => "joining again",
            Stage::Left => "left",
        };
        match self.lease_age.map(|age| age.as_secs_f32()) {
            Some(age) => writeln!(f, "{}: {stage}, lease renewed {age:.1} s ago", self.node)?,
            None => writeln!(f, "{}: {stage}, without a lease", self.node)?,
        }
        for fault in &self.faults {
            writeln!(f, "fault: {fault}")?;
        }
        let planner = self.planner.as_ref().map_or("nobody", NodeName::as_str);
        writeln!(f, "planner: {planner}; unowned shards: {}", self.unowned)?;
        for (name, node) in &self.nodes {
            let leaving = match node.leaving {
                Leaving::No => "",
                Leaving::Yes => ", leaving",
            };
            let NodeStatus {
                address, shards, ..
            } = node;
            writeln!(f, "node {name} at {address}: {shards} shards{leaving}")?;
        }
        for peer in &self.peers {
            if peer.state != PeerState::Up {
                let why = peer.last_error.as_deref().unwrap_or("not yet");
                writeln!(f, "node {} is not connected: {why}", peer.node)?;
            }
        }
        Ok(())
    }
}
