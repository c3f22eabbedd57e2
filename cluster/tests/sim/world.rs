//! The nodes, the store and what is under way between them, and the order in which things happen.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use session_supervisor_cluster::engine::{
    Backoff, Candidate, Epoch, Incarnation, Leaving, Limits, NodeName, Owner, Plan, Shard, Shards,
    plan,
};

use crate::checks::Checks;
use crate::node::{Node, Process};
use crate::random::Random;
use crate::store::{Claim, Store};

/// In microseconds, as all times here.
pub(crate) const MS: u64 = 1_000;
pub(crate) const SECOND: u64 = 1_000 * MS;
/// Of a lease.
pub(crate) const TTL: u64 = 12 * SECOND;
/// Until when there are faults.
const TROUBLED: u64 = 45 * SECOND;
/// How long after the last fault everything is served again: the lease of a node that is gone, joining
/// anew, and the shards that move then, two at a time.
const BOUND: u64 = 45 * SECOND;
/// How long it stays so, as far as is looked.
const CALM: u64 = 15 * SECOND;

/// What is done to the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// All that the promise allows.
    WithinTheMargin,
    /// Somebody deletes keys by hand, which the promise does not cover. Epochs must grow all the same, and
    /// each shard be served again.
    Deleting,
    /// One clock is slower than the promise allows.
    OutsideTheMargin,
}

/// How often things have happened that a simulation must have seen.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) admits: u64,
    pub(crate) drains: u64,
    /// Only where somebody deletes keys.
    pub(crate) kills: u64,
    pub(crate) unknown: u64,
    pub(crate) lapses: u64,
    pub(crate) kills_of_all: u64,
    pub(crate) rejoins: u64,
    pub(crate) left: u64,
    pub(crate) node_drains: u64,
    /// Hand-overs that a drain has cut off at its deadline.
    pub(crate) cuts: u64,
}

impl Seen {
    pub(crate) fn add(&mut self, other: &Self) {
        self.admits += other.admits;
        self.drains += other.drains;
        self.kills += other.kills;
        self.unknown += other.unknown;
        self.lapses += other.lapses;
        self.kills_of_all += other.kills_of_all;
        self.rejoins += other.rejoins;
        self.left += other.left;
        self.node_drains += other.node_drains;
        self.cuts += other.cuts;
    }

    /// How often the least frequent of them has happened, but for what only some histories see.
    pub(crate) fn least(&self) -> u64 {
        let all = [
            self.admits,
            self.drains,
            self.unknown,
            self.lapses,
            self.kills_of_all,
            self.rejoins,
            self.left,
            self.node_drains,
            self.cuts,
        ];
        all.into_iter().min().unwrap_or(0)
    }
}

/// What a node asks of the store.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Join { sent: u64 },
    KeepAlive { sent: u64 },
    Claim(Shard),
    Release(Shard, Epoch),
    Revoke,
    Snapshot,
}

/// What the store answers.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Joined {
        incarnation: Option<Incarnation>,
        sent: u64,
    },
    Kept {
        known: bool,
        sent: u64,
    },
    Claim(Shard, Claim),
    Released(Shard, Epoch),
    Snapshot(Vec<(Shard, Owner)>, Option<Plan>, u64, usize),
}

#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// What is meant for one process of a node.
    Node(usize, u64, ToNode),
    /// A request arrives, with the process that has sent it and its lease.
    Store {
        node: usize,
        life: u64,
        lease: Option<Incarnation>,
        id: u64,
        request: Request,
    },
    Start(usize),
    Resume(usize),
    Fault,
    Planner,
}

#[derive(Clone, Debug)]
pub(crate) enum ToNode {
    Answer(u64, Answer),
    TimedOut(u64, Request),
    KeepAlive,
    Watch,
    Tick,
    Drained(Shard, Epoch),
    Ended,
    /// Its drain is over at once.
    Hurry,
    /// It has been drained, and leaves.
    Leave,
}

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) flavour: Flavour,
    pub(crate) random: Random,
    pub(crate) now: u64,
    pub(crate) shards: Shards,
    pub(crate) limits: Limits,
    pub(crate) nodes: Vec<Node>,
    pub(crate) store: Store,
    /// Until when the store answers nothing, and does not count the time of leases either.
    pub(crate) store_down_until: u64,
    pub(crate) faults: bool,
    pub(crate) checks: Checks,
    pub(crate) seen: Seen,
    queue: BTreeMap<(u64, u64), Event>,
    numbers: u64,
}

impl World {
    /// Plays a history. Answers how many milliseconds it took after the last fault until all was served.
    pub(crate) fn play(seed: u64, flavour: Flavour) -> (u64, Seen) {
        let mut world = Self::new(seed, flavour);
        while world.now < TROUBLED {
            world.step();
        }
        world.end_faults();
        let mut unsettled = world.now;
        while world.now < TROUBLED + BOUND {
            world.step();
            if !world.settled() {
                unsettled = world.now;
            }
        }
        assert!(world.settled(), "not served again: {world:#?}");
        while world.now < TROUBLED + BOUND + CALM {
            world.step();
            assert!(world.settled(), "it is not calm");
        }
        ((unsettled - TROUBLED) / MS, world.seen)
    }

