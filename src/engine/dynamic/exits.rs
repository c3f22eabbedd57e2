//! Exits: from the event and the release to the restart.
//!
//! An incarnation has ended when its exit is known and nothing of it is left. The exit is judged at
//! the event, and a restart is decided and counted there (D8); it is made at the release. Where no
//! event came, or none can come any more, the release alone counts.
//!
//! Absent on purpose: ractor's reasons. What an exit was is decided by what was asked and by the mark.

use super::{Engine, Events, Mode};
use crate::engine::child::{ExitSeen, Join, Last, Phase, Rest, Tally, Then};
use crate::engine::exit::{Asked, Exit, Mark, Seen, complete, judge};
use crate::engine::incarnation::Key;
use crate::engine::io::{
    Answer, Discard, Domain, Failure, Life, Note, Recall, Request, Spec, StopCause,
};
use crate::engine::limit::{Admission, Limit, healthy};
use crate::engine::moment::Moment;
use crate::engine::restart::{OnRestartLimit, OwnLimit};
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
            Phase::Stopping { .. } | Phase::Zombie { .. } => Asked::Yes,
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
        let told = exit.clone();
        self.note(slot, Note::Exited { exit: told, asked });
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
                self.ended_by_itself(now, slot, exit, mark);
            }
            Phase::Stopping { then, batch, .. } => {
                let (then, batch) = (std::mem::replace(then, Then::Remove), *batch);
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
                self.stopped_as_asked(now, slot, then, exit);
                self.stop_finished(now, batch);
            }
            // A zombie that ends is let go at its release.
            _ => self.discard(Discard::Exit(exit)),
        }
    }

    fn ended_by_itself(&mut self, now: Moment, slot: u32, exit: Exit, mark: Mark) {
        if !self.serving() {
            self.leave(now, slot, exit);
            return;
        }
        let Some(child) = self.table.get(slot) else {
            return;
        };
        if child.spec.policy().restart.comes_back(mark) {
            self.decide_restart(now, slot, Duration::ZERO);
        } else {
            self.leave(now, slot, exit);
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
            }
            Then::Relaunch(ticket) => {
                self.answer(ticket, Answer::Down);
                self.leave(now, slot, exit);
            }
            Then::Retry if self.serving() => self.retry(now, slot),
            Then::Park if self.serving() => self.park(now, slot),
            Then::Retry | Then::Park => self.leave(now, slot, exit),
        }
    }

    /// Counts a restart against both limits and plans it, at least `pause` from now; or does what
    /// the limits say.
    // OTP: supervisor:restart/2 counts before it restarts, and a failed attempt counts like the first.
    pub(super) fn decide_restart(&mut self, now: Moment, slot: u32, pause: Duration) {
        if !self.serving() {
            self.leave(now, slot, Exit::NotRunning);
            return;
        }
        let own = self.session_limit(slot);
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        if let Some(limit) = own
            && child.history().window.admit(now, limit) == Admission::Refused
        {
            self.note(slot, Note::LimitReached);
            match self.settings.on_limit {
                OnRestartLimit::Park => self.park(now, slot),
                OnRestartLimit::Remove => self.leave_ended(now, slot),
                OnRestartLimit::Escalate => self.escalate(now, slot),
            }
            return;
        }
        if let Some(limit) = self.settings.total_limit
            && self.total.admit(now, limit) == Admission::Refused
        {
            self.note(slot, Note::TotalLimitReached);
            self.escalate(now, slot);
            return;
        }
        let delay = self.backoff(slot).max(pause);
        let due = now.after(delay);
        let phase = Phase::Restarting { due, manual: None };
        self.set_timer(slot, None);
        self.table.set_phase(slot, phase);
        if let Some(child) = self.table.get_mut(slot) {
            let history = child.history();
            history.restarts += 1;
            let restarts = history.restarts;
            self.note(slot, Note::Restarting { restarts, delay });
        }
        self.take_turn(now, slot);
        self.relaunch_if_due(now, slot);
    }

    /// Lets a restart by hand that waits for its turn take over a pause.
    fn take_turn(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let Phase::Restarting { due, manual } = &mut child.phase else {
            return;
        };
        let Some(waiting) = child.waiting.as_mut() else {
            return;
        };
        // Only the first in the queue has its turn; a start before it must be answered first.
        if let Some(Request::Restart { .. }) = waiting.queue.front()
            && let Some(Request::Restart { ticket }) = waiting.queue.pop_front()
        {
            *due = now;
            *manual = Some(ticket);
        }
    }

    fn escalate(&mut self, now: Moment, slot: u32) {
        // First, so that nobody who waits for the id is served, and the report counts this one too.
        self.stop_supervisor(now, StopCause::Escalated, None, None);
        self.leave_ended(now, slot);
    }

    /// Forgets a child that has ended by itself, or whose restart failed.
    fn leave_ended(&mut self, now: Moment, slot: u32) {
        let exit = self
            .table
            .get(slot)
            .and_then(|child| child.last_exit())
            .map_or(Exit::NotRunning, Exit::clone);
        self.leave(now, slot, exit);
    }

    fn session_limit(&self, slot: u32) -> Option<Limit> {
        match self.table.get(slot)?.spec.policy().limit {
            OwnLimit::Inherited => self.settings.session_limit,
            OwnLimit::Own(limit) => Some(limit),
            OwnLimit::Unlimited => None,
        }
    }

    /// After a life of this length the backoff begins anew, however it ended (D10).
    fn healthy(&self, slot: u32) -> Duration {
        healthy(self.session_limit(slot).or(self.settings.total_limit))
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

    /// Whether the state lies in an event that nobody will read any more: then the join alone counts.
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

    /// All that is left of the present launch are zombies, so it is one itself. While all are stopped
    /// nobody needs its id any more, and its report is whole.
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
            current.rest = Rest::Zombies;
        }
        if let Phase::Leaving { .. } = child.phase {
            self.zombie(now, key.slot);
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
            phase => matches!(phase, Phase::Zombie { .. }),
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
            Phase::Parked => self.next_in_queue(now, slot),
            Phase::Cancelling { then, .. } | Phase::Zombie { then } => {
                let then = std::mem::replace(then, Then::Remove);
                self.follow(now, slot, then);
            }
            Phase::Launching(_) | Phase::Running | Phase::Stopping { .. } => {}
        }
    }
}
