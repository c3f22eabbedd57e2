//! Random histories of what a node hears, and what it tells.

use std::collections::BTreeMap;

use session_supervisor_cluster::engine::{DrainOrder, EventKind, Hold, Holder, ShardState, Wait};

use super::Told;
use crate::node::{HERE, name, owner, shards};

/// A stream of numbers that look random.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

/// Whatever a node hears, in whatever order: the snapshot is what the holder knows, and the events of
/// each shard are in the order in which such a thing can happen.
#[test]
fn random_histories_are_told_exactly() {
    for seed in 0..400 {
        let mut random = Random(seed);
        let mut told = Told::new(3);
        let mut revision = 10;
        for _ in 0..120 {
            step(&mut told, &mut random, &mut revision);
            for shard in shards(told.count).all() {
                let known = told.node.holder.map().owner(shard);
                let shown = told.follows.shards.get(&shard);
                assert_eq!(shown.map(|shown| &shown.owner), known, "seed {seed}");
                let frozen = shown.is_some_and(|shown| shown.state == ShardState::Frozen);
                let is_served = matches!(told.node.holder.hold(shard), Hold::Owned(_));
                assert!(!(frozen && is_served), "seed {seed}: shard {shard}");
            }
        }
        check_order(&told.kinds, seed);
    }
}

fn step(told: &mut Told, random: &mut Random, revision: &mut u64) {
    let n = random.below(told.count.into()) as u32;
    let shard = told.node.shard(n);
    let hold = told.node.holder.hold(shard);
    told.node.now += random.below(20);
    *revision += random.below(3);
    let other = || Some(owner("there", 3, *revision));
    match (random.below(12), hold) {
        (0, _) => {
            let to = ["there", HERE][random.below(2) as usize];
            let plan = crate::node::all_to(to, told.count);
            told.hears(&[], |holder, now, out| holder.planned(plan, now, out));
        }
        (1, _) => told.seen(n, other(), *revision),
        (2, _) => told.seen(n, None, *revision),
        (3, _) => {
            let there = [None, Some(3)][random.below(2) as usize];
            told.node_says("there", there);
        }
        (4, _) => {
            let order = DrainOrder::default();
            let begins = random.below(30) == 0;
            if begins {
                told.note(|picture, now, out| picture.drain_begun(1, now, out));
                told.hears(&[], |holder, now, out| holder.drain(order, now, out));
            }
        }
        (_, Hold::Claiming(Wait::Answer)) => {
            *revision += 1;
            told.claimed(n, *revision);
        }
        (_, Hold::Draining(held) | Hold::Lost(held)) => told.drained(n, held.number()),
        (_, Hold::Releasing(held, _)) => told.released(n, held.number()),
        _ => {
            told.hears(&[], Holder::tick);
        }
    }
}

/// Claimed, frozen if it is this node's, then released or lost; and nothing twice.
fn check_order(kinds: &[EventKind], seed: u64) {
    let mut owned = BTreeMap::new();
    for kind in kinds {
        match kind {
            EventKind::ShardClaimed { shard, owner } => {
                let before = owned.insert(*shard, (owner.clone(), ShardState::Owned));
                assert_eq!(before, None, "seed {seed}: {kind}");
            }
            EventKind::ShardFrozen { shard, epoch } => {
                let (owner, state) = owned.get_mut(shard).unwrap();
                assert_eq!(
                    (owner.epoch, *state),
                    (*epoch, ShardState::Owned),
                    "seed {seed}: {kind}"
                );
                assert_eq!(owner.node, name(HERE), "seed {seed}: {kind}");
                *state = ShardState::Frozen;
            }
            EventKind::ShardReleased { shard, owner, .. }
            | EventKind::ShardLost { shard, owner, .. } => {
                let (known, _) = owned.remove(shard).unwrap();
                assert_eq!(known, *owner, "seed {seed}: {kind}");
            }
            _ => {}
        }
    }
}
