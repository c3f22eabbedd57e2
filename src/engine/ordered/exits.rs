//! Exits: from the event and the release to what follows.
//!
//! An incarnation has ended when its exit is known and nothing of it is left. The exit is judged at
//! the event, and what follows is decided there; it is made at the release. Where no event came, or
//! none can come any more, the release alone counts.
//!
//! An event is matched to its child by the actor, never by a name.

use super::child::{Origin, Tally, Then};
use super::sets::Follows;
use super::{AutoShutdown, Child, EndedEarly, Mode, OrderedEngine};
use crate::engine::decision::{Decision, Pending};
use crate::engine::event::{EventKind, Happening};
use crate::engine::exit::{Asked, Exit, Mark, Seen, complete};
use crate::engine::incarnation::Key;
use crate::engine::io::{Discard, Domain, Events, Recall, Reply, StopAnswer, StopCause};
use crate::engine::lifecycle::{State, Told, Was};
use crate::engine::limit::healthy;
use crate::engine::moment::Moment;
use crate::engine::restart::Significance;

/// What it was of which nothing is left now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gone {
    /// A launch that came to nothing, or one that has ended.
    Usual,
    /// Whatever was stuck.
    Stuck,
}

impl<D: Domain> OrderedEngine<D> {
    pub(super) fn exited(&mut self, now: Moment, actor: u64, seen: Seen) {
        let mut children = self.children.iter();
        let Some(child) = children.find(|child| child.life.actor() == Some(actor)) else {
            return self.told_late(actor, seen);
        };
        let slot = child.slot;
        match self.step(now, slot, |child, step| child.life.seen(seen, step)) {
            Told::Early => {}
            Told::Ends(seen) => self.judged(now, slot, Some(seen)),
            Told::Late(seen) => self.told_late(actor, seen),
        }
    }

    /// A child tells of its end itself, unless its start is unreported: then its release is early
    /// enough.
    pub(super) fn told_itself(&mut self, now: Moment, key: Key) {
        if let Some(slot) = self.launched(key)
            && let Some(child) = self.get(slot)
            && child.life.state().is_alive()
        {
            self.judged(now, slot, None);
        }
    }

    /// An event that came after its exit was judged by the mark adds its text to that.
    fn told_late(&mut self, actor: u64, seen: Seen) {
        let pasts = self.children.iter_mut().filter_map(|m| m.past.as_mut());
        let mut lasts = pasts.filter_map(|past| past.last.as_mut());
        let rest = match lasts.find(|last| last.actor == Some(actor)) {
            Some(last) => complete(&mut last.exit, seen),
            None => Some(seen),
        };
        if let Some(seen) = rest {
            self.discard(Discard::Seen(seen));
        }
    }

    /// Judges the exit of the present incarnation and decides what follows.
    pub(super) fn judged(&mut self, now: Moment, slot: u32, seen: Option<Seen>) {
        self.last_end = self.last_end.max(now);
        let healthy = healthy(self.settings.limit);
        // OTP: a supervisor that gave up ends with the reason `shutdown`, which is an orderly one.
        let mark = match self.get(slot).map(|child| child.life.mark()) {
            Some(Mark::GaveUp) => Mark::Orderly,
            mark => mark.unwrap_or(Mark::Missing),
        };
        let end = self.step(now, slot, |child, step| {
            let past = &mut child.past;
            let end = child.life.end(mark, seen, None, step, |last| {
                past.get_or_insert_default().last.replace(last)
            })?;
            // A start that succeeds after its cancellation does not count as a run, but as a failed
            // attempt.
            if end.recall == Recall::InTime {
                child.life.attempt = 0;
                if end.lived >= healthy {
                    child.step = 0;
                }
                child.exit = Some(end.exit.clone());
            }
            Some(end)
        });
        let Some(end) = end else {
            return;
        };
        let follows = self.leave(now, slot, end.was, mark);
        let kind = EventKind::Exited {
            cause: end.cause,
            asked: end.asked == Asked::Yes,
            uptime: end.lived,
            decision: follows.decision,
        };
        let error = match end.exit {
            Exit::Failed { cause } => Some(cause),
            _ => None,
        };
        self.record(now, slot, Happening::new(kind, error));
        self.follow(now, slot, follows);
    }

    /// The present incarnation has ended. What follows is decided here, so that the note of the
    /// exit can tell it.
    fn leave(&mut self, now: Moment, slot: u32, was: Was, mark: Mark) -> Follows {
        let Some(child) = self.get_mut(slot) else {
            return Follows::NOTHING;
        };
        let planned = if child.comes_back() {
            Follows::only(Decision::WithOthers)
        } else {
            Follows::NOTHING
        };
        let then = child.then;
        match was {
            Was::Running => self.ended_by_itself(now, slot, mark),
            Was::Stopping => {
                child.then.give_up();
                if !child.stops.is_empty() {
                    self.hurry(now, slot);
                }
                self.launch_came_to_nothing(now, slot, then)
                    .unwrap_or(planned)
            }
            // A stuck child that ends is released as usual.
            Was::Stuck => {
                // Its stops were answered, and its end is that of one that was killed.
                child.exit = None;
                if then == Then::Failed(Origin::Restart) {
                    Follows::only(Decision::Undecided(Pending::Tree))
                } else {
                    planned
                }
            }
        }
    }