    fn new(seed: u64, flavour: Flavour) -> Self {
        let mut random = Random::new(seed);
        let shards = Shards::new(u32::try_from(random.within(1, 9)).expect("few")).expect("some");
        let count = random.place(3) + 2;
        let nodes = (0..count).map(|n| Node {
            name: NodeName::try_from(&*format!("n{n}")).expect("a name"),
            rate: match flavour {
                Flavour::OutsideTheMargin if n == 0 => 400,
                _ => random.within(930, 1_071),
            },
            offset: random.within(0, 1_000 * SECOND),
            life: 0,
            process: Process::Down,
            paused_until: None,
            cut_until: 0,
            pending: BTreeSet::new(),
        });
        let nodes: Vec<_> = nodes.collect();
        let pause = |ms| Duration::from_millis(ms);
        let mut world = Self {
            flavour,
            random,
            now: 0,
            shards,
            limits: Limits {
                claims_at_once: 3,
                drains_at_once: 2,
                drain_within: pause(3_000),
                retry: Backoff::new(pause(50), pause(2_000)).expect("a backoff"),
            },
            nodes,
            store: Store::new(shards, TTL),
            store_down_until: 0,
            faults: true,
            checks: Checks::default(),
            seen: Seen::default(),
            queue: BTreeMap::new(),
            numbers: 0,
        };
        for node in 0..count {
            let after = world.random.within(0, 2 * SECOND);
            world.after(after, Event::Start(node));
        }
        world.after(SECOND, Event::Planner);
        world.after(3 * SECOND, Event::Fault);
        world
    }

    pub(crate) const fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    pub(crate) fn after(&mut self, pause: u64, event: Event) {
        let number = self.next_number();
        self.queue.insert((self.now + pause, number), event);
    }

    fn step(&mut self) {
        let ((at, _), event) = self.queue.pop_first().expect("something always happens");
        self.now = self.now.max(at);
        if self.store_is_up() {
            self.store.expire(self.now, self.shards);
        }
        match event {
            Event::Node(node, life, what) => self.at_node(node, life, what),
            Event::Store {
                node,
                life,
                lease,
                id,
                request,
            } => {
                self.at_store(node, life, lease, id, request);
            }
            Event::Start(node) => self.start(node),
            Event::Resume(node) => self.resume(node),
            Event::Fault => self.fault(),
            Event::Planner => self.planner(),
        }
        self.check();
    }

    pub(crate) const fn store_is_up(&self) -> bool {
        self.store_down_until <= self.now
    }

    fn planner(&mut self) {
        let pause = match self.faults {
            true => self.random.within(SECOND / 2, 4 * SECOND),
            false => SECOND / 2,
        };
        self.after(pause, Event::Planner);
        if !self.store_is_up() {
            return;
        }
        let names = match self.faults && self.random.chance(300) {
            // A planner that is behind: some of the nodes, whether or not they are there.
            true => self.nodes.iter().map(|node| node.name.clone()).collect(),
            false => self.store.names(),
        };
        let faults = self.faults;
        let weighed = |name| Candidate {
            name,
            weight: match faults {
                true => u32::try_from(self.random.within(0, 4)).expect("little"),
                false => 1,
            },
            leaving: Leaving::No,
        };
        let candidates: Vec<_> = names.into_iter().map(weighed).collect();
        let plan = plan(self.shards, &candidates);
        if self.store.plan() != Some(&plan) {
            self.store.write_plan(plan);
        }
    }

    fn end_faults(&mut self) {
        self.faults = false;
        if !self.store_is_up() {
            self.store_down_until = self.now;
            self.store.extend_all(self.now);
        }
        for node in 0..self.nodes.len() {
            self.nodes[node].cut_until = self.now;
            if self.nodes[node].paused_until.is_some() {
                self.nodes[node].paused_until = Some(self.now);
                self.after(0, Event::Resume(node));
            }
            self.after(1, Event::Start(node));
        }
    }

    /// Whether each shard is served by the node that is planned for it, and all nodes are there.
    fn settled(&self) -> bool {
        let candidates = self.nodes.iter().map(|node| Candidate {
            name: node.name.clone(),
            weight: 1,
            leaving: Leaving::No,
        });
        let plan = plan(self.shards, &candidates.collect::<Vec<_>>());
        self.shards.all().all(|shard| {
            let owner = self
                .nodes
                .iter()
                .find(|node| plan.owner(shard) == Some(&node.name));
            let owner = owner.and_then(|node| Some((node, node.up()?)));
            owner.is_some_and(|(node, up)| {
                up.holder.admits(shard, node.local(self.now)).is_ok() && up.holder.moving() == 0
            })
        })
    }
}
