//! Exits: from the event and the release to what follows.
//!
//! An incarnation has ended when its exit is known and nothing of it is left. The exit is judged at the
//! event, and what follows is decided there; it is made at the release. Where no event came, or none
//! can come any more, the release alone counts.
//!
//! An event is matched to its child by the actor, never by a name.

use super::child::{Origin, Phase, Tally, Then};
use super::sets::Follows;
use super::{AutoShutdown, Child, Events, Group, Mode};
use crate::engine::child::{ExitSeen, Join, Last};
use crate::engine::exit::{Asked, Exit, Mark, Seen, complete, judge};
use crate::engine::incarnation::Key;
use crate::engine::io::{Answer, Discard, Domain, Failure, Life, Note, Recall, Spec, StopCause};
use crate::engine::limit::healthy;
use crate::engine::moment::Moment;
use crate::engine::next::Next;
use crate::engine::restart::Significance;
use crate::engine::shutdown::KILL_BOUND;

impl<D: Domain> Group<D> {
    pub(super) fn exited(&mut self, now: Moment, actor: u64, seen: Seen) {
        for child in &mut self.children {
            if let Some(current) = child.current.as_mut()
                && current.life.actor() == Some(actor)
            {
                let slot = child.slot;
                match current.exit {
                    ExitSeen::Unreported => current.exit = ExitSeen::Early(Box::new(seen)),
                    ExitSeen::No => self.judged(now, slot, Some(seen)),
                    ExitSeen::Early(_) => self.discard(Discard::Seen(seen)),
                    ExitSeen::Judged => self.told_late(actor, seen),
                }
                return;
            }
        }
        self.told_late(actor, seen);
    }

    /// A child tells of its end itself, unless its start is unreported: then its release is early
    /// enough.
    pub(super) fn told_itself(&mut self, now: Moment, key: Key) {
        if let Some(slot) = self.launched(key)
            && let Some(current) = self.get(slot).and_then(|child| child.current.as_ref())
            && matches!(current.exit, ExitSeen::No)
        {
            self.judged(now, slot, None);
        }
    }

    /// An event that came after its exit was judged by the mark adds its text to that.
    fn told_late(&mut self, actor: u64, seen: Seen) {
        let mut lasts = self.children.iter_mut().filter_map(|m| m.last.as_mut());
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
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        let Some(current) = child.current.as_mut() else {
            return;
        };
        current.exit = ExitSeen::Judged;
        let lived = now.since(current.started);
        // OTP: a supervisor that gave up ends with the reason `shutdown`, which is an orderly one.
        let mark = match current.life.mark() {
            Mark::GaveUp => Mark::Orderly,
            mark => mark,
        };
        let actor = current.life.actor();
        let asked = match child.phase {
            Phase::Stopping { .. } | Phase::Stuck { .. } => Asked::Yes,
            _ => Asked::No,
        };
        let (exit, left, rest) = judge(asked, mark, current.life.cause(), seen);
        let recall = current.recall;
        let mut old = None;
        // A success that came too late did not run for anybody: it was a failed attempt.
        let ended = match recall {
            Recall::InTime => {
                child.attempt = 0;
                if lived >= healthy {
                    child.step = 0;
                }
                old = child.last.replace(Last {
                    actor,
                    exit: exit.clone(),
                });
                Some(exit.clone())
            }
            Recall::TooLate => None,
        };
        if let Some(old) = old {
            self.discard(Discard::Exit(old.exit));
        }
        if let Some(cause) = left {
            self.discard(Discard::Failure(Failure::Failed(cause)));
        }
        if let Some(rest) = rest {
            self.discard(Discard::Seen(rest));
        }
        let follows = self.leave(now, slot, ended, mark);
        let next = follows.next;
        self.note(slot, Note::Exited { exit, asked, next });
        self.follow(now, slot, follows);
    }

    /// The present incarnation has ended, with this exit if it was a life. What follows is decided here,
    /// so that the note of the exit can tell it.
    fn leave(&mut self, now: Moment, slot: u32, ended: Option<Exit>, mark: Mark) -> Follows {
        let Some(child) = self.get_mut(slot) else {
            return Follows::NOTHING;
        };
        let planned = if child.comes_back() {
            Follows::only(Next::WithOthers)
        } else {
            Follows::NOTHING
        };
        match child.phase {
            Phase::Running => {
                child.timer = None;
                child.phase = Phase::Leaving {
                    then: Then::Rest,
                    exit: ended,
                    force: None,
                };
                self.ended_by_itself(now, slot, mark)
            }
            Phase::Stopping { then, force } => {
                let force = force.due();
                child.timer = force.map(|at| at.after(KILL_BOUND));
                let mut later = then;
                later.give_up();
                child.phase = Phase::Leaving {
                    then: later,
                    exit: ended,
                    force,
                };
                if !child.stops.is_empty() {
                    self.hurry(now, slot);
                }
                self.launch_came_to_nothing(now, slot, then)
                    .unwrap_or(planned)
            }
            // A stuck child that ends is released as usual.
            Phase::Stuck {
                then: Then::Failed(Origin::Restart),
            } => Follows::only(Next::Undecided),
            _ => planned,
        }
    }

