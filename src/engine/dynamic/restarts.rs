//! Restarts: what is counted against which limit, after what pause they are made, and what happens
//! at the limits.

use std::time::Duration;

use super::Engine;
use crate::engine::child::Plan;
use crate::engine::exit::{Asked, Exit};
use crate::engine::io::{Domain, Failure, Note, StopCause};
use crate::engine::limit::{Admission, Limit, healthy};
use crate::engine::moment::Moment;
use crate::engine::next::{Next, Used};
use crate::engine::restart::{OnRestartLimit, OwnLimit};
use crate::engine::waiting::Queued;

/// What a decision follows, for the one line of the log that tells of both.
#[derive(Debug)]
pub(super) enum Occasion {
    /// An exit.
    Exited(Exit, Asked),
    /// A restart that failed.
    Failed(Failure),
    /// Something that the log has been told already.
    Told,
}

impl Occasion {
    pub(super) fn with(self, next: Next) -> Note {
        match self {
            Self::Exited(exit, asked) => Note::Exited { exit, asked, next },
            Self::Failed(failure) => Note::RestartFailed { failure, next },
            Self::Told => Note::Decided(next),
        }
    }
}

/// Whether a session that ended was parked before and has not lived long enough since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    Failed,
    None,
}

impl<D: Domain> Engine<D> {
    /// Counts a restart against both limits and plans it, at least `pause` from now; or does what
    /// the limits say.
    // OTP: supervisor:restart/2 counts before it restarts, and a failed attempt counts like the
    // first.
    pub(super) fn decide_restart(
        &mut self,
        now: Moment,
        slot: u32,
        pause: Duration,
        occasion: Occasion,
    ) {
        if !self.serving() {
            self.note(slot, occasion.with(Next::Nothing));
            self.leave(now, slot, Exit::NotRunning);
            return;
        }
        // A session that was on trial is parked again, and nothing is counted.
        let parking = self
            .table
            .get(slot)
            .and_then(|child| child.history.as_ref())
            .and_then(|history| history.parking);
        if parking.is_some() {
            self.park(now, slot, None, occasion);
            return;
        }
        let own = self.session_limit(slot);
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        if let Some(limit) = own
            && child.history().window.admit(now, limit) == Admission::Refused
        {
            match self.settings.on_limit {
                OnRestartLimit::Park => self.park(now, slot, Some(limit), occasion),
                OnRestartLimit::Remove => {
                    self.note(slot, occasion.with(Next::Remove(limit)));
                    self.leave_ended(now, slot);
                }
                OnRestartLimit::Escalate => {
                    self.note(slot, occasion.with(Next::Escalate(limit)));
                    self.escalate(now, slot);
                }
            }
            return;
        }
        if let Some(limit) = self.settings.total_limit
            && self.total.admit(now, limit) == Admission::Refused
        {
            self.note(slot, occasion.with(Next::EscalateAll(limit)));
            self.escalate(now, slot);
            return;
        }
        let delay = self.backoff(slot).max(pause);
        let due = now.after(delay);
        self.meter.restarts(delay);
        self.plan(slot, Plan::Restart { due, manual: None });
        if let Some(child) = self.table.get_mut(slot) {
            let history = child.history();
            history.restarts += 1;
            let restarts = history.restarts;
            let used = own.map(|limit| Used {
                count: history.window.counted(),
                limit,
            });
            let next = Next::Restart {
                delay,
                restarts,
                used,
            };
            self.note(slot, occasion.with(next));
        }
        self.take_turn(now, slot);
        self.relaunch_if_due(now, slot);
    }

    /// Lets a restart by hand that waits for its turn take over a pause.
    fn take_turn(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let Plan::Restart { due, manual } = &mut child.plan else {
            debug_assert!(false, "no restart is planned");
            return;
        };
        let Some(waiting) = child.waiting.as_mut() else {
            return;
        };
        // Only the first in the queue has its turn; a start before it must be answered first.
        if let Some(Queued::Restart(_)) = waiting.queue.front()
            && let Some(Queued::Restart(ticket)) = waiting.queue.pop_front()
        {
            *due = now;
            *manual = Some(ticket);
        }
    }

    fn escalate(&mut self, now: Moment, slot: u32) {
        // First, so that no request that waits for the id is served, and the report counts this one
        // too.
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
        match self.table.get(slot)?.life.policy().limit {
            OwnLimit::Inherited => self.settings.session_limit,
            OwnLimit::Own(limit) => Some(limit),
            OwnLimit::Unlimited => None,
        }
    }

    /// After a life of this length the backoff begins anew, however it ended (D10).
    pub(super) fn healthy(&self, slot: u32) -> Duration {
        healthy(self.session_limit(slot).or(self.settings.total_limit))
    }
}
