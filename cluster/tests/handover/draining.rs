//! A node that drains: what it begins no more, how long each shard may take, and what the deadline does.

use std::num::NonZeroUsize;

use session_supervisor_cluster::engine::Effect::{
    Claim, Drain, EndAll, Freeze, Kill, KillAll, Left, Rejoin, Release,
};
use session_supervisor_cluster::engine::{
    BootTime, DrainOrder, DrainProgress, DrainStage, Effect, Hold, Holder, NotHere,
};

use crate::node::{HERE, NOTHING, Node, WITHIN, at, epoch};

fn until(ms: u64) -> DrainOrder {
    DrainOrder {
        until: Some(at(ms)),
        at_most: None,
    }
}

impl Node {
    fn drain(&mut self, order: DrainOrder) -> Vec<Effect> {
        self.told(|holder: &mut Holder, now: BootTime, out| holder.drain(order, now, out))
    }

    /// Waiting, ending, releasing, ended.
    fn progress(&self) -> [usize; 4] {
        let DrainProgress {
            shards,
            waiting,
            ending,
            releasing,
            ended,
            ..
        } = self.holder.drain_progress().unwrap();
        assert_eq!(shards, waiting + ending + releasing + ended);
        [waiting, ending, releasing, ended]
    }

    fn freezes(&self, n: u32, within: u64) -> [Effect; 2] {
        let (shard, epoch) = (self.shard(n), epoch(10 + u64::from(n)));
        let within = at(within).since_boot();
        [Freeze(shard, epoch), Drain(shard, epoch, within)]
    }
}

#[test]
fn it_begins_nothing_new_hands_over_in_order_and_stays() {
    let mut node = Node::limited_owning(3, 1);
    assert_eq!(node.holder.drain_progress(), None);
    assert_eq!(node.holder.drain_stage(), None);
    let now = at(node.now);
    assert_eq!(node.holder.begins(node.shard(1), now), Ok(epoch(11)));
    let first = [
        Freeze(node.shard(0), epoch(10)),
        Drain(node.shard(0), epoch(10), WITHIN),
    ];
    assert_eq!(node.drain(DrainOrder::default()), first);
    assert_eq!(node.progress(), [2, 1, 0, 0]);
    // What waits for its turn serves its sessions, and starts none.
    assert_eq!(node.admits(1), Ok(epoch(11)));
    assert_eq!(node.holder.begins(node.shard(1), now), Err(NotHere::Moving));
    // A planner that has not heard of it yet changes nothing.
    assert_eq!(node.planned(HERE), NOTHING);
    for n in 0..3 {
        assert_eq!(node.holder.drain_stage(), Some(DrainStage::Open));
        let number = 10 + u64::from(n);
        assert_eq!(
            node.drained(n, number),
            [Release(node.shard(n), epoch(number))]
        );
        let next = node.released(n, number);
        assert_eq!(next.len(), if n < 2 { 2 } else { 0 });
    }
    assert_eq!(node.progress(), [0, 0, 0, 3]);
    assert_eq!(node.holder.drain_stage(), Some(DrainStage::Done));
    // It stays, and claims nothing.
    assert_eq!(node.planned(HERE), NOTHING);
    assert_eq!(node.drain(DrainOrder::default()), NOTHING);
    assert_eq!(node.leave(), [Left]);
}

#[test]
fn each_shard_has_its_share_of_the_time() {
    let mut node = Node::limited_owning(5, 2);
    node.now = 1_000;
    // Three rounds within 6 s.
    let out = node.drain(until(7_000));
    assert_eq!(
        out,
        [node.freezes(0, 2_000), node.freezes(1, 2_000)].concat()
    );
    // The first ends sooner, so the next has more: two rounds within 5 s, its own included.
    node.now = 2_000;
    assert_eq!(node.drained(0, 10).len(), 1);
    assert_eq!(node.released(0, 10), node.freezes(2, 2_500));
    let _ = node.drained(1, 11);
    assert_eq!(node.released(1, 11), node.freezes(3, 2_500));
    node.now = 3_000;
    let _ = node.drained(2, 12);
    assert_eq!(node.released(2, 12), node.freezes(4, 4_000));
}

#[test]
fn the_number_at_a_time_is_that_of_the_order() {
    let order = |at_most| DrainOrder {
        until: None,
        at_most: NonZeroUsize::new(at_most),
    };
    let mut node = Node::limited_owning(8, 2);
    assert_eq!(node.drain(order(3)).len(), 6);
    // More at a time than before is no smaller number.
    assert_eq!(node.drain(order(5)), NOTHING);
    assert_eq!(node.drain(order(1)), NOTHING);
    let _ = node.drained(0, 10);
    assert_eq!(node.released(0, 10), NOTHING);
    let _ = node.drained(1, 11);
    assert_eq!(node.released(1, 11), NOTHING);
    let _ = node.drained(2, 12);
    assert_eq!(node.released(2, 12).len(), 2);
}

