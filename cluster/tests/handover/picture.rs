//! What is told of all that a node hears and decides: each change once, in the order of what happened to
//! the shard, and a snapshot that is what all of it says.

mod random;

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use session_supervisor_cluster::engine::{
    BootTime, Candidate, DrainOrder, DrainStage, Effect, EventKind, Holder, Incarnation, KnownNode,
    Lapse, Leaving, Loss, NodeName, Owner, Picture, PlanSeen, Restored, ShardOutcome, ShardState,
    Snapshot, plan,
};

use crate::node::{HERE, Node, at, epoch, name, owner, shards};

/// A node, and what it tells.
struct Told {
    node: Node,
    count: u32,
    picture: Picture,
    /// An empty snapshot that follows the events alone.
    follows: Snapshot,
    kinds: Vec<EventKind>,
}

impl Told {
    fn new(count: u32) -> Self {
        let mut told = Self {
            node: Node::new(count),
            count,
            picture: Picture::new(name(HERE), shards(count)),
            follows: Snapshot::new(name(HERE), shards(count)),
            kinds: Vec::new(),
        };
        told.note(|picture, now, out| picture.joined(Incarnation::new(7), now, out));
        told.node_says(HERE, Some(7));
        told
    }

    /// One that owns all its shards, under the epochs 10, 11 and on, of which nothing is to be told.
    fn owning(count: u32) -> Self {
        let mut told = Self::new(count);
        told.hears(&[], |holder, now, out| {
            holder.planned(crate::node::all_to(HERE, count), now, out);
        });
        for n in 0..count {
            told.claimed(n, 10 + u64::from(n));
        }
        told.kinds.clear();
        told
    }

    fn note(&mut self, what: impl FnOnce(&mut Picture, BootTime, &mut Vec<EventKind>)) {
        let before = self.kinds.len();
        what(&mut self.picture, at(self.node.now), &mut self.kinds);
        for kind in &self.kinds[before..] {
            self.follows.follow(kind);
        }
        assert_eq!(&self.follows, self.picture.snapshot());
    }

    /// As a driver does it.
    fn hears(
        &mut self,
        about: &[u32],
        what: impl FnOnce(&mut Holder, BootTime, &mut Vec<Effect>),
    ) -> Vec<Effect> {
        let effects = self.node.told(what);
        let owners: Vec<_> = about
            .iter()
            .map(|n| self.node.shard(*n))
            .map(|shard| (shard, self.node.holder.map().owner(shard).cloned()))
            .collect();
        let decided = effects.clone();
        self.note(|picture, now, out| {
            for (shard, owner) in owners {
                picture.owner(shard, owner.as_ref(), now, out);
            }
            picture.decided(&decided, Lapse::LeaseGone, now, out);
        });
        effects
    }

    fn claimed(&mut self, n: u32, number: u64) {
        let shard = self.node.shard(n);
        self.hears(&[n], |holder, now, out| {
            holder.claimed(shard, epoch(number), now, out)
        });
    }

    fn seen(&mut self, n: u32, owner: Option<Owner>, revision: u64) {
        let shard = self.node.shard(n);
        self.hears(&[n], |holder, now, out| {
            holder.seen(shard, owner, revision, now, out)
        });
    }

    fn drained(&mut self, n: u32, number: u64) {
        let shard = self.node.shard(n);
        self.hears(&[], |holder, now, out| {
            holder.drained(shard, epoch(number), now, out)
        });
    }

    fn released(&mut self, n: u32, number: u64) {
        let shard = self.node.shard(n);
        self.hears(&[n], |holder, now, out| {
            holder.released(shard, epoch(number), now, out)
        });
    }

    fn node_says(&mut self, node: &str, incarnation: Option<u64>) {
        let says = incarnation
            .map(|number| KnownNode::new(Incarnation::new(number), "there:1", 100, Leaving::No));
        self.note(|picture, _, out| picture.node(&name(node), says, out));
    }

    fn texts(&mut self) -> Vec<String> {
        let kinds = std::mem::take(&mut self.kinds);
        kinds.iter().map(ToString::to_string).collect()
    }
}

#[test]
fn a_hand_over_is_told_step_by_step() {
    let mut told = Told::owning(1);
    let shard = told.node.shard(0);
    let sessions = Restored::default();
    told.note(|picture, _, out| picture.restored(shard, epoch(10), sessions, out));
    told.hears(&[], |holder, now, out| {
        holder.planned(crate::node::all_to("there", 1), now, out);
    });
    assert_eq!(told.follows.shards[&shard].state, ShardState::Frozen);
    told.node.now += 250;
    told.drained(0, 10);
    told.node.now += 250;
    told.released(0, 10);
    // The watch says it too, and the next owner.
    told.node_says("there", Some(3));
    told.seen(0, None, 20);
    told.seen(0, Some(owner("there", 3, 21)), 21);
    // What was restored too late is told of nobody's shard.
    told.note(|picture, _, out| picture.restored(shard, epoch(10), sessions, out));
    assert_eq!(
        told.texts(),
        [
            "shard 0 is served in epoch 10: 0 sessions are restored in 0.0ns",
            "shard 0 is handed over in epoch 10",
            "shard 0 was given up by node here in epoch 10 in 500.0ms",
            "node there has joined: incarnation 3 at there:1, weight 100",
            "shard 0 is owned by node there in epoch 21",
        ]
    );
}

