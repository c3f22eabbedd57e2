//! Exits: from the event and the release to the restart.
//!
//! An incarnation has ended when its exit is known and nothing of it is left. The exit is judged at
//! the event, and a restart is decided and counted there (D8); it is made at the release. Where no
//! event came, or none can come any more, the release alone counts.
//!
//! ractor's reasons decide nothing: an exit is judged by what was asked and by the mark.

use super::restarts::{Occasion, Trial};
use super::{Engine, Events, Mode};
use crate::engine::child::{ExitSeen, Join, Last, Phase, Rest, Tally, Then};
use crate::engine::exit::{Asked, Exit, Mark, Seen, complete, judge};
use crate::engine::incarnation::Key;
use crate::engine::io::{Answer, Discard, Domain, Failure, Life, Recall, Spec};
use crate::engine::moment::Moment;
use crate::engine::next::Next;
use std::time::Duration;

impl<D: Domain> Engine<D> {
    pub(super) fn exited(&mut self, now: Moment, id: &str, actor: u64, seen: Seen) {
        let Some(slot) = self.table.find(id) else {
            self.discard(Discard::Seen(seen));
            return;
        };
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        if let Some(current) = child.current.as_mut()
            && current.life.actor() == Some(actor)
        {
            match current.exit {
                ExitSeen::Unreported => current.exit = ExitSeen::Early(Box::new(seen)),
                ExitSeen::No => self.judged(now, slot, Some(seen)),
                ExitSeen::Early(_) => self.discard(Discard::Seen(seen)),
                ExitSeen::Judged => self.told_late(slot, actor, seen),
            }
            return;
        }
        self.told_late(slot, actor, seen);
    }

    /// A session that failed or stopped tells of its end itself, unless its start is unreported: then its
    /// release is early enough.
    pub(super) fn ended_early(&mut self, now: Moment, key: Key) {
        let unjudged = self
            .current(key)
            .is_some_and(|current| matches!(current.exit, ExitSeen::No));
        if unjudged {
            self.judged(now, key.slot, None);
        }
    }

