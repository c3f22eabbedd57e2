//! How it stands with the cluster, as the page shows it: plain values, made of what a node knows at one
//! moment. Time is a value in it, and nothing here is asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::engine::{Hold, Incarnation, Leaving, NodeName, Owner, Plan, Shard, Shards, Standing};
use crate::fault::Fault;
use crate::gateway::{PeerState, PeerStatus};
use crate::node::Stage;
use crate::status::Status;
use crate::wire::Figures;

/// What a node knows at one moment.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    /// The name of the cluster.
    pub(super) cluster: String,
    /// Since 1970.
    pub(super) now: Duration,
    pub(super) shards: Shards,
    pub(super) status: Status,
    /// The plan that this node follows.
    pub(super) plan: Option<Plan>,
    /// How this node stands to each shard, in their order. Empty while it is in no cluster.
    pub(super) holds: Vec<Hold>,
    pub(super) lease: LeaseTimes,
    /// What this node tells of itself.
    pub(super) own: Figures,
}

/// The times of the lease of this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeaseTimes {
    /// How long it lasts from one renewal on.
    pub(super) length: Duration,
    /// For how long the node still admits something if no renewal comes.
    pub(super) serves_for: Option<Duration>,
}

/// What the page shows.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) cluster: String,
    pub(super) now: Duration,
    pub(super) revision: u64,
    pub(super) here: Here,
    pub(super) planner: Option<NodeName>,
    pub(super) nodes: BTreeMap<NodeName, NodeView>,
    /// In their order.
    pub(super) shards: Vec<ShardView>,
    pub(super) own: Figures,
}

/// This node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Here {
    pub(super) node: NodeName,
    pub(super) stage: Stage,
    pub(super) standing: Option<Standing>,
    pub(super) lease: LeaseTimes,
    pub(super) lease_age: Option<Duration>,
    pub(super) owned: u32,
    pub(super) moving: u32,
    /// What keeps it from its work.
    pub(super) faults: Vec<Fault>,
}

/// A node.
#[derive(Clone, Debug)]
pub(super) struct NodeView {
    pub(super) address: String,
    pub(super) incarnation: Incarnation,
    pub(super) weight: u32,
    pub(super) leaving: Leaving,
    /// How many shards it owns, and how many it is to own. None: no plan is known.
    pub(super) shards: u32,
    pub(super) planned: Option<u32>,
    /// The connection to it. None: it is this node, or one that is not known yet.
    pub(super) peer: Option<PeerStatus>,
}

/// A shard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ShardView {
    pub(super) owner: Option<Owner>,
    /// The node that is to own it.
    pub(super) planned: Option<NodeName>,
    pub(super) state: ShardState,
    /// How this node stands to it.
    pub(super) here: Hold,
}

/// Whether a shard has the owner that it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ShardState {
    /// It has.
    Owned,
    /// Its owner is to give it up, or does.
    Moving,
    /// It has none.
    Unowned,
}

impl ShardState {
    const ALL: [Self; 3] = [Self::Owned, Self::Moving, Self::Unowned];

    /// The stable name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Owned => "owned",
            Self::Moving => "moving",
            Self::Unowned => "unowned",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// `planned` is what a plan says; without a plan every owner is the right one.
    fn of(owner: Option<&Owner>, planned: Option<Option<&NodeName>>, here: Hold) -> Self {
        let Some(owner) = owner else {
            return Self::Unowned;
        };
        let given_up = matches!(
            here,
            Hold::Draining(_) | Hold::Releasing(..) | Hold::Lost(_)
        );
        let as_planned = planned.is_none_or(|planned| planned == Some(&owner.node));
        if given_up || !as_planned {
            Self::Moving
        } else {
            Self::Owned
        }
    }
}

impl View {
    pub(super) fn of(seen: Seen) -> Self {
        let Seen { status, plan, .. } = seen;
        let mut planned_of: BTreeMap<NodeName, u32> = BTreeMap::new();
        let mut holds = seen.holds.into_iter();
        let shards = seen.shards.all().map(|shard: Shard| {
            let here = holds.next().unwrap_or(Hold::Elsewhere);
            let owner = status.owners.get(&shard).cloned();
            let planned = plan.as_ref().map(|plan| plan.owner(shard));
            let state = ShardState::of(owner.as_ref(), planned, here);
            let planned = planned.flatten().cloned();
            if let Some(name) = &planned {
                *planned_of.entry(name.clone()).or_default() += 1;
            }
            ShardView {
                owner,
                planned,
                state,
                here,
            }
        });
        let shards = shards.collect();
        let mut peers: BTreeMap<_, _> = status
            .peers
            .into_iter()
            .map(|peer| (peer.node.clone(), peer))
            .collect();
        let nodes = status.nodes.into_iter().map(|(name, node)| {
            let view = NodeView {
                address: node.address,
                incarnation: node.incarnation,
                weight: node.weight,
                leaving: node.leaving,
                shards: node.shards,
                planned: plan
                    .as_ref()
                    .map(|_| planned_of.get(&name).copied().unwrap_or_default()),
                peer: peers.remove(&name),
            };
            (name, view)
        });
        Self {
            cluster: seen.cluster,
            now: seen.now,
            revision: status.revision,
            planner: status.planner,
            nodes: nodes.collect(),
            shards,
            own: seen.own,
            here: Here {
                node: status.node,
                stage: status.stage,
                standing: status.standing,
                lease: seen.lease,
                lease_age: status.lease_age,
                owned: status.owned_here,
                moving: status.moving_here,
                faults: status.faults,
            },
        }
    }