#[test]
fn the_watch_may_say_first_what_the_answer_says_later() {
    let mut told = Told::new(1);
    told.hears(&[], |holder, now, out| {
        holder.planned(crate::node::all_to(HERE, 1), now, out);
    });
    told.kinds.clear();
    told.seen(0, Some(owner(HERE, 7, 10)), 10);
    told.claimed(0, 10);
    told.hears(&[], |holder, now, out| {
        holder.planned(crate::node::all_to("there", 1), now, out);
    });
    told.drained(0, 10);
    told.seen(0, None, 20);
    told.released(0, 10);
    assert_eq!(
        told.texts(),
        [
            "shard 0 is owned by node here in epoch 10",
            "shard 0 is handed over in epoch 10",
            "shard 0 was given up by node here in epoch 10 in 0.0ns",
        ]
    );
}

#[test]
fn a_key_that_is_gone_is_a_loss_and_so_is_all_of_a_lease() {
    let mut told = Told::owning(2);
    told.seen(0, None, 20);
    told.drained(0, 10);
    assert_eq!(
        told.texts(),
        ["shard 0 was lost by node here in epoch 10: its key is gone from etcd"]
    );
    told.hears(&[], Holder::lease_lost);
    told.hears(&[], Holder::ended_all);
    assert_eq!(
        told.texts(),
        [
            "this node admits nothing and ends its sessions: etcd does not know its lease any more",
            "shard 1 was lost by node here in epoch 11: the lease of its owner has ended",
            "node here is gone: incarnation 7",
        ]
    );
    assert_eq!(told.follows.authority, None);
    told.node.now += 1_500;
    told.note(|picture, now, out| picture.joined(Incarnation::new(9), now, out));
    assert_eq!(
        told.texts(),
        ["this node has joined again after 1.5s, in incarnation 9"]
    );
}

#[test]
fn a_lease_that_is_not_renewed_lapses_once() {
    let mut told = Told::owning(1);
    told.node.now = 8_000;
    told.hears(&[], Holder::tick);
    told.node.now = 11_000;
    told.hears(&[], Holder::tick);
    let lapse = EventKind::AuthorityLapsed {
        why: Lapse::NotRenewed,
    };
    assert_eq!(told.kinds, [lapse]);
}

#[test]
fn what_another_node_gives_up_is_told_from_what_it_loses() {
    let mut told = Told::new(2);
    told.node_says("there", Some(3));
    told.seen(0, Some(owner("there", 3, 10)), 10);
    told.seen(1, Some(owner("there", 3, 11)), 11);
    told.kinds.clear();
    told.seen(0, None, 12);
    // Its lease is over: its own key goes first, in the same revision.
    told.node_says("there", None);
    told.seen(1, None, 13);
    let [
        EventKind::ShardReleased { took: None, .. },
        EventKind::NodeGone { .. },
        EventKind::ShardLost { why, .. },
    ] = &told.kinds[..]
    else {
        panic!("{:?}", told.kinds);
    };
    assert_eq!(*why, Loss::LeaseEnded);
}

#[test]
fn nodes_the_planner_and_the_plan_are_told_when_they_change() {
    let mut told = Told::new(4);
    told.kinds.clear();
    let says = |number, leaving| {
        let known = KnownNode::new(Incarnation::new(number), "there:1", 100, leaving);
        (name("there"), known)
    };
    let here = (name(HERE), told.follows.nodes[&name(HERE)].clone());
    let mut all = |some: &[(NodeName, KnownNode)]| {
        let some: BTreeMap<_, _> = some.iter().cloned().collect();
        told.note(|picture, _, out| picture.nodes(some, out));
        told.texts()
    };
    let joined = "node there has joined: incarnation 3 at there:1, weight 100";
    let here = &here;
    assert_eq!(all(&[here.clone(), says(3, Leaving::No)]), [joined]);
    assert_eq!(all(&[here.clone(), says(3, Leaving::No)]), [""; 0]);
    let changed = "node there has changed: incarnation 3 at there:1, weight 100, leaving";
    assert_eq!(all(&[here.clone(), says(3, Leaving::Yes)]), [changed]);
    // It was away and came back between two looks.
    let (gone, back) = (
        "node there is gone: incarnation 3",
        "node there has joined: incarnation 4 at there:1, weight 100",
    );
    assert_eq!(all(&[here.clone(), says(4, Leaving::No)]), [gone, back]);
    let gone = "node there is gone: incarnation 4";
    assert_eq!(all(std::slice::from_ref(here)), [gone]);

    let mut planner = |start: Option<u64>| {
        let run = start.map(|start| (name(HERE), Incarnation::new(start)));
        told.note(|picture, _, out| picture.planner(run, out));
        told.texts()
    };
    for start in [7, 8] {
        let text = format!("node here plans, in incarnation {start}");
        assert_eq!(planner(Some(start)), [text]);
        assert_eq!(planner(Some(start)), [""; 0]);
    }
    assert_eq!(planner(None), ["node here plans no more, nor does another"]);
    assert_eq!(planner(None), [""; 0]);

    let mut planned = |nodes: &[&str], seen| {
        let candidates = nodes.iter().map(|node| Candidate {
            name: name(node),
            weight: 1,
            leaving: Leaving::No,
        });
        let plan = plan(shards(4), &candidates.collect::<Vec<_>>());
        told.note(|picture, _, out| picture.plan(&plan, seen, out));
        told.texts()
    };
    // One that stands when the node looks for the first time has moved nothing since.
    assert_eq!(planned(&[HERE], PlanSeen::Standing), [""; 0]);
    assert_eq!(planned(&[HERE], PlanSeen::Made), [""; 0]);
    assert_eq!(
        planned(&["there"], PlanSeen::Made),
        ["a plan was made: 4 shards move"]
    );
    assert_eq!(
        planned(&[], PlanSeen::Standing),
        ["a plan was made: 4 shards move"]
    );
}

