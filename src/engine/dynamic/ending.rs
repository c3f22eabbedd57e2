//! How one session is stopped, given up as stuck, and forgotten.
//!
//! `lifecycle` has the steps; `stopping` decides the order in which many sessions are stopped.

use super::crowds::{Crowd, Shared};
use super::pace::NO_BATCH;
use super::restarts::Occasion;
use super::{Engine, Mode};
use crate::engine::child::{Plan, Tally, Then};
use crate::engine::counts::SessionState;
use crate::engine::dossier::Exits;
use crate::engine::end::{EndReason, Over, SessionEnd};
use crate::engine::event::EventKind;
use crate::engine::exit::Exit;
use crate::engine::io::{Discard, Domain, Failure, GoneAnswer, Refusal, Reply, StopAnswer};
use crate::engine::lifecycle::{Due, Last, Lost};
use crate::engine::moment::Moment;
use crate::engine::restart::Restart;
use crate::engine::waiters::Waiters;
use crate::engine::waiting::Watchers;

/// What it was of which nothing is left now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// A launch that came to nothing.
    Launch,
    /// Whatever was stuck.
    Stuck,
}

impl From<Lost> for Gone {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Launching | Lost::Cancelled => Self::Launch,
            Lost::Stuck => Self::Stuck,
        }
    }
}

impl<D: Domain> Engine<D> {
    /// Tells a running session to end, by its own rule.
    pub(super) fn begin_stop(&mut self, now: Moment, slot: u32, then: Then<D>, batch: u32) {
        self.drain_waits(now, slot);
        self.step(now, slot, |child, step| {
            child.plan_after(now, then, SessionState::Stopping, batch);
            child.life.stop(step);
        });
    }

    /// What comes of a timer, or of the deadline of the supervisor's stop.
    pub(super) fn is_due(&mut self, now: Moment, slot: u32, due: Due) {
        match due {
            Due::Nothing => {}
            Due::TimedOut(timeout) => {
                self.plan_after_failed(now, slot);
                self.answer_joined(slot, |caller| caller.failed(Failure::TimedOut(timeout)));
            }
            Due::GiveUp => self.mark_stuck(now, slot),
        }
    }

    pub(super) fn mark_stuck(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        // A restart by hand has its answer now, and goes on by the rules when the stuck child has
        // ended. That end is an exit, after which attempts are counted anew. The rules never bring
        // back a temporary one (D19).
        let then = match child.take_then() {
            Then::Relaunch(ticket) => {
                child.life.attempt = 0;
                let temporary = child.life.policy().restart == Restart::Temporary;
                self.answer(Reply::Restart(ticket, Refusal::Stuck.into()));
                if temporary {
                    Then::Remove(Over::Requested)
                } else {
                    Then::Retry
                }
            }
            then => then,
        };
        self.drain_gives_up(now, slot);
        let before = self.step(now, slot, |child, step| {
            let before = child.plan_after(now, then, SessionState::Stuck, NO_BATCH);
            child.life.give_up(step);
            Some(before)
        });
        self.answer_stops_stuck(slot);
        match before {
            Some(Plan::After { batch, .. }) => self.stop_finished(batch),
            Some(Plan::Forget { exit, .. }) => self.keep_exit(slot, exit),
            _ => {}
        }
        let refusal = if self.serving() {
            Refusal::Stuck
        } else {
            self.closed()
        };
        self.empty_queue(slot, refusal);
    }

    /// One that was to be forgotten is shown again, with its last exit.
    fn keep_exit(&mut self, slot: u32, exit: Exit) {
        match self.table.get_mut(slot) {
            Some(child) if child.last_exit().is_none() && exit != Exit::NotRunning => {
                let actor = child.life.actor();
                child.history().last = Some(Last { actor, exit });
            }
            _ => self.discard_exit(slot, exit),
        }
    }

    /// A caller or the supervisor's stop waits for the release of a child that has ended.
    pub(super) fn hurry(&mut self, now: Moment, slot: u32) {
        self.step(now, slot, |child, step| child.life.hurry(step));
    }

    /// The child will be forgotten: now, if nothing of it is left, else at the release. Its place,
    /// its count and its line in the list are free now (D9).
    pub(super) fn leave(&mut self, now: Moment, slot: u32, exit: Exit, why: Over) {
        let Some(child) = self.table.get(slot) else {
            return;
        };
        let awaited = child
            .waiting
            .as_ref()
            .is_some_and(|waiting| !waiting.stops.is_empty());
        let down = child.life.is_down();
        if let Plan::Park { .. } = child.plan {
            self.leave_parked(slot);
        }
        if down {
            self.remove(now, slot, Some((exit, why)));
            return;
        }
        let tally = match self.mode {
            Mode::Serving => Tally::Skip,
            Mode::Stopping(_) | Mode::Ended => Tally::Count,
        };
        self.drain_waits(now, slot);
        self.step(now, slot, |child, step| {
            child.set_plan(Plan::Forget { exit, tally, why });
            child.life.will_be_forgotten(step);
            if awaited || tally == Tally::Count {
                child.life.hurry(step);
            }
        });
    }