    /// OTP: supervisor:restart_child/3, do_restart/3 and do_auto_shutdown/2.
    pub(super) fn ended_by_itself(&mut self, now: Moment, slot: u32, mark: Mark) -> Follows {
        match self.mode {
            Mode::Beginning(_) => {
                self.ended_early.push((slot, mark));
                return Follows::only(Next::Undecided);
            }
            Mode::Serving => {}
            Mode::New | Mode::Stopping(_) | Mode::Ended => return Follows::NOTHING,
        }
        let Some(child) = self.get(slot) else {
            return Follows::NOTHING;
        };
        // It is restarted with a set already: one that ends before its turn is just stopped.
        if child.again.is_some() {
            let next = if child.comes_back() {
                Next::WithOthers
            } else {
                Next::Nothing
            };
            return Follows::only(next);
        }
        let policy = child.spec.policy();
        if policy.restart.comes_back(mark) {
            self.decide(now, slot, 0)
        } else if policy.significance == Significance::Significant && self.is_to_end(slot) {
            Follows {
                next: Next::Nothing,
                ends: Some(StopCause::AutoShutdown),
            }
        } else {
            Follows::NOTHING
        }
    }

    /// Whether the end of this significant child ends the group.
    fn is_to_end(&self, slot: u32) -> bool {
        let lives_on = |child: &Child<D>| match child.phase {
            _ if child.again.is_some() => true,
            Phase::Running | Phase::Launching(_) => true,
            _ => child.launching() == Some(Origin::Restart),
        };
        match self.settings.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => !self.children.iter().any(|child| {
                child.slot != slot
                    && child.spec.policy().significance == Significance::Significant
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
        if let Some(current) = self.get_mut(slot).and_then(|m| m.current.as_mut()) {
            current.join = Join::Done;
        }
        if self.lost(slot) {
            self.release(now, slot);
        }
    }

    /// Whether the state lies in an event that is not read any more: then the join alone counts.
    fn lost(&self, slot: u32) -> bool {
        let current = self.get(slot).and_then(|child| child.current.as_ref());
        self.events == Events::Over
            && current.is_some_and(|current| {
                current.join == Join::Done && !matches!(current.exit, ExitSeen::Judged)
            })
    }

    pub(super) fn release_lost(&mut self, now: Moment) {
        let slots: Vec<_> = self.children.iter().map(|child| child.slot).collect();
        for slot in slots {
            if self.lost(slot) {
                self.release(now, slot);
            }
        }
    }

    /// Only stuck children are left of the present launch, so it is stuck itself. While all are stopped
    /// no caller needs its role any more, and its report is whole.
    pub(super) fn outlived(&mut self, now: Moment, key: Key) {
        let Some(slot) = self.launched(key) else {
            return;
        };
        if matches!(self.mode, Mode::Stopping(_) | Mode::Ended) {
            self.release(now, slot);
            return;
        }
        let current = self.get(slot).and_then(|child| child.current.as_ref());
        if current.is_some_and(|current| !matches!(current.exit, ExitSeen::Judged)) {
            self.judged(now, slot, None);
        }
        self.mark_stuck(slot);
    }

    /// Nothing of the present launch is left.
    pub(super) fn release(&mut self, now: Moment, slot: u32) {
        let current = self.get(slot).and_then(|child| child.current.as_ref());
        if current.is_some_and(|current| !matches!(current.exit, ExitSeen::Judged)) {
            self.judged(now, slot, None);
        }
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        if let Some(current) = child.current.take() {
            let counted = child.tally == Tally::Ended && current.recall == Recall::InTime;
            if let Mode::Stopping(stop) = &mut self.mode
                && counted
            {
                stop.report.add(current.life.report());
            }
            self.let_go(current);
        }
        self.gone(now, slot);
    }

    /// Nothing of the present launch is left, and no further report of it will come.
    pub(super) fn gone(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        child.timer = None;
        let before = std::mem::replace(&mut child.phase, Phase::Down);
        let stops = std::mem::take(&mut child.stops);
        let (then, exit) = match before {
            Phase::Leaving { then, exit, .. } => (then, exit.unwrap_or(Exit::NotRunning)),
            Phase::Launching(origin) => (Then::Failed(origin), Exit::NotRunning),
            Phase::Cancelling { then, .. } => (then, Exit::NotRunning),
            Phase::Stuck { then } => {
                self.note(slot, Note::StuckEnded);
                (then, Exit::Killed)
            }
            Phase::Down | Phase::Running | Phase::Stopping { .. } => (Then::Rest, Exit::NotRunning),
        };
        self.tally(slot, &exit);
        for ticket in stops {
            self.answer(ticket, Answer::Ended(exit.clone()));
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
        }
        if let Some(follows) = self.launch_came_to_nothing(now, slot, then) {
            self.tell_and_follow(now, slot, follows);
        }
    }
}
