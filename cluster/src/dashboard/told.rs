//! The data of the page as JSON: the shapes that the documentation of the module `dashboard` describes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::changes::Change;
use super::json::{json, seconds, some_seconds};
use super::view::{Here, NodeView, ShardState, ShardView, View, connection, hold, standing};
use crate::engine::{Leaving, NodeName};
use crate::fault::Fault;
use crate::node::Stage;
use crate::wire::Figures;

/// How many nodes are told at most, in the order of their names.
pub(super) const NODES: usize = 500;

/// How many faults are told at most. Shards that cannot be read for as many causes are as many faults.
pub(super) const FAULT_TEXTS: usize = 20;

/// What the other nodes have told of themselves.
pub(super) type FiguresOf = BTreeMap<NodeName, Figures>;

/// All that a page shows at first.
pub(super) fn overview<'a>(
    view: &View,
    figures: &FiguresOf,
    changes: impl Iterator<Item = &'a (u64, Change)>,
    since: Duration,
) -> String {
    #[derive(Serialize)]
    struct Overview<'a> {
        cluster: &'a str,
        #[serde(flatten)]
        moment: Moment<'a>,
        shards: Grid<'a>,
        changes: Vec<ChangeTold<'a>>,
        #[serde(serialize_with = "seconds")]
        since: Duration,
    }
    json(&Overview {
        cluster: &view.cluster,
        moment: Moment::of(view, figures),
        shards: Grid::of(view),
        changes: changes.map(ChangeTold::of).collect(),
        since,
    })
}

/// What is told each second.
pub(super) fn tick(view: &View, figures: &FiguresOf) -> String {
    json(&Moment::of(view, figures))
}

/// What has changed: the shards that are not as they were, and the sentences; `more` is how many
/// sentences there were before these.
pub(super) fn changes(
    view: &View,
    shards: &[usize],
    changes: &[(u64, Change)],
    more: usize,
) -> String {
    #[derive(Serialize)]
    struct Changes<'a> {
        revision: u64,
        shards: Vec<Row<'a>>,
        changes: Vec<ChangeTold<'a>>,
        more: usize,
    }
    let row = |at: &usize| Some(Row::of(*at, view.shards.get(*at)?));
    json(&Changes {
        revision: view.revision,
        shards: shards.iter().filter_map(row).collect(),
        changes: changes.iter().map(ChangeTold::of).collect(),
        more,
    })
}

/// How it stands at a moment, but for the shards one by one.
#[derive(Serialize)]
struct Moment<'a> {
    #[serde(serialize_with = "seconds")]
    now: Duration,
    revision: u64,
    here: HereTold<'a>,
    planner: Option<&'a str>,
    nodes: Vec<NodeTold<'a>>,
    more_nodes: usize,
    unowned: usize,
    moving: usize,
}

impl<'a> Moment<'a> {
    fn of(view: &'a View, figures: &FiguresOf) -> Self {
        let node = |(name, node): (&'a NodeName, &'a NodeView)| {
            let own = *name == view.here.node;
            let figures = if own {
                Some(&view.own)
            } else {
                figures.get(name)
            };
            let planner = view.planner.as_ref() == Some(name);
            NodeTold::of(name, node, figures, Role { own, planner })
        };
        Self {
            now: view.now,
            revision: view.revision,
            here: HereTold::of(&view.here),
            planner: view.planner.as_ref().map(NodeName::as_str),
            nodes: view.nodes.iter().take(NODES).map(node).collect(),
            more_nodes: view.nodes.len().saturating_sub(NODES),
            unowned: view.in_state(ShardState::Unowned).count(),
            moving: view.in_state(ShardState::Moving).count(),
        }
    }
}

#[derive(Serialize)]
struct HereTold<'a> {
    node: &'a str,
    stage: Stage,
    standing: Option<&'static str>,
    #[serde(serialize_with = "seconds")]
    lease: Duration,
    #[serde(serialize_with = "some_seconds")]
    lease_age: Option<Duration>,
    #[serde(serialize_with = "some_seconds")]
    serves_for: Option<Duration>,
    owned: u32,
    moving: u32,
    faults: Vec<FaultTold>,
    more_faults: usize,
}

/// A fault. Its shards are in its text, which names a few of them.
#[derive(Serialize)]
struct FaultTold {
    kind: &'static str,
    text: String,
}

impl FaultTold {
    fn of(fault: &Fault) -> Self {
        Self {
            kind: fault.name(),
            text: fault.to_string(),
        }
    }
}

impl<'a> HereTold<'a> {
    fn of(here: &'a Here) -> Self {
        Self {
            node: here.node.as_str(),
            stage: here.stage,
            standing: here.standing.map(standing),
            lease: here.lease.length,
            lease_age: here.lease_age,
            serves_for: here.lease.serves_for,
            owned: here.owned,
            moving: here.moving,
            faults: here
                .faults
                .iter()
                .take(FAULT_TEXTS)
                .map(FaultTold::of)
                .collect(),
            more_faults: here.faults.len().saturating_sub(FAULT_TEXTS),
        }
    }
}