    /// The same for one that waits for its restart, or is parked.
    pub(super) fn withdraw(&mut self, now: Moment, slot: u32, why: Over) {
        self.step_taken(slot, EventKind::Withdrawn);
        self.leave(now, slot, Exit::NotRunning, why);
    }

    /// Forgets a child of which nothing is left, and lets those who waited for its id have it.
    /// `end`: how it ended and why it is over, unless its plan says that.
    pub(super) fn remove(&mut self, now: Moment, slot: u32, end: Option<(Exit, Over)>) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let nothing = Exit::NotRunning;
        let ((exit, why), tally) = match (end, &mut child.plan) {
            (Some(end), Plan::Forget { tally, .. }) => (end, *tally),
            (None, Plan::Forget { exit, tally, why }) => {
                ((std::mem::replace(exit, nothing), *why), *tally)
            }
            (end, _) => (end.unwrap_or((nothing, Over::NotStarted)), Tally::Count),
        };
        let Some(why) = self.end_reason(slot, why) else {
            return;
        };
        self.step_taken(slot, EventKind::Gone(why));
        let Some(child) = self.table.remove(slot) else {
            return;
        };
        self.timers.set(slot, None);
        if let Mode::Stopping(stop) = &mut self.mode
            && tally == Tally::Count
        {
            stop.report.tally(&exit);
        }
        self.free_claims(slot, &child.life.spec);
        self.drained(now, slot, &child, &exit);
        self.discard(Discard::Spec(child.life.spec));
        if let Some(history) = child.history {
            history.into_values(|value| self.discard(value));
        }
        if let Some(waiting) = child.waiting {
            let Watchers { runs, gone } = waiting.watchers;
            self.tell_stops(waiting.stops, &exit);
            if !waiting.joined.is_empty() {
                let shared = Shared::Refused(Refusal::Stopped);
                self.tell_all(Crowd::Joined(waiting.joined, shared));
            }
            self.tell_gone(gone, &exit, why);
            self.next_for_free_id(now, &child.life.id, waiting.queue);
            self.go_on_watching(&child.life.id, runs);
        }
        self.discard_exit(slot, exit);
    }

    /// Tells those who wait for it how it has ended.
    fn tell_stops(&mut self, stops: Waiters<D::Ticket<StopAnswer>>, exit: &Exit) {
        if !stops.is_empty() {
            self.tell_all(Crowd::Stops(stops, StopAnswer::Ended(exit.clone())));
        }
    }

    /// The same for those who have ended nothing. They are told why it is over as well.
    fn tell_gone(&mut self, watchers: Waiters<D::Ticket<GoneAnswer>>, exit: &Exit, why: EndReason) {
        if !watchers.is_empty() {
            let exit = exit.clone();
            self.tell_all(Crowd::Gone(watchers, SessionEnd { exit, why }));
        }
    }

    /// Nothing of a cancelled launch, or of a stuck child, is left.
    pub(super) fn follow(&mut self, now: Moment, slot: u32, gone: Gone) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let then = child.take_then();
        let exit = match gone {
            Gone::Stuck => {
                self.note(slot, EventKind::StuckEnded);
                Exit::Killed
            }
            Gone::Launch => Exit::NotRunning,
        };
        match then {
            Then::Remove(why) => self.remove(now, slot, Some((exit, why))),
            then if !self.serving() => {
                let (refusal, why) = (self.closed(), self.closing());
                self.dismiss(then, refusal);
                self.remove(now, slot, Some((exit, why)));
            }
            Then::Relaunch(ticket) => {
                let manual = Some(ticket);
                self.plan(slot, Plan::Restart { due: now, manual });
                self.relaunch_if_due(now, slot);
            }
            Then::Retry => {
                let occasion = self.come_to_nothing(slot);
                self.retry(now, slot, occasion);
            }
            Then::Park => {
                let occasion = self.come_to_nothing(slot);
                self.park(now, slot, None, occasion);
            }
        }
    }

    /// What is decided of one that was given up, when nothing of it is left. What was told of it may
    /// wait for that. If nothing was, it is a restart that timed out: no other launch that is given
    /// up is tried again.
    fn come_to_nothing(&self, slot: u32) -> Occasion {
        let child = self.table.get(slot);
        let exits = child.and_then(|child| child.history.as_ref()?.exits.as_ref());
        match child {
            Some(child) if !exits.is_some_and(Exits::is_undecided) => {
                let timeout = child.life.policy().start_timeout;
                Occasion::failed(Failure::TimedOut(timeout), None)
            }
            _ => Occasion::TOLD,
        }
    }
}
