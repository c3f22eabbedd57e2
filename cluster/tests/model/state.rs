//! What there is: the store, the nodes, and what is under way between them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use session_supervisor_cluster::engine::{
    Authority, Backoff, BootTime, Candidate, Effect, Epoch, Holder, Incarnation, Leaving, Limits,
    NodeName, Owner, Plan, Shard, Shards, Ttl, plan,
};

use crate::actions::Action;

/// Of a lease, in milliseconds, as all times here.
pub(crate) const TTL: u64 = 12_000;

/// How much of each kind may still happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Plans that give the shards to another node.
    pub(crate) plans: u8,
    /// Answers that are given up before they come.
    pub(crate) unknown: u8,
    /// Requests that arrive twice.
    pub(crate) doubles: u8,
    pub(crate) snapshots: u8,
    /// Renewals that the first node sends. Those of the others take no time.
    pub(crate) renewals: u8,
    pub(crate) pauses: u8,
    pub(crate) crashes: u8,
    pub(crate) leaves: u8,
}

impl Budget {
    pub(crate) const NONE: Self = Self {
        plans: 0,
        unknown: 0,
        doubles: 0,
        snapshots: 0,
        renewals: 0,
        pauses: 0,
        crashes: 0,
        leaves: 0,
    };
}

/// What is under way, to or from the node of this number in this incarnation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Message {
    pub(crate) node: usize,
    pub(crate) incarnation: Incarnation,
    pub(crate) says: Says,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Says {
    Claim(Shard),
    Release(Shard, Epoch),
    KeepAlive(u64),
    Revoke,
    Claimed(Shard, Epoch),
    Refused(Shard, Owner),
    NoLease(Shard),
    Released(Shard, Epoch),
    Kept(u64),
    LeaseLost,
    Snapshot(Vec<(Shard, Owner)>, u64, usize),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Node {
    pub(crate) holder: Holder,
    pub(crate) incarnation: Incarnation,
    pub(crate) up: bool,
    pub(crate) paused: bool,
    /// How much of the log it has been told. None: a snapshot is under way.
    pub(crate) position: Option<usize>,
    pub(crate) plan: Option<usize>,
    pub(crate) running: BTreeMap<Shard, Epoch>,
    pub(crate) draining: BTreeSet<(Shard, Epoch)>,
    /// What it waits for the answers to.
    pub(crate) pending: BTreeSet<Says>,
    pub(crate) ending: bool,
    /// When it has last sent a renewal.
    pub(crate) renewed: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) now: u64,
    pub(crate) shards: Shards,
    pub(crate) budget: Budget,
    pub(crate) keys: Vec<Option<Owner>>,
    pub(crate) leases: BTreeMap<Incarnation, u64>,
    pub(crate) revision: u64,
    pub(crate) log: Vec<(u64, Shard, Option<Owner>)>,
    /// The node that all shards are planned for.
    pub(crate) plan: usize,
    pub(crate) nodes: Vec<Node>,
    pub(crate) network: BTreeSet<Message>,
    /// Under which epoch each shard was last served, and by which node.
    latest: BTreeMap<Shard, (Epoch, usize)>,
    /// Which nodes have served something.
    served: BTreeSet<usize>,
    /// A lease has expired.
    pub(crate) expired: bool,
    /// What must not be.
    pub(crate) wrong: Option<&'static str>,
}

fn name(node: usize) -> NodeName {
    NodeName::try_from(&*format!("n{node}")).expect("a name")
}

/// The plan that gives all shards to this node.
pub(crate) fn all_to(node: usize, shards: Shards) -> Plan {
    let candidate = Candidate {
        name: name(node),
        weight: 1,
        leaving: Leaving::No,
    };
    plan(shards, &[candidate])
}

pub(crate) fn at(ms: u64) -> BootTime {
    BootTime::new(Duration::from_millis(ms))
}

impl State {
    pub(crate) fn new(nodes: usize, shards: u32, budget: Budget) -> Self {
        let shards = Shards::new(shards).expect("some");
        let pause = Duration::from_secs(2);
        let limits = Limits {
            claims_at_once: 64,
            drains_at_once: 16,
            drain_within: Duration::from_secs(1),
            retry: Backoff::new(pause, pause).expect("a backoff"),
        };
        let ttl = Ttl::new(Duration::from_millis(TTL)).expect("a lease");
        let node = |n: usize| {
            let incarnation = Incarnation::new(n as u64 + 1);
            let granted = Authority::granted(ttl, at(0));
            Node {
                holder: Holder::new(name(n), incarnation, shards, granted, limits, n as u64),
                incarnation,
                up: true,
                paused: false,
                position: Some(0),
                plan: None,
                running: BTreeMap::new(),
                draining: BTreeSet::new(),
                pending: BTreeSet::new(),
                ending: false,
                renewed: 0,
            }
        };
        let nodes: Vec<_> = (0..nodes).map(node).collect();
        Self {
            now: 0,
            shards,
            budget,
            keys: shards.all().map(|_| None).collect(),
            leases: nodes.iter().map(|node| (node.incarnation, TTL)).collect(),
            revision: 1,
            log: Vec::new(),
            plan: 0,
            nodes,
            network: BTreeSet::new(),
            latest: BTreeMap::new(),
            served: BTreeSet::new(),
            expired: false,
            wrong: None,
        }
    }