    /// OTP: supervisor:restart_child/3, do_restart/3 and do_auto_shutdown/2.
    pub(super) fn ended_by_itself(&mut self, now: Moment, slot: u32, mark: Mark) -> Follows {
        let Some(child) = self.get(slot) else {
            return Follows::NOTHING;
        };
        let policy = child.life.policy();
        let (restart, significance) = (policy.restart, policy.significance);
        match self.mode {
            Mode::Beginning(_) => {
                self.ended_early.push(EndedEarly {
                    slot,
                    mark,
                    significance,
                });
                Follows::only(Decision::Undecided(Pending::Tree))
            }
            Mode::New | Mode::Stopping(_) | Mode::Ended => Follows::NOTHING,
            // It is restarted with a set already: one that ends before its turn is just stopped.
            Mode::Serving if child.again.is_some() => Follows::only(if child.comes_back() {
                Decision::WithOthers
            } else {
                Decision::Nothing
            }),
            Mode::Serving if restart.comes_back(mark) => self.decide(now, slot, 0),
            Mode::Serving => self.ended_for_good(slot, significance),
        }
    }

    /// A child has ended by itself and is not restarted.
    pub(super) fn ended_for_good(&self, slot: u32, significance: Significance) -> Follows {
        let ends =
            self.serving() && significance == Significance::Significant && self.is_to_end(slot);
        Follows {
            decision: Decision::Nothing,
            ends: ends.then_some(StopCause::AutoShutdown),
        }
    }

    /// Whether the end of this significant child ends the group.
    fn is_to_end(&self, slot: u32) -> bool {
        let lives_on = |child: &Child<D>| match child.life.state() {
            _ if child.again.is_some() => true,
            State::Running | State::Launching => true,
            State::Down
            | State::Cancelled { .. }
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Ended { .. }
            | State::Stuck(_) => child.launching() == Some(Origin::Restart),
        };
        match self.settings.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => !self.children.iter().any(|child| {
                child.slot != slot
                    && child.life.policy().significance == Significance::Significant
                    && lives_on(child)
            }),
        }
    }

    /// A restart that failed is decided anew, unless somebody has stopped the child or it is marked
    /// already.
    pub(super) fn launch_came_to_nothing(
        &mut self,
        now: Moment,
        slot: u32,
        then: Then,
    ) -> Option<Follows> {
        if then == Then::Failed(Origin::Restart)
            && self.serving()
            && let Some(child) = self.get(slot)
            && child.again.is_none()
        {
            let failures = child.failures.saturating_add(1);
            return Some(self.decide(now, slot, failures));
        }
        None
    }

    pub(super) fn joined(&mut self, now: Moment, key: Key) {
        let Some(slot) = self.launched(key) else {
            return;
        };
        if let Some(child) = self.get_mut(slot) {
            child.life.joined();
        }
        if self.lost(slot) {
            self.release(now, slot);
        }
    }

    /// Whether only the state is left, and no event of the end can come any more: then the join alone
    /// counts.
    fn lost(&self, slot: u32) -> bool {
        self.events == Events::Over && self.get(slot).is_some_and(|child| child.life.is_lost())
    }

    pub(super) fn release_lost(&mut self, now: Moment) {
        let slots: Vec<_> = self.children.iter().map(|child| child.slot).collect();
        for slot in slots {
            if self.lost(slot) {
                self.release(now, slot);
            }
        }
    }

    /// Only stuck children are left of the present launch, so it is stuck itself. While all are
    /// stopped no caller needs its role any more, and its report is whole.
    pub(super) fn outlived(&mut self, now: Moment, key: Key) {
        let Some(slot) = self.launched(key) else {
            return;
        };
        if matches!(self.mode, Mode::Stopping(_) | Mode::Ended) {
            self.release(now, slot);
            return;
        }
        self.judged_at_last(now, slot);
        let stuck = self.step(now, slot, |child, _| {
            child.life.outlived();
            child.is_stuck()
        });
        if !stuck {
            self.mark_stuck(now, slot);
        }
    }

    /// No event has told of the end so far.
    fn judged_at_last(&mut self, now: Moment, slot: u32) {
        let child = self.get(slot);
        if child.is_some_and(|child| !child.life.state().has_ended()) {
            self.judged(now, slot, None);
        }
    }

    /// Nothing of the present launch is left.
    pub(super) fn release(&mut self, now: Moment, slot: u32) {
        self.judged_at_last(now, slot);
        let Some(child) = self.get(slot) else {
            return;
        };
        let counted = child.tally == Tally::Ended && child.life.recall() == Recall::InTime;
        let gone = if child.is_stuck() {
            Gone::Stuck
        } else {
            Gone::Usual
        };
        let report = child.life.report();
        if let Mode::Stopping(stop) = &mut self.mode
            && counted
        {
            stop.report.add(report);
        }
        self.step(now, slot, |child, step| child.life.release(step));
        self.gone(now, slot, gone);
    }

    /// Nothing of the present launch is left, and no report of it will come.
    pub(super) fn gone(&mut self, now: Moment, slot: u32, gone: Gone) {
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        let then = std::mem::replace(&mut child.then, Then::Rest);
        let exit = child.exit.take();
        let stops = std::mem::take(&mut child.stops);
        let exit = match gone {
            Gone::Usual => exit.unwrap_or(Exit::NotRunning),
            Gone::Stuck => {
                self.note(slot, EventKind::StuckEnded);
                Exit::Killed
            }
        };
        self.tally(slot, &exit);
        for ticket in stops {
            self.answer(Reply::Stop(ticket, StopAnswer::Ended(exit.clone())));
        }
        self.discard(Discard::Exit(exit));
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        if child.is_forgotten_at_its_end() || then == Then::Failed(Origin::First) {
            self.forget_child(slot);
            return;
        }
        if child.temporary() {
            // It is on demand, and as it was before somebody asked.
            child.again = None;
            child.has_run = false;
            if let Some(checkpoint) = child.take_checkpoint() {
                self.discard(Discard::Checkpoint(checkpoint));
            }
        }
        if let Some(follows) = self.launch_came_to_nothing(now, slot, then) {
            self.tell_and_follow(now, slot, follows);
        }
    }
}
