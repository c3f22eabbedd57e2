//! How one session is stopped, killed, given up as stuck, and forgotten.
//!
//! `stopping` decides the order in which many sessions are stopped.

use super::restarts::Occasion;
use super::{Engine, Mode};
use crate::engine::child::{Child, Current, Force, Phase, Shown, Tally, Then};
use crate::engine::exit::Exit;
use crate::engine::io::{Answer, Discard, Domain, Effect, Kill, Note, Spec, StopWay};
use crate::engine::moment::Moment;
use crate::engine::restart::Restart;
use crate::engine::shutdown::{KILL_BOUND, Shutdown, verdict};
use std::time::Duration;

impl<D: Domain> Engine<D> {
    /// Tells a running session to end, by its own rule.
    pub(super) fn begin_stop(&mut self, now: Moment, slot: u32, then: Then<D>, batch: u64) {
        let Some(life) = self.life(slot) else {
            return;
        };
        let force = self.patience(now, slot);
        let phase = Phase::Stopping { then, force, batch };
        self.table.set_phase(slot, phase);
        if let Force::Killed(_) = force {
            self.note(slot, Note::Killing(self.kill(slot)));
            self.effect(Effect::Kill { life });
            self.set_timer(slot, Some(now.after(KILL_BOUND)));
            return;
        }
        self.note(slot, Note::Stopping);
        let (way, within) = self.asking(now, slot);
        self.effect(Effect::Stop { life, way, within });
        match force {
            Force::Asked(Some(at)) if at <= now => self.force(now, slot),
            Force::Asked(at) => self.set_timer(slot, at),
            Force::Killed(_) => {}
        }
    }

    /// Why a session is killed that has not been asked to stop.
    fn kill(&self, slot: u32) -> Kill {
        let child = self.table.get(slot);
        child.map_or(Kill::Overdue, |child| child.spec.policy().shutdown.kill())
    }

    /// In what way a session is asked to stop, and how long that may take.
    fn asking(&self, now: Moment, slot: u32) -> (StopWay, Option<Duration>) {
        let rule = |child: &Child<D>| child.spec.policy().shutdown;
        let shutdown = self.table.get(slot).map_or(Shutdown::BrutalKill, rule);
        (shutdown.way(), shutdown.within(now, self.deadline()))
    }

    /// With what force a stop begins.
    fn patience(&self, now: Moment, slot: u32) -> Force {
        let shutdown = self
            .table
            .get(slot)
            .map_or(Shutdown::BrutalKill, |child| child.spec.policy().shutdown);
        shutdown.patience(now, self.deadline())
    }

    /// The patience with a child that should be gone is over.
    pub(super) fn force(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let since = match &mut child.phase {
            Phase::Stopping { force, .. } => match force {
                Force::Asked(_) => {
                    *force = Force::Killed(now);
                    if let Some(life) = self.life(slot) {
                        self.note(slot, Note::Killing(Kill::Overdue));
                        self.effect(Effect::Kill { life });
                    }
                    now
                }
                Force::Killed(since) => *since,
            },
            Phase::Cancelling { since, .. } => *since,
            Phase::Leaving {
                force: Some(since), ..
            } => *since,
            _ => return,
        };
        let verdict = verdict(since, self.last_end);
        if now < verdict {
            self.set_timer(slot, Some(verdict));
        } else if !self.serving() && self.is_outliving(slot) {
            // It is about to have the same verdict on its own children, and tells it in its report.
            self.set_timer(slot, Some(now.after(KILL_BOUND)));
        } else {
            self.mark_stuck(slot);
        }
    }

    fn is_outliving(&self, slot: u32) -> bool {
        let current = self
            .table
            .get(slot)
            .and_then(|child| child.current.as_ref());
        current.is_some_and(Current::is_outliving)
    }

