//! A node that drains: it begins nothing new, hands over what it owns, each shard within its share of the
//! time, and kills what is left at the deadline.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::Holder;
use super::hold::{Hold, Wait};
use super::io::{Effect, NotHere};
use super::phase::Phase;
use crate::engine::drain::{DrainOrder, DrainProgress, DrainStage};
use crate::engine::shard::{Epoch, Shard};
use crate::engine::time::BootTime;

/// How long after its deadline a drain is over, whatever is left: what was killed had time to end, and
/// etcd to answer.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// A drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Drain {
    order: DrainOrder,
    /// With how many shards the node had something to do at its beginning.
    shards: usize,
    time: Time,
}

/// How far the time of a drain is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Time {
    /// Its deadline has not passed.
    Left,
    /// It has passed, and what was left is being killed.
    Over,
    /// What is left does not end.
    LongOver,
}

impl Holder {
    /// The node is to drain: it claims nothing more, begins nothing new, and hands over what it owns. A
    /// second order joins the first. Nothing happens outside of the authority, since everything ends
    /// there.
    pub fn drain(&mut self, order: DrainOrder, now: BootTime, out: &mut Vec<Effect>) {
        if !self.acts(now, out) {
            return;
        }
        let held = self.table.held();
        let drain = self.drain.get_or_insert(Drain {
            order,
            shards: held,
            time: Time::Left,
        });
        drain.order = drain.order.join(order);
        if self.phase == Phase::Serving {
            self.phase = Phase::Draining;
        }
        self.reconsider_all(out);
        self.drain_is_due(now, out);
        self.advance(now, out);
    }

    /// Whether something new, such as a session, is begun here for an id of this shard. A node that
    /// gives its shards away begins nothing more for them.
    ///
    /// # Errors
    ///
    /// If it is not, with where it may be.
    pub fn begins(&self, shard: Shard, now: BootTime) -> Result<Epoch, NotHere> {
        let epoch = self.admits(shard, now)?;
        match self.phase {
            Phase::Draining | Phase::Leaving => Err(NotHere::Moving),
            Phase::Serving | Phase::Ending { .. } | Phase::Killed(_) | Phase::Over => Ok(epoch),
        }
    }

    /// How far the drain is, apart from its sessions. None: the node does not drain.
    #[must_use]
    pub fn drain_progress(&self) -> Option<DrainProgress> {
        let drain = self.drain.as_ref()?;
        let mut progress = DrainProgress::default();
        for shard in self.shards.all() {
            match self.table.hold(shard) {
                Hold::Elsewhere | Hold::Claiming(Wait::Until(_)) => {}
                Hold::Owned(_) => progress.waiting += 1,
                Hold::Draining(_) | Hold::Lost(_) => progress.ending += 1,
                Hold::Claiming(Wait::Answer) | Hold::Releasing(..) => progress.releasing += 1,
            }
        }
        let left = progress.waiting + progress.ending + progress.releasing;
        progress.ended = drain.shards.saturating_sub(left);
        progress.shards = left + progress.ended;
        Some(progress)
    }

    /// Whether the drain is over. None: the node does not drain.
    #[must_use]
    pub fn drain_stage(&self) -> Option<DrainStage> {
        let drain = self.drain.as_ref()?;
        Some(if self.table.held() == 0 {
            DrainStage::Done
        } else if drain.time == Time::LongOver {
            DrainStage::Stuck
        } else {
            DrainStage::Open
        })
    }

    /// The deadline of the drain may have passed: what is left is killed, all of it at once.
    pub(super) fn drain_is_due(&mut self, now: BootTime, out: &mut Vec<Effect>) {
        if self.drain_deadline().is_none_or(|at| now < at) {
            return;
        }
        let Some(drain) = &mut self.drain else {
            return;
        };
        match drain.time {
            Time::Left => drain.time = Time::Over,
            Time::Over | Time::LongOver => {
                drain.time = Time::LongOver;
                return;
            }
        }
        // Those that wait for their turn have no time either: `advance` begins them.
        for shard in self.shards.all() {
            if let Hold::Draining(epoch) = self.table.hold(shard) {
                out.push(Effect::Kill(shard, epoch));
            }
        }
    }

    /// What the drain waits for next, apart from answers.
    pub(super) fn drain_deadline(&self) -> Option<BootTime> {
        let drain = self.drain.as_ref()?;
        let until = drain.order.until?;
        match drain.time {
            Time::Left => Some(until),
            Time::Over => Some(until.after(STUCK_AFTER)),
            Time::LongOver => None,
        }
    }

    /// How many shards may be on their way from here at once.
    pub(super) fn drains_at_once(&self) -> usize {
        let most = self.limits.drains_at_once.max(1);
        match &self.drain {
            Some(drain) if drain.time != Time::Left => usize::MAX,
            Some(drain) => drain.order.at_most.map_or(most, NonZeroUsize::get),
            None => most,
        }
    }

    /// How long the sessions of the next shard may take to end in order: its share of the time until the
    /// deadline, divided by the rounds that are still to be made, its own included. What is on its way
    /// already is part of its round.
    pub(super) fn drain_within(&self, now: BootTime) -> Duration {
        let until = self.drain.as_ref().and_then(|drain| drain.order.until);
        let Some(until) = until else {
            return self.limits.drain_within;
        };
        let left = self.table.moving() + self.table.to_drain();
        let rounds = left.div_ceil(self.drains_at_once());
        until.since(now) / u32::try_from(rounds).unwrap_or(u32::MAX).max(1)
    }
}