#[test]
fn a_cause_is_told_once_until_the_peer_was_connected() {
    let mut told = Told::new(1);
    told.kinds.clear();
    let peer = || name("there");
    let failed = |told: &mut Told, why: &str| {
        told.note(|picture, _, out| picture.peer_failed(peer(), why.into(), out));
    };
    failed(&mut told, "refused");
    failed(&mut told, "refused");
    failed(&mut told, "another cookie");
    assert_eq!(told.texts().len(), 2);
    told.note(|picture, _, out| picture.peer_connected(peer(), Incarnation::new(3), out));
    assert!(told.follows.peers.contains_key(&peer()));
    told.note(|picture, _, out| picture.peer_lost(peer(), "it has ended".into(), out));
    told.note(|picture, _, out| picture.peer_lost(peer(), "it has ended".into(), out));
    failed(&mut told, "it has ended");
    assert_eq!(
        told.texts(),
        [
            "node there is connected, incarnation 3",
            "node there cannot be asked: it has ended"
        ]
    );
    failed(&mut told, "another cookie");
    assert_eq!(told.texts().len(), 1);
    told.note(|picture, _, out| picture.peer_connected(peer(), Incarnation::new(3), out));
    told.note(|picture, _, out| picture.gateway_closed(out));
    assert!(told.follows.peers.is_empty());
}

#[test]
fn a_drain_is_told_from_its_beginning_to_its_report() {
    let mut told = Told::owning(3);
    let begun = |told: &mut Told| {
        told.note(|picture, now, out| picture.drain_begun(5, now, out));
    };
    begun(&mut told);
    begun(&mut told);
    let order = DrainOrder {
        until: Some(at(1_000)),
        at_most: NonZeroUsize::new(1),
    };
    told.hears(&[], |holder, now, out| holder.drain(order, now, out));
    let progress = told.node.holder.drain_progress().unwrap();
    for _ in 0..2 {
        told.note(|picture, _, out| picture.drain_progressed(progress, out));
    }
    told.drained(0, 10);
    told.node.now += 100;
    told.released(0, 10);
    // The key of the next is taken away, and what is left of the last does not end.
    told.seen(1, None, 20);
    told.drained(1, 11);
    told.node.now = 1_000;
    told.hears(&[], Holder::tick);
    told.node.now = 6_000;
    told.hears(&[], Holder::tick);
    assert_eq!(told.node.holder.drain_stage(), Some(DrainStage::Stuck));
    let mut report = None;
    told.note(|picture, now, out| report = picture.drain_done(2, now, out));
    let report = report.unwrap();
    told.note(|picture, now, out| assert_eq!(picture.drain_done(2, now, out), None));
    let outcomes: Vec<_> = report
        .shards
        .iter()
        .map(|end| (end.shard.index(), end.outcome, end.took))
        .collect();
    let ms = Duration::from_millis;
    // The last one's turn has come when the second was lost.
    let expected = [
        (0, ShardOutcome::HandedOver, ms(100)),
        (1, ShardOutcome::Lost, ms(0)),
        (2, ShardOutcome::Stuck, ms(5_800)),
    ];
    assert_eq!(outcomes, expected);
    let texts = told.texts();
    let first = [
        "this node drains: 3 shards, 5 sessions",
        "shard 0 is handed over in epoch 10",
        "this node drains: 0 of 3 shards are handed over, 1 end their sessions, 0 wait for etcd, \
         2 wait for their turn; 0 sessions are left",
    ];
    assert_eq!(texts[..3], first);
    let last = "this node has drained: 1 shards are handed over, 1 lost, 1 stuck, of 5 sessions 2 \
                were killed, in 5.9s";
    assert_eq!(texts.last().unwrap(), last);
    assert_eq!(told.follows.drained, Some(report.summary));
}