    /// The numbers of the shards in a state.
    pub(super) fn in_state(&self, state: ShardState) -> impl Iterator<Item = usize> {
        let all = self.shards.iter().enumerate();
        all.filter(move |(_, shard)| shard.state == state)
            .map(|(at, _)| at)
    }
}

/// What a node may do, by a stable name.
pub(super) const fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Serving => "serving",
        Standing::Ending { .. } => "ending",
        Standing::Over => "over",
    }
}

/// How a node stands to a shard, by a stable name. None: it has nothing to do with it.
pub(super) const fn hold(hold: Hold) -> Option<&'static str> {
    match hold {
        Hold::Elsewhere => None,
        Hold::Claiming(_) => Some("claiming"),
        Hold::Owned(_) => Some("owned"),
        Hold::Draining(_) => Some("draining"),
        Hold::Releasing(..) => Some("releasing"),
        Hold::Lost(_) => Some("lost"),
    }
}

/// How far a connection is, by a stable name.
pub(super) const fn connection(state: PeerState) -> &'static str {
    match state {
        PeerState::Awaited => "awaited",
        PeerState::Pausing => "pausing",
        PeerState::Dialling => "dialling",
        PeerState::Handshaking => "handshaking",
        PeerState::Greeting => "greeting",
        PeerState::Up => "up",
    }
}

#[cfg(test)]
mod tests {
    use super::{ShardState, View, hold};
    use crate::dashboard::tests::fake::{name, owner, seen};
    use crate::engine::{Epoch, Hold, Leaving, Wait};

    #[test]
    fn a_shard_moves_while_its_owner_is_not_the_planned_one_or_gives_it_up() {
        let (a, b) = (name("a"), name("b"));
        let of_a = owner("a", 7);
        let epoch = Epoch::new(7);
        let state = |planned, here| ShardState::of(Some(&of_a), planned, here);
        for (planned, here, expected) in [
            (None, Hold::Elsewhere, ShardState::Owned),
            (Some(Some(&a)), Hold::Elsewhere, ShardState::Owned),
            (Some(Some(&a)), Hold::Owned(epoch), ShardState::Owned),
            (Some(Some(&b)), Hold::Elsewhere, ShardState::Moving),
            (Some(None), Hold::Elsewhere, ShardState::Moving),
            (Some(Some(&a)), Hold::Draining(epoch), ShardState::Moving),
            (Some(Some(&a)), Hold::Lost(epoch), ShardState::Moving),
            (
                None,
                Hold::Releasing(epoch, Wait::Answer),
                ShardState::Moving,
            ),
        ] {
            assert_eq!(state(planned, here), expected, "{planned:?} {here:?}");
        }
        for planned in [None, Some(None), Some(Some(&a))] {
            let state = ShardState::of(None, planned, Hold::Claiming(Wait::Answer));
            assert_eq!(state, ShardState::Unowned);
        }
        assert_eq!(hold(Hold::Claiming(Wait::Answer)), Some("claiming"));
    }

    #[test]
    fn without_a_plan_every_owner_is_the_right_one() {
        let mut seen = seen(8, &["a", "b"]);
        seen.plan = None;
        seen.holds.clear();
        let view = View::of(seen);
        assert_eq!(view.in_state(ShardState::Owned).count(), 8);
        assert!(view.nodes.values().all(|node| node.planned.is_none()));
    }

    #[test]
    fn a_view_has_every_shard_and_every_node() {
        let mut seen = seen(8, &["a", "b", "c"]);
        let shard = seen.shards.get(3).unwrap();
        seen.status.owners.remove(&shard);
        seen.status.nodes.get_mut(&name("c")).unwrap().leaving = Leaving::Yes;
        let view = View::of(seen);
        assert_eq!(view.shards.len(), 8);
        assert_eq!(view.in_state(ShardState::Unowned).collect::<Vec<_>>(), [3]);
        assert_eq!(view.in_state(ShardState::Moving).count(), 0);
        let planned: Option<u32> = view.nodes.values().map(|node| node.planned).sum();
        assert_eq!(planned, Some(8));
        assert_eq!(view.nodes[&name("c")].leaving, Leaving::Yes);
        assert!(view.nodes[&name("a")].peer.is_none());
        assert!(view.nodes[&name("b")].peer.is_some());
    }
}
