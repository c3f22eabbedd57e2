//! How fast the sessions of a supervisor that stops are asked to (D12).
//!
//! All of them at once would have to wait for the processor, and those at the end of the line would
//! be killed for that: their grace begins with the request. So at most [`STOP_WINDOW`] at a time
//! have been asked and have not yet begun their `post_stop`. That must not become a line of its own
//! when it is the sessions that are slow, not the machine. So the next batch goes out as well
//! - when fewer than [`LITTLE`] have moved within [`PERIOD`]: a machine that is busy with stops
//!   does far more, so the sessions are busy with something else;
//! - under a deadline, in time for all to have been asked when a quarter of it is over.

use std::time::Duration;

use super::STOP_WINDOW;
use crate::engine::moment::Moment;

const PERIOD: Duration = Duration::from_millis(10);
const LITTLE: usize = 32;

/// The batch of a session that does not delay the others.
pub(super) const NO_BATCH: u32 = 0;

#[derive(Debug)]
pub(super) struct Pace {
    /// Numbers the batches, so that a session counts for its own.
    batch: u32,
    /// Asked in this batch, and not yet in its `post_stop`.
    asked: usize,
    /// How many moved on since `since`.
    moved: usize,
    since: Moment,
    began: Moment,
    /// How many batches there are.
    batches: u32,
    /// When this batch went out, and how much later the next one does at the latest.
    opened: Moment,
    share: Option<Duration>,
}

impl Pace {
    pub(super) fn new(now: Moment, running: usize, deadline: Option<Moment>) -> Self {
        let mut pace = Self {
            batch: NO_BATCH + 1,
            asked: 0,
            moved: 0,
            since: now,
            began: now,
            batches: u32::try_from(running / STOP_WINDOW + 1).unwrap_or(u32::MAX),
            opened: now,
            share: None,
        };
        pace.hurry(now, deadline);
        pace
    }

    /// The deadline is set, or has become earlier.
    pub(super) fn hurry(&mut self, now: Moment, deadline: Option<Moment>) {
        let left = deadline.map(|deadline| deadline.since(now.max(self.began)));
        self.share = left.map(|left| left / 4 / self.batches);
    }

    pub(super) const fn batch(&self) -> u32 {
        self.batch
    }

    pub(super) const fn has_room(&self) -> bool {
        self.asked < STOP_WINDOW
    }

    pub(super) const fn asked(&mut self) {
        self.asked += 1;
    }

    /// A session of a batch has begun its `post_stop` or has ended.
    pub(super) const fn moved(&mut self, batch: u32) {
        if batch == NO_BATCH {
            return;
        }
        self.moved += 1;
        if batch == self.batch {
            self.asked = self.asked.saturating_sub(1);
        }
    }

    /// When to look again whether the next batch goes out, if there is no room.
    pub(super) fn look(&self) -> Moment {
        let period = self.since.after(PERIOD);
        match self.share {
            Some(share) => period.min(self.opened.after(share)),
            None => period,
        }
    }

    /// Lets the next batch out if the present one waits for the sessions, not for the machine.
    pub(super) fn open_if_due(&mut self, now: Moment) {
        let over = now >= self.since.after(PERIOD);
        let slow = over && self.moved < LITTLE;
        let late = self
            .share
            .is_some_and(|share| now >= self.opened.after(share));
        if !self.has_room() && (slow || late) {
            self.batch = self.batch.saturating_add(1);
            self.asked = 0;
            self.opened = now;
        }
        if over {
            self.since = now;
            self.moved = 0;
        }
    }
}