    pub(super) fn mark_stuck(&mut self, slot: u32) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let then = match &mut child.phase {
            Phase::Stopping { then, .. } | Phase::Cancelling { then, .. } => {
                std::mem::replace(then, Then::Remove)
            }
            _ => Then::Remove,
        };
        // A restart by hand has its answer now, and goes on by the rules when the stuck child has ended. That
        // end is an exit, after which attempts are counted anew. The rules never bring back a temporary
        // one (D19).
        let then = match then {
            Then::Relaunch(ticket) => {
                child.attempt = 0;
                let temporary = child.spec.policy().restart == Restart::Temporary;
                self.answer(ticket, Answer::Stuck);
                if temporary { Then::Remove } else { Then::Retry }
            }
            then => then,
        };
        let Some(before) = self.table.set_phase(slot, Phase::Stuck { then }) else {
            return;
        };
        self.set_timer(slot, None);
        self.note(slot, Note::Stuck);
        self.answer_stops(slot, || Answer::Stuck);
        match before {
            Phase::Stopping { batch, .. } => self.stop_finished(batch),
            Phase::Leaving { exit, .. } => self.discard(Discard::Exit(exit)),
            _ => {}
        }
        if self.serving() {
            self.empty_queue(slot, || Answer::Stuck);
        } else {
            self.empty_queue(slot, || Answer::Down);
        }
    }

    /// Sees to it that a child which has ended, but is not released, does not keep a caller waiting.
    pub(super) fn hurry(&mut self, now: Moment, slot: u32) {
        let mut patience = self.patience(now, slot).due();
        let Some(child) = self.table.get_mut(slot) else {
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
            self.set_timer(slot, Some(patience.after(KILL_BOUND)));
        }
    }

    /// The child will be forgotten: now, if nothing of it is left, else at the release. Its place,
    /// its count and its line in the list are free now (D9).
    pub(super) fn leave(&mut self, now: Moment, slot: u32, exit: Exit) {
        if let Some(Phase::Parked { .. }) = self.table.get(slot).map(|child| &child.phase) {
            self.leave_parked(slot);
        }
        if self.released(slot) {
            self.remove(now, slot, exit);
            return;
        }
        let Some(child) = self.table.get(slot) else {
            return;
        };
        let force = match child.phase {
            Phase::Stopping { force, .. } => force.due(),
            _ => None,
        };
        let awaited = child
            .waiting
            .as_ref()
            .is_some_and(|waiting| !waiting.stops.is_empty());
        let tally = match self.mode {
            Mode::Serving => Tally::Skip,
            Mode::Stopping(_) | Mode::Ended => Tally::Count,
        };
        let awaited = awaited || !self.serving();
        self.table
            .set_phase(slot, Phase::Leaving { exit, force, tally });
        self.set_timer(slot, force.map(|at| at.after(KILL_BOUND)));
        if awaited {
            self.hurry(now, slot);
        }
    }

    /// Forgets a child of which nothing is left, and lets those who waited for its id have it.
    pub(super) fn remove(&mut self, now: Moment, slot: u32, exit: Exit) {
        self.set_timer(slot, None);
        let Some(child) = self.table.remove(slot) else {
            return;
        };
        let counted = match &child.phase {
            Phase::Leaving { tally, .. } => *tally == Tally::Count,
            phase => phase.shown() != Shown::Hidden,
        };
        if let Mode::Stopping(stop) = &mut self.mode
            && counted
        {
            stop.report.tally(&exit);
        }
        self.discard(Discard::Spec(child.spec));
        if let Some(last) = child.history.and_then(|history| history.last) {
            self.discard(Discard::Exit(last.exit));
        }
        if let Some(waiting) = child.waiting {
            for ticket in waiting.stops {
                self.answer(ticket, Answer::Ended(exit.clone()));
            }
            for ticket in waiting.joined {
                self.answer(ticket, Answer::Stopped);
            }
            self.next_for_free_id(now, &child.id, waiting.queue);
        }
        self.discard(Discard::Exit(exit));
    }

    /// Nothing of a cancelled launch, or of a stuck child, is left.
    pub(super) fn follow(&mut self, now: Moment, slot: u32, then: Then<D>) {
        self.set_timer(slot, None);
        let stuck = matches!(
            self.table.get(slot).map(|child| &child.phase),
            Some(Phase::Stuck { .. })
        );
        let exit = if stuck {
            self.note(slot, Note::StuckEnded);
            Exit::Killed
        } else {
            Exit::NotRunning
        };
        match then {
            _ if !self.serving() => {
                self.dismiss(then, || Answer::Down);
                self.remove(now, slot, exit);
            }
            Then::Remove => self.remove(now, slot, exit),
            Then::Relaunch(ticket) => {
                let phase = Phase::Restarting {
                    due: now,
                    manual: Some(ticket),
                };
                self.table.set_phase(slot, phase);
                self.relaunch_if_due(now, slot);
            }
            Then::Retry => self.retry(now, slot, Occasion::Told),
            Then::Park => self.park(now, slot, None, Occasion::Told),
        }
    }
}