#[test]
fn at_the_deadline_all_that_is_left_is_killed_and_later_it_is_stuck() {
    let mut node = Node::limited_owning(4, 1);
    let _ = node.drain(until(1_000));
    assert_eq!(node.drained(0, 10), [Release(node.shard(0), epoch(10))]);
    assert_eq!(node.released(0, 10).len(), 2);
    assert_eq!(node.progress(), [2, 1, 0, 1]);
    assert_eq!(node.holder.next_deadline(), Some(at(1_000)));
    node.now = 1_000;
    let out = node.tick();
    let kill = [Kill(node.shard(1), epoch(11))];
    let rest = [node.freezes(2, 0), node.freezes(3, 0)].concat();
    assert_eq!(out, [kill.to_vec(), rest].concat());
    assert_eq!(node.progress(), [0, 3, 0, 1]);
    assert_eq!(node.tick(), NOTHING);
    assert_eq!(node.drained(1, 11), [Release(node.shard(1), epoch(11))]);
    assert_eq!(node.progress(), [0, 2, 1, 1]);
    assert_eq!(node.holder.next_deadline(), Some(at(6_000)));
    node.now = 5_999;
    assert_eq!(node.tick(), NOTHING);
    assert_eq!(node.holder.drain_stage(), Some(DrainStage::Open));
    node.now = 6_000;
    assert_eq!(node.tick(), NOTHING);
    assert_eq!(node.holder.drain_stage(), Some(DrainStage::Stuck));
    // Only the lease is waited for now. What ends all the same is given up.
    assert_eq!(node.holder.next_deadline(), Some(at(8_000)));
    assert_eq!(node.drained(2, 12), [Release(node.shard(2), epoch(12))]);
    for n in 1..3 {
        let _ = node.released(n, 10 + u64::from(n));
    }
    let _ = node.drained(3, 13);
    let _ = node.released(3, 13);
    assert_eq!(node.holder.drain_stage(), Some(DrainStage::Done));
}

#[test]
fn a_second_order_with_an_earlier_deadline_counts() {
    let mut node = Node::limited_owning(2, 1);
    assert_eq!(node.drain(until(7_000)), node.freezes(0, 3_450));
    node.now = 500;
    assert_eq!(node.drain(until(7_500)), NOTHING);
    assert_eq!(node.holder.next_deadline(), Some(at(7_000)));
    // One that is over already kills at once.
    let out = node.drain(until(400));
    let kill = [Kill(node.shard(0), epoch(10))];
    assert_eq!(out, [kill.to_vec(), node.freezes(1, 0).to_vec()].concat());
}

#[test]
fn a_hand_over_that_went_on_before_the_drain_ends_with_it_too() {
    let mut node = Node::owning(1);
    let _ = node.planned("there");
    assert_eq!(node.hold(0), Hold::Draining(epoch(10)));
    assert_eq!(node.drain(until(1_000)), NOTHING);
    assert_eq!(node.progress(), [0, 1, 0, 0]);
    node.now = 1_000;
    assert_eq!(node.tick(), [Kill(node.shard(0), epoch(10))]);
}

#[test]
fn a_claim_that_is_answered_in_a_drain_goes_back_at_once() {
    let mut node = Node::new(2);
    assert_eq!(
        node.planned(HERE),
        [Claim(node.shard(0)), Claim(node.shard(1))]
    );
    assert_eq!(node.drain(until(5_000)), NOTHING);
    assert_eq!(node.progress(), [0, 0, 2, 0]);
    assert_eq!(node.claimed(0, 10), [Release(node.shard(0), epoch(10))]);
    assert_eq!(node.claim_unknown(1), NOTHING);
    assert_eq!(node.progress(), [0, 0, 1, 1]);
    assert_eq!(node.released(0, 10), NOTHING);
    assert_eq!(node.holder.drain_stage(), Some(DrainStage::Done));
}

#[test]
fn without_authority_all_ends_and_a_drain_does_not_make_it_leave() {
    let mut node = Node::limited_owning(2, 1);
    let _ = node.drain(until(7_000));
    node.now = 8_000;
    assert_eq!(node.tick(), [EndAll { until: at(11_000) }]);
    // The deadline of the drain is none of it any more.
    assert_eq!(node.holder.next_deadline(), Some(at(11_000)));
    assert_eq!(node.drain(until(8_000)), NOTHING);
    node.now = 11_000;
    assert_eq!(node.tick(), [KillAll]);
    assert_eq!(node.ended_all(), [Rejoin]);
}

#[test]
fn a_leave_after_a_drain_goes_on_with_it() {
    let mut node = Node::limited_owning(2, 1);
    let _ = node.drain(until(3_000));
    assert_eq!(node.leave(), NOTHING);
    node.now = 3_000;
    assert_eq!(node.tick().len(), 3);
    for n in 0..2 {
        let _ = node.drained(n, 10 + u64::from(n));
    }
    let _ = node.released(0, 10);
    assert_eq!(node.released(1, 11), [Left]);
}
