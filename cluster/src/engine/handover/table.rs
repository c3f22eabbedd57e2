//! How the node stands to all shards, with what follows from it: how many claims and moves there are,
//! which timers run, and what waits for its turn.
//!
//! [`Table::set`] alone changes how the node stands to a shard, so the counts are always right.

use std::collections::BTreeSet;

use super::hold::{Hold, Wait};
use crate::engine::shard::{Epoch, Shard, Shards};
use crate::engine::time::BootTime;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Table {
    slots: Vec<Slot>,
    /// Claims that are under way.
    claims: usize,
    /// Shards that are being given up.
    moving: usize,
    /// Shards with which the node has something to do.
    held: usize,
    timers: BTreeSet<(BootTime, Shard)>,
    to_claim: BTreeSet<Shard>,
    to_drain: BTreeSet<Shard>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Slot {
    hold: Hold,
    /// How often the present request was not answered.
    failures: u32,
    /// The latest epoch that was given up.
    past: Epoch,
}

impl Table {
    pub(super) fn new(shards: Shards) -> Self {
        let slot = |_| Slot {
            hold: Hold::Elsewhere,
            failures: 0,
            past: Epoch::default(),
        };
        Self {
            slots: shards.all().map(slot).collect(),
            claims: 0,
            moving: 0,
            held: 0,
            timers: BTreeSet::new(),
            to_claim: BTreeSet::new(),
            to_drain: BTreeSet::new(),
        }
    }

    pub(super) fn hold(&self, shard: Shard) -> Hold {
        let slot = self.slots.get(shard.place());
        slot.map_or(Hold::Elsewhere, |slot| slot.hold)
    }

    /// The latest epoch of the shard that was given up.
    pub(super) fn past(&self, shard: Shard) -> Epoch {
        let slot = self.slots.get(shard.place());
        slot.map_or_else(Epoch::default, |slot| slot.past)
    }

    /// From now on the node stands to the shard like this. It waits for no turn.
    pub(super) fn set(&mut self, shard: Shard, hold: Hold) {
        let Some(slot) = self.slots.get_mut(shard.place()) else {
            return;
        };
        let (before, failures) = (slot.hold, slot.failures);
        slot.hold = hold;
        // A request that is made again remembers how often it was; all else begins anew.
        slot.failures = match (before, hold) {
            (Hold::Claiming(_), Hold::Elsewhere | Hold::Claiming(_))
            | (Hold::Elsewhere, Hold::Claiming(_))
            | (Hold::Releasing(..), Hold::Releasing(..)) => failures,
            _ => 0,
        };
        self.to_claim.remove(&shard);
        self.to_drain.remove(&shard);
        if let Some(at) = timer(before) {
            self.timers.remove(&(at, shard));
        }
        if let Some(at) = timer(hold) {
            self.timers.insert((at, shard));
        }
        let (was, is) = (Weight::of(before), Weight::of(hold));
        self.claims = self.claims - was.claims + is.claims;
        self.moving = self.moving - was.moving + is.moving;
        self.held = self.held - was.held + is.held;
    }

    /// The present request of the shard was not answered. Returns how often that had happened before.
    pub(super) fn failed(&mut self, shard: Shard) -> u32 {
        let Some(slot) = self.slots.get_mut(shard.place()) else {
            return 0;
        };
        let before = slot.failures;
        slot.failures = before.saturating_add(1);
        before
    }

    /// The request of the shard was answered.
    pub(super) fn answered(&mut self, shard: Shard) {
        if let Some(slot) = self.slots.get_mut(shard.place()) {
            slot.failures = 0;
        }
    }

    /// The epoch has been given up, and with it the shard.
    pub(super) fn give_up(&mut self, shard: Shard, epoch: Epoch) {
        if let Some(slot) = self.slots.get_mut(shard.place()) {
            slot.past = slot.past.max(epoch);
        }
        self.set(shard, Hold::Elsewhere);
    }

    /// The shard is to be claimed when there is room.
    pub(super) fn claim_later(&mut self, shard: Shard) {
        self.to_claim.insert(shard);
    }

    /// The shard is to be drained when there is room.
    pub(super) fn drain_later(&mut self, shard: Shard) {
        self.to_drain.insert(shard);
    }

    /// Nothing waits for its turn with the shard.
    pub(super) fn stay(&mut self, shard: Shard) {
        self.to_claim.remove(&shard);
        self.to_drain.remove(&shard);
    }

    pub(super) fn next_to_claim(&self) -> Option<Shard> {
        self.to_claim.first().copied()
    }

    pub(super) fn next_to_drain(&self) -> Option<Shard> {
        self.to_drain.first().copied()
    }

    /// How many shards wait to be drained.
    pub(super) fn to_drain(&self) -> usize {
        self.to_drain.len()
    }

    pub(super) fn next_timer(&self) -> Option<BootTime> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Takes a timer that is due, and returns its shard.
    pub(super) fn take_due(&mut self, now: BootTime) -> Option<Shard> {
        let (at, shard) = *self.timers.first()?;
        if now < at {
            return None;
        }
        self.timers.remove(&(at, shard));
        Some(shard)
    }

    /// Nothing is tried again and nothing waits for its turn, of no shard.
    pub(super) fn cease(&mut self) {
        self.timers.clear();
        self.to_claim.clear();
        self.to_drain.clear();
    }

    pub(super) const fn claims(&self) -> usize {
        self.claims
    }

    pub(super) const fn moving(&self) -> usize {
        self.moving
    }

    pub(super) const fn held(&self) -> usize {
        self.held
    }
}

/// How much a shard adds to each count.
struct Weight {
    claims: usize,
    moving: usize,
    held: usize,
}

impl Weight {
    const fn of(hold: Hold) -> Self {
        let (claims, moving, held) = match hold {
            Hold::Elsewhere => (0, 0, 0),
            Hold::Claiming(Wait::Until(_)) | Hold::Owned(_) => (0, 0, 1),
            Hold::Claiming(Wait::Answer) => (1, 0, 1),
            Hold::Draining(_) | Hold::Releasing(..) | Hold::Lost(_) => (0, 1, 1),
        };
        Self {
            claims,
            moving,
            held,
        }
    }
}

const fn timer(hold: Hold) -> Option<BootTime> {
    match hold {
        Hold::Claiming(Wait::Until(at)) | Hold::Releasing(_, Wait::Until(at)) => Some(at),
        Hold::Elsewhere
        | Hold::Claiming(Wait::Answer)
        | Hold::Owned(_)
        | Hold::Draining(_)
        | Hold::Releasing(_, Wait::Answer)
        | Hold::Lost(_) => None,
    }
}