/// What a node is among the others.
struct Role {
    own: bool,
    planner: bool,
}

#[derive(Serialize)]
struct NodeTold<'a> {
    name: &'a str,
    address: &'a str,
    /// A text: the numbers of JavaScript do not hold it.
    incarnation: String,
    weight: u32,
    leaving: bool,
    planner: bool,
    shards: u32,
    planned: Option<u32>,
    sessions: Option<u64>,
    #[serde(serialize_with = "some_seconds")]
    lease_age: Option<Duration>,
    connection: &'static str,
    #[serde(serialize_with = "some_seconds")]
    heard_ago: Option<Duration>,
    in_flight: usize,
    waiting: usize,
    last_error: Option<&'a str>,
}

impl<'a> NodeTold<'a> {
    fn of(name: &'a NodeName, node: &'a NodeView, figures: Option<&Figures>, role: Role) -> Self {
        let peer = node.peer.as_ref();
        let age = figures.and_then(|figures| figures.lease_age_ms);
        let connection = match peer {
            _ if role.own => "here",
            Some(peer) => connection(peer.state),
            None => "unknown",
        };
        Self {
            name: name.as_str(),
            address: &node.address,
            incarnation: node.incarnation.to_string(),
            weight: node.weight,
            leaving: node.leaving == Leaving::Yes,
            planner: role.planner,
            shards: node.shards,
            planned: node.planned,
            sessions: figures.map(|figures| figures.sessions),
            lease_age: age.map(Duration::from_millis),
            connection,
            heard_ago: peer.and_then(|peer| peer.heard_ago),
            in_flight: peer.map_or(0, |peer| peer.in_flight),
            waiting: peer.map_or(0, |peer| peer.waiting),
            last_error: peer.and_then(|peer| peer.last_error.as_deref()),
        }
    }
}

/// All shards, in columns: an owner is told as its place among the names.
#[derive(Serialize)]
struct Grid<'a> {
    count: usize,
    names: Vec<&'a str>,
    owner: Vec<Option<usize>>,
    planned: Vec<Option<usize>>,
    epoch: Vec<Option<u64>>,
    unowned: Vec<usize>,
    moving: Vec<usize>,
}

impl<'a> Grid<'a> {
    fn of(view: &'a View) -> Self {
        let owner = |shard: &'a ShardView| shard.owner.as_ref().map(|owner| owner.node.as_str());
        let planned = |shard: &'a ShardView| shard.planned.as_ref().map(NodeName::as_str);
        let all = view.shards.iter();
        let names: BTreeSet<_> = all
            .clone()
            .flat_map(|shard| [owner(shard), planned(shard)])
            .flatten()
            .collect();
        let names: Vec<_> = names.into_iter().collect();
        let place = |name: Option<&str>| names.binary_search(&name?).ok();
        let epoch = |shard: &ShardView| Some(shard.owner.as_ref()?.epoch.number());
        Self {
            count: view.shards.len(),
            owner: all.clone().map(|shard| place(owner(shard))).collect(),
            planned: all.clone().map(|shard| place(planned(shard))).collect(),
            epoch: all.map(epoch).collect(),
            unowned: view.in_state(ShardState::Unowned).collect(),
            moving: view.in_state(ShardState::Moving).collect(),
            names,
        }
    }
}

/// A shard in the table.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    shard: usize,
    owner: Option<&'a str>,
    /// A text, as that of a node.
    incarnation: Option<String>,
    epoch: Option<u64>,
    planned: Option<&'a str>,
    state: &'static str,
    here: Option<&'static str>,
}

impl<'a> Row<'a> {
    pub(super) fn of(at: usize, shard: &'a ShardView) -> Self {
        let owner = shard.owner.as_ref();
        Self {
            shard: at,
            owner: owner.map(|owner| owner.node.as_str()),
            incarnation: owner.map(|owner| owner.incarnation.to_string()),
            epoch: owner.map(|owner| owner.epoch.number()),
            planned: shard.planned.as_ref().map(NodeName::as_str),
            state: shard.state.name(),
            here: hold(shard.here),
        }
    }
}

/// A sentence of the page, with its number.
#[derive(Serialize)]
struct ChangeTold<'a> {
    number: u64,
    #[serde(serialize_with = "seconds")]
    at: Duration,
    kind: &'static str,
    node: Option<&'a str>,
    text: &'a str,
    warning: bool,
}

impl<'a> ChangeTold<'a> {
    fn of((number, change): &'a (u64, Change)) -> Self {
        Self {
            number: *number,
            at: change.at,
            kind: change.kind.name(),
            node: change.node.as_ref().map(NodeName::as_str),
            text: &change.text,
            warning: change.kind.is_warning(),
        }
    }
}