    /// The first node has heard of the plan, and has claimed all shards.
    pub(crate) fn let_the_first_own_all(&mut self) {
        self.act(Action::HearPlan(0));
        while let Some(message) = self.network.first().cloned() {
            self.act(Action::Deliver(message));
        }
        for _ in 0..self.log.len() {
            self.act(Action::Watch(0));
        }
        self.note_owners();
    }

    pub(crate) fn served_by_two(&self) -> bool {
        self.served.len() > 1
    }

    /// Looks for two owners.
    pub(crate) fn note_owners(&mut self) {
        for shard in self.shards.all() {
            let mut owners = BTreeSet::new();
            for (place, node) in self.nodes.iter().enumerate() {
                if !node.up || node.paused {
                    continue;
                }
                if let Ok(epoch) = node.holder.admits(shard, at(self.now)) {
                    owners.insert(place);
                    let latest = self.latest.entry(shard).or_insert((epoch, place));
                    if epoch < latest.0 || (epoch == latest.0 && place != latest.1) {
                        self.wrong = Some("an epoch again");
                    }
                    *latest = (epoch, place);
                    self.served.insert(place);
                    if node.running.get(&shard) != Some(&epoch) {
                        self.wrong = Some("it admits what is not open");
                    }
                }
                // One whose timers have yet to fire after a pause may still run something.
                let due = node.holder.next_deadline();
                let behind = due.is_some_and(|due| due <= at(self.now));
                if node.running.contains_key(&shard) && !behind {
                    owners.insert(place);
                }
            }
            if owners.len() > 1 {
                self.wrong = Some("two owners");
            }
        }
    }

    /// Tells a node something, and carries out what it answers.
    pub(crate) fn tell(
        &mut self,
        place: usize,
        input: impl FnOnce(&mut Holder, BootTime, &mut Vec<Effect>),
    ) {
        let mut effects = Vec::new();
        input(&mut self.nodes[place].holder, at(self.now), &mut effects);
        for effect in effects {
            self.carry_out(place, effect);
        }
    }

    fn carry_out(&mut self, place: usize, effect: Effect) {
        let node = &mut self.nodes[place];
        let runs = |shard: Shard| node.running.contains_key(&shard);
        match effect {
            Effect::Claim(shard) => {
                if runs(shard) || node.ending {
                    self.wrong = Some("a claim at the wrong time");
                }
                self.request(place, Says::Claim(shard));
            }
            Effect::Admit(shard, epoch) => {
                if runs(shard) || node.ending {
                    self.wrong = Some("opened at the wrong time");
                }
                node.running.insert(shard, epoch);
            }
            Effect::Freeze(..) => {}
            Effect::Drain(shard, epoch, _) => {
                node.draining.insert((shard, epoch));
            }
            Effect::Kill(shard, epoch) => {
                node.running.remove(&shard);
                node.draining.insert((shard, epoch));
            }
            Effect::Release(shard, epoch) => {
                if runs(shard) || node.ending {
                    self.wrong = Some("released at the wrong time");
                }
                self.request(place, Says::Release(shard, epoch));
            }
            Effect::EndAll { .. } => node.ending = true,
            Effect::KillAll => {
                node.ending = true;
                node.running.clear();
            }
            Effect::Rejoin | Effect::Left => {
                if !node.running.is_empty() {
                    self.wrong = Some("it goes while something runs");
                }
                self.end(place);
                self.send(place, Says::Revoke);
            }
        }
    }

    /// Sends what is answered.
    pub(crate) fn request(&mut self, place: usize, says: Says) {
        self.nodes[place].pending.insert(says.clone());
        self.send(place, says);
    }

    pub(crate) fn send(&mut self, place: usize, says: Says) {
        let node = &self.nodes[place];
        self.network.insert(Message {
            node: place,
            incarnation: node.incarnation,
            says,
        });
    }

    /// The process of a node is over. What is still under way to it does not matter any more.
    pub(crate) fn end(&mut self, place: usize) {
        let node = &mut self.nodes[place];
        node.up = false;
        node.running.clear();
        node.draining.clear();
        node.pending.clear();
        self.network
            .retain(|message| message.node != place || is_request(&message.says));
    }

    /// The key of a shard changes.
    pub(crate) fn set(&mut self, shard: Shard, owner: Option<Owner>) {
        self.keys[shard.index() as usize] = owner.clone();
        self.log.push((self.revision, shard, owner));
    }
}

/// Whether it goes to the store.
pub(crate) const fn is_request(says: &Says) -> bool {
    match says {
        Says::Claim(_) | Says::Release(..) | Says::KeepAlive(_) | Says::Revoke => true,
        Says::Claimed(..)
        | Says::Refused(..)
        | Says::NoLease(_)
        | Says::Released(..)
        | Says::Kept(_)
        | Says::LeaseLost
        | Says::Snapshot(..) => false,
    }
}
