//! How one child is stopped, killed and given up as stuck.
//!
//! `sets` and `stopping` decide the order in which children are stopped.

use super::child::{Child, Phase, Tally, Then};
use super::{Group, Mode};
use crate::engine::child::{Current, Force};
use crate::engine::io::{Answer, Discard, Domain, Effect, Kill, Note, Spec, StopWay};
use crate::engine::moment::Moment;
use crate::engine::shutdown::{KILL_BOUND, Shutdown, verdict};
use std::time::Duration;

impl<D: Domain> Group<D> {
    pub(super) fn fire(&mut self, now: Moment, slot: u32) {
        match self.get(slot).map(|child| &child.phase) {
            Some(Phase::Launching(origin)) => {
                let origin = *origin;
                self.launch_timed_out(now, slot, origin);
            }
            Some(Phase::Leaving { .. } | Phase::Cancelling { .. } | Phase::Stopping { .. }) => {
                self.force(now, slot);
            }
            Some(Phase::Down | Phase::Running | Phase::Stuck { .. }) | None => {}
        }
    }

    /// Tells a running child to end, by its own rule.
    pub(super) fn begin_stop(&mut self, now: Moment, slot: u32, then: Then) {
        let force = self.patience(now, slot);
        let (way, within) = self.asking(now, slot);
        let Some(life) = self.life(slot) else {
            return;
        };
        if let Some(child) = self.get_mut(slot) {
            child.phase = Phase::Stopping { then, force };
        }
        match force {
            Force::Killed(_) => {
                self.note(slot, Note::Killing(self.kill(slot)));
                self.effect(Effect::Kill { life });
                self.set_timer(slot, Some(now.after(KILL_BOUND)));
            }
            Force::Asked(at) => {
                self.note(slot, Note::Stopping);
                self.effect(Effect::Stop { life, way, within });
                if at.is_some_and(|at| at <= now) {
                    self.force(now, slot);
                } else {
                    self.set_timer(slot, at);
                }
            }
        }
    }

    /// Why a child is killed that has not been asked to stop.
    fn kill(&self, slot: u32) -> Kill {
        let child = self.get(slot);
        child.map_or(Kill::Overdue, |child| child.spec.policy().shutdown.kill())
    }

    /// With what force a stop begins.
    fn patience(&self, now: Moment, slot: u32) -> Force {
        let rule = |child: &Child<D>| child.spec.policy().shutdown;
        let shutdown = self.get(slot).map_or(Shutdown::BrutalKill, rule);
        shutdown.patience(now, self.deadline())
    }

    /// In what way a child is asked to stop, and how long that may take.
    fn asking(&self, now: Moment, slot: u32) -> (StopWay, Option<Duration>) {
        let rule = |child: &Child<D>| child.spec.policy().shutdown;
        let shutdown = self.get(slot).map_or(Shutdown::BrutalKill, rule);
        (shutdown.way(), shutdown.within(now, self.deadline()))
    }

    /// The patience with a child that should be gone is over.
    pub(super) fn force(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        let since = match &mut child.phase {
            Phase::Stopping {
                force: force @ Force::Asked(_),
                ..
            } => {
                *force = Force::Killed(now);
                self.note(slot, Note::Killing(Kill::Overdue));
                if let Some(life) = self.life(slot) {
                    self.effect(Effect::Kill { life });
                }
                now
            }
            Phase::Stopping {
                force: Force::Killed(since),
                ..
            }
            | Phase::Cancelling { since, .. }
            | Phase::Leaving {
                force: Some(since), ..
            } => *since,
            _ => return,
        };
        let verdict = verdict(since, self.last_end);
        let stopping = matches!(self.mode, Mode::Stopping(_));
        if now < verdict {
            self.set_timer(slot, Some(verdict));
        } else if stopping && self.is_outliving(slot) {
            // It is about to have the same verdict on its own children, and tells it in its report.
            self.set_timer(slot, Some(now.after(KILL_BOUND)));
        } else {
            self.mark_stuck(slot);
        }
    }

    fn is_outliving(&self, slot: u32) -> bool {
        let current = self.get(slot).and_then(|child| child.current.as_ref());
        current.is_some_and(Current::is_outliving)
    }

    pub(super) fn mark_stuck(&mut self, slot: u32) {
        let stopping = matches!(self.mode, Mode::Stopping(_));
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        let (then, exit) = match &mut child.phase {
            Phase::Stopping { then, .. } | Phase::Cancelling { then, .. } => (*then, None),
            Phase::Leaving { then, exit, .. } => (*then, exit.take()),
            _ => return,
        };
        child.phase = Phase::Stuck { then };
        if stopping {
            child.tally = Tally::Ended;
        }
        child.timer = None;
        let stops = std::mem::take(&mut child.stops);
        self.note(slot, Note::Stuck);
        for ticket in stops {
            self.answer(ticket, Answer::Stuck);
        }
        if let Some(exit) = exit {
            self.discard(Discard::Exit(exit));
        }
    }

    /// Sees to it that a child which has ended, but is not released, keeps no caller waiting for ever.
    pub(super) fn hurry(&mut self, now: Moment, slot: u32) {
        let mut patience = self.patience(now, slot).due();
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        if child.current.as_ref().is_some_and(Current::is_overdue) {
            patience = Some(now);
        }
        if let Phase::Leaving { force, .. } = &mut child.phase
            && let Some(patience) = patience
            && force.is_none_or(|at| patience < at)
        {
            *force = Some(patience);
            child.timer = Some(patience.after(KILL_BOUND));
        }
    }
}
