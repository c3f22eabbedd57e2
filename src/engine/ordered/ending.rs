//! How one child is stopped, and given up as stuck.
//!
//! `lifecycle` has the steps; `sets` and `stopping` decide the order in which children are stopped.

use super::child::{Origin, Tally, Then};
use super::{Mode, OrderedEngine};
use crate::engine::io::{Discard, Domain, Failure, Reply, StopAnswer};
use crate::engine::lifecycle::Due;
use crate::engine::moment::Moment;

impl<D: Domain> OrderedEngine<D> {
    /// The timer of a child has gone off.
    pub(super) fn fire(&mut self, now: Moment, slot: u32) {
        let mut repeats = self.repeats(slot);
        let due = self.step(now, slot, |child, step| {
            child.life.due(repeats.as_mut(), step)
        });
        if let Some(repeats) = repeats {
            self.keep_repeats(now, slot, repeats);
        }
        self.is_due(now, slot, due);
    }

    /// What comes of a timer, or of the deadline of the group's stop.
    pub(super) fn is_due(&mut self, now: Moment, slot: u32, due: Due) {
        match due {
            Due::Nothing => {}
            Due::TimedOut(timeout) => {
                let origin = self.get(slot).and_then(|child| child.then.origin());
                if origin == Some(Origin::Begin) {
                    self.begin_failed(now, slot, Failure::TimedOut(timeout));
                }
            }
            Due::GiveUp => self.mark_stuck(now, slot),
        }
    }

    /// Tells a running child to end, by its own rule.
    pub(super) fn begin_stop(&mut self, now: Moment, slot: u32, then: Then) {
        self.step(now, slot, |child, step| {
            child.then = then;
            child.life.stop(step);
        });
    }

    pub(super) fn mark_stuck(&mut self, now: Moment, slot: u32) {
        let stopping = matches!(self.mode, Mode::Stopping(_));
        let (stops, exit) = self.step(now, slot, |child, step| {
            if stopping {
                child.tally = Tally::Ended;
            }
            child.life.give_up(step);
            (std::mem::take(&mut child.stops), child.exit.take())
        });
        for ticket in stops {
            self.answer(Reply::Stop(ticket, StopAnswer::Stuck));
        }
        if let Some(exit) = exit {
            self.discard(Discard::Exit(exit));
        }
    }

    /// A caller or the group's stop waits for the release of a child that has ended.
    pub(super) fn hurry(&mut self, now: Moment, slot: u32) {
        self.step(now, slot, |child, step| child.life.hurry(step));
    }
}