    /// An event that came after its exit was judged by the mark adds its text to that.
    fn told_late(&mut self, slot: u32, actor: u64, seen: Seen) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let last = child
            .history
            .as_mut()
            .and_then(|history| history.last.as_mut());
        let rest = match last {
            Some(last) if last.actor == Some(actor) => complete(&mut last.exit, seen),
            _ => Some(seen),
        };
        if let Some(seen) = rest {
            self.discard(Discard::Seen(seen));
        }
    }

    /// Judges the exit of the present incarnation and decides what follows.
    pub(super) fn judged(&mut self, now: Moment, slot: u32, seen: Option<Seen>) {
        self.last_end = self.last_end.max(now);
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let Some(current) = child.current.as_mut() else {
            return;
        };
        current.exit = ExitSeen::Judged;
        let lived = now.since(current.started);
        let mark = current.life.mark();
        let actor = current.life.actor();
        let asked = match child.phase {
            Phase::Stopping { .. } | Phase::Stuck { .. } => Asked::Yes,
            _ => Asked::No,
        };
        let (exit, left, rest) = judge(asked, mark, current.life.cause(), seen);
        let recall = current.recall;
        // A success that came too late did not run for anybody: the exit before it stays the last.
        if recall == Recall::InTime {
            let last = Last {
                actor,
                exit: exit.clone(),
            };
            if let Some(old) = child.history().last.replace(last) {
                self.discard(Discard::Exit(old.exit));
            }
        }
        if let Some(cause) = left {
            self.discard(Discard::Failure(Failure::Failed(cause)));
        }
        if let Some(rest) = rest {
            self.discard(Discard::Seen(rest));
        }
        let occasion = Occasion::Exited(exit.clone(), asked);
        let healthy = self.healthy(slot);
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        match &mut child.phase {
            Phase::Running => {
                child.attempt = 0;
                if lived >= healthy {
                    child.reset_backoff();
                }
                let trial = self.trial(slot, lived, healthy);
                self.ended_by_itself(now, slot, exit, mark, occasion, trial);
            }
            Phase::Stopping { then, batch, .. } => {
                let (then, batch) = (std::mem::replace(then, Then::Remove), *batch);
                let note = occasion.with(Next::Nothing);
                // A success that came too late was a failed attempt, so the pauses go on growing (D7).
                if !matches!(then, Then::Retry | Then::Park) {
                    child.attempt = 0;
                    if lived >= healthy {
                        child.reset_backoff();
                    }
                }
                let exit = match recall {
                    Recall::InTime => exit,
                    Recall::TooLate => {
                        self.discard(Discard::Exit(exit));
                        Exit::NotRunning
                    }
                };
                self.note(slot, note);
                self.stopped_as_asked(now, slot, then, exit);
                self.stop_finished(batch);
            }
            // A stuck child that ends is released as usual.
            _ => {
                self.note(slot, occasion.with(Next::Nothing));
                self.discard(Discard::Exit(exit));
            }
        }
    }

    fn ended_by_itself(
        &mut self,
        now: Moment,
        slot: u32,
        exit: Exit,
        mark: Mark,
        occasion: Occasion,
        trial: Trial,
    ) {
        let comes_back = self
            .table
            .get(slot)
            .is_some_and(|child| child.spec.policy().restart.comes_back(mark));
        if !self.serving() || !comes_back {
            self.note(slot, occasion.with(Next::Nothing));
            self.leave(now, slot, exit);
            return;
        }
        self.discard(Discard::Exit(exit));
        match trial {
            Trial::Failed => self.park(now, slot, None, occasion),
            Trial::None => self.decide_restart(now, slot, Duration::ZERO, occasion),
        }
    }

    fn stopped_as_asked(&mut self, now: Moment, slot: u32, then: Then<D>, exit: Exit) {
        match then {
            Then::Remove => self.leave(now, slot, exit),
            Then::Relaunch(ticket) if self.serving() => {
                let phase = Phase::Restarting {
                    due: now,
                    manual: Some(ticket),
                };
                self.set_timer(slot, None);
                self.table.set_phase(slot, phase);
                self.discard(Discard::Exit(exit));
            }
            Then::Relaunch(ticket) => {
                self.answer(ticket, Answer::Down);
                self.leave(now, slot, exit);
            }
            Then::Retry if self.serving() => {
                self.discard(Discard::Exit(exit));
                self.retry(now, slot, Occasion::Told);
            }
            Then::Park if self.serving() => {
                self.discard(Discard::Exit(exit));
                self.park(now, slot, None, Occasion::Told);
            }
            Then::Retry | Then::Park => self.leave(now, slot, exit),
        }
    }

    pub(super) fn joined(&mut self, now: Moment, key: Key) {
        if self.current(key).is_none() {
            return;
        }
        if let Some(current) = self
            .table
            .get_mut(key.slot)
            .and_then(|child| child.current.as_mut())
        {
            current.join = Join::Done;
        }
        if self.lost(key.slot) {
            self.release(now, key.slot);
        }
    }

    /// Whether the state lies in an event that is not read any more: then the join alone counts.
    pub(super) fn lost(&self, slot: u32) -> bool {
        let current = self
            .table
            .get(slot)
            .and_then(|child| child.current.as_ref());
        self.events == Events::Over
            && current.is_some_and(|current| {
                current.join == Join::Done && !matches!(current.exit, ExitSeen::Judged)
            })
    }

    /// Only stuck children are left of the present launch, so it is stuck itself. While all are stopped
    /// no caller needs its id any more, and its report is whole.
    pub(super) fn outlived(&mut self, now: Moment, key: Key) {
        let Some(current) = self.current(key) else {
            return;
        };
        if !self.serving() {
            self.release(now, key.slot);
            return;
        }
        if !matches!(current.exit, ExitSeen::Judged) {
            self.judged(now, key.slot, None);
        }
        let Some(child) = self.table.get_mut(key.slot) else {
            return;
        };
        if let Some(current) = &mut child.current {
            current.rest = Rest::Stuck;
        }
        if let Phase::Leaving { .. } = child.phase {
            self.mark_stuck(key.slot);
        }
    }

    /// Nothing of the present launch is left.
    pub(super) fn release(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.table.get(slot) else {
            return;
        };
        let judged = child
            .current
            .as_ref()
            .is_some_and(|current| matches!(current.exit, ExitSeen::Judged));
        if !judged {
            self.judged(now, slot, None);
        }
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let counted = match &child.phase {
            Phase::Leaving { exit, tally, .. } => {
                *tally == Tally::Count && *exit != Exit::NotRunning
            }
            phase => matches!(phase, Phase::Stuck { .. }),
        };
        if let Some(current) = child.current.take() {
            if let Mode::Stopping(stop) = &mut self.mode
                && counted
            {
                stop.report.add(current.life.report());
            }
            self.forget(current);
        }
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        match &mut child.phase {
            Phase::Leaving { exit, .. } => {
                let exit = exit.clone();
                self.remove(now, slot, exit);
            }
            Phase::Restarting { .. } => self.relaunch_if_due(now, slot),
            Phase::Parked { .. } => {
                self.next_in_queue(now, slot);
                self.try_again(now, slot);
            }
            Phase::Cancelling { then, .. } | Phase::Stuck { then } => {
                let then = std::mem::replace(then, Then::Remove);
                self.follow(now, slot, then);
            }
            Phase::Launching(_)
            | Phase::InLine { .. }
            | Phase::Running
            | Phase::Stopping { .. } => {}
        }
    }
}
