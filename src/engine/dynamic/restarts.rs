//! Restarts: what is counted against which limit, after what pause they are made, and what happens
//! at the limits.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use crate::engine::backoff::{Backoff, jittered};
use crate::engine::child::{Child, Parking, Plan};
use crate::engine::decision::Decision;
use crate::engine::end::{EndReason, Over};
use crate::engine::event::{EventKind, ExitCause, Happening, StartFailure};
use crate::engine::exit::{Asked, Cause, Exit};
use crate::engine::io::{Domain, Failure, StopCause};
use crate::engine::lifecycle::End;
use crate::engine::limit::{Admission, Limit, Window, healthy};
use crate::engine::moment::Moment;
use crate::engine::restart::{OnRestartLimit, OwnLimit};
use crate::engine::waiting::Queued;

/// What a decision follows: one event tells of both.
#[derive(Debug)]
pub(super) struct Occasion {
    what: What,
    /// The user's error, which leaves with the event.
    error: Option<Cause>,
}

#[derive(Debug)]
enum What {
    Exited {
        cause: ExitCause,
        asked: Asked,
        uptime: Duration,
    },
    Failed(StartFailure),
    Told,
}

impl Occasion {
    /// Something that was told already.
    pub(super) const TOLD: Self = Self {
        what: What::Told,
        error: None,
    };

    /// An exit.
    pub(super) fn exited(end: &End) -> Self {
        let what = What::Exited {
            cause: end.cause.clone(),
            asked: end.asked,
            uptime: end.lived,
        };
        let error = match &end.exit {
            Exit::Failed { cause } => Some(Arc::clone(cause)),
            _ => None,
        };
        Self { what, error }
    }

    /// A restart that failed.
    pub(super) fn failed(failure: Failure, text: Option<Arc<str>>) -> Self {
        let (failure, error) = StartFailure::of(failure, text);
        let what = What::Failed(failure);
        Self { what, error }
    }

    pub(super) fn with(self, decision: Decision) -> Happening {
        let kind = match self.what {
            What::Exited {
                cause,
                asked,
                uptime,
            } => EventKind::Exited {
                cause,
                asked: asked == Asked::Yes,
                uptime,
                decision,
            },
            What::Failed(failure) => EventKind::RestartFailed { failure, decision },
            What::Told => EventKind::Decided(decision),
        };
        let error = self.error;
        Happening::new(kind, error)
    }
}

/// With what a decision about a restart begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Standing {
    restarts: u64,
    /// Steps of the backoff.
    step: u32,
    counted: Counted,
    parking: Option<Parking>,
}

/// Which of its restarts count against its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counted {
    AsTheyAre,
    None,
}

impl Standing {
    /// As it is.
    pub(super) fn of<D: Domain>(child: &Child<D>) -> Self {
        let history = child.history.as_deref();
        Self {
            restarts: history.map_or(0, |history| history.restarts),
            step: history.map_or(0, |history| history.step),
            counted: Counted::AsTheyAre,
            parking: history.and_then(|history| history.parking),
        }
    }

    /// After a life of this length: one that lived for long enough begins anew (D10), and is not on
    /// trial any more (D11).
    pub(super) fn after_life(self, lived: Duration, healthy: Duration) -> Self {
        if lived < healthy {
            return self;
        }
        let counted = match self.parking {
            Some(_) => Counted::None,
            None => self.counted,
        };
        Self {
            step: 0,
            counted,
            parking: None,
            ..self
        }
    }

    /// Whether it is parked again if it fails.
    pub(super) const fn is_on_trial(&self) -> bool {
        self.parking.is_some()
    }

    /// As one that is parked, or is again if it fails.
    pub(super) fn parked(self) -> Self {
        let parking = self.parking.unwrap_or(Parking::NEW);
        Self {
            parking: Some(parking),
            ..self
        }
    }

    /// As one that is parked and has had one more trial.
    pub(super) fn tried(self) -> Self {
        let mut parked = self.parked();
        if let Some(parking) = &mut parked.parking {
            parking.trials = parking.trials.saturating_add(1);
        }
        parked
    }

    /// Writes it down.
    pub(super) fn keep<D: Domain>(self, child: &mut Child<D>) {
        if let Some(history) = &mut child.history {
            history.step = self.step;
            history.parking = self.parking;
            if self.counted == Counted::None {
                history.window.clear();
            }
        }
    }
}

/// What jitter makes of a pause.
#[derive(Clone, Copy, Debug)]
pub(super) enum Draw {
    /// What this random number says.
    Number(u64),
    /// The longest pause that there may be.
    Longest,
    /// The shortest.
    Shortest,
}

impl Draw {
    fn backoff(self, backoff: Backoff, step: u32) -> Duration {
        match self {
            Self::Number(random) => backoff.delay(step, random),
            Self::Longest => backoff.longest(step),
            Self::Shortest => backoff.delay(step, 0),
        }
    }

    fn jittered(self, full: Duration) -> Duration {
        match self {
            Self::Number(random) => jittered(full, random),
            Self::Longest => full,
            Self::Shortest => jittered(full, 0),
        }
    }
}

impl<D: Domain> Engine<D> {
    /// What follows a failure of a session that is to be restarted: what its limit says, the limit of
    /// all, and the pauses. It changes nothing.
    // OTP: supervisor:restart/2 counts before it restarts, and a failed attempt counts like the
    // first.
    pub(super) fn decision(
        &self,
        now: Moment,
        slot: u32,
        standing: Standing,
        pause: Duration,
        draw: Draw,
    ) -> Decision {
        let Some(child) = self.table.get(slot).filter(|_| self.serving()) else {
            return Decision::Forget;
        };
        // One that was on trial is parked again, and nothing is counted.
        if let Some(parking) = standing.parking {
            return self.parked(None, parking.trials, draw);
        }
        let own = self.session_limit(slot);
        let none = Window::default();
        let window = match (standing.counted, &child.history) {
            (Counted::AsTheyAre, Some(history)) => &history.window,
            (Counted::None, _) | (_, None) => &none,
        };
        if let Some(limit) = own
            && window.judge(now, limit) == Admission::Refused
        {
            return match self.settings.on_limit {
                // There is no place for a parked one, so it would be forgotten at once.
                OnRestartLimit::Park if self.settings.max_parked == 0 => Decision::Remove(limit),
                OnRestartLimit::Park => self.parked(Some(limit), 0, draw),
                OnRestartLimit::Remove => Decision::Remove(limit),
                OnRestartLimit::Escalate => Decision::Escalate(limit),
            };
        }
        if let Some(limit) = self.settings.total_limit
            && self.total.judge(now, limit) == Admission::Refused
        {
            return Decision::EscalateAll(limit);
        }
        let backoff = child.life.policy().backoff.unwrap_or(self.settings.backoff);
        Decision::Restart {
            after: draw.backoff(backoff, standing.step).max(pause),
            restarts: standing.restarts + 1,
            budget_left: own.map(|limit| {
                let counted = window.counted_at(now, limit) + 1;
                limit.max().saturating_sub(counted)
            }),
            limit: own,
        }
    }

    /// It is parked, after so many trials.
    pub(super) fn parked(&self, limit: Option<Limit>, trials: u32, draw: Draw) -> Decision {
        let until = self.trial_pause(trials).map(|full| draw.jittered(full));
        Decision::Park { until, limit }
    }

    /// Counts a restart against both limits and plans it, at least `pause` from now; or does what
    /// the limits say.
    pub(super) fn decide_restart(
        &mut self,
        now: Moment,
        slot: u32,
        pause: Duration,
        occasion: Occasion,
    ) {
        let Some(child) = self.table.get(slot) else {
            return;
        };
        let standing = Standing::of(child);
        let draw = Draw::Number(self.jitter.peek());
        let decision = self.decision(now, slot, standing, pause, draw);
        match decision {
            Decision::Restart { after, limit, .. } => {
                self.count_restart(now, slot, limit);
                self.meter.restarts(after);
                let due = now.after(after);
                self.plan(slot, Plan::Restart { due, manual: None });
                self.record(now, slot, occasion.with(decision));
                self.take_turn(now, slot);
                self.relaunch_if_due(now, slot);
            }
            Decision::Park { limit, .. } => self.park(now, slot, limit, occasion),
            Decision::Remove(_) => {
                self.record(now, slot, occasion.with(decision));
                self.leave_ended(now, slot, Over::Limit);
            }
            Decision::Escalate(_) => {
                self.record(now, slot, occasion.with(decision));
                self.escalate(now, slot, Over::Limit);
            }
            Decision::EscalateAll(_) => {
                self.record(now, slot, occasion.with(decision));
                self.escalate(now, slot, Over::TotalLimit);
            }
            _ => {
                self.record(now, slot, occasion.with(decision));
                self.leave(now, slot, Exit::NotRunning, self.closing());
            }
        }
    }

    #[inline]
    fn count_restart(&mut self, now: Moment, slot: u32, own: Option<Limit>) {
        // The next pause has a number of its own.
        self.jitter.draw();
        if let Some(limit) = self.settings.total_limit {
            self.total.count(now, limit);
        }
        if let Some(child) = self.table.get_mut(slot) {
            let history = child.history();
            history.restarts += 1;
            history.step = history.step.saturating_add(1);
            if let Some(limit) = own {
                history.window.count(now, limit);
            }
        }
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

    fn escalate(&mut self, now: Moment, slot: u32, why: Over) {
        // First, so that no request that waits for the id is served, and the report counts this one
        // too.
        self.stop_supervisor(now, StopCause::Escalated, None, None);
        self.leave_ended(now, slot, why);
    }

    /// Forgets a child that has ended by itself, or whose restart failed.
    fn leave_ended(&mut self, now: Moment, slot: u32, why: Over) {
        let exit = self
            .table
            .get(slot)
            .and_then(|child| child.last_exit())
            .map_or(Exit::NotRunning, Exit::clone);
        self.leave(now, slot, exit, why);
    }

    /// Whether a failure of a session can end the supervisor.
    #[inline]
    pub(super) fn can_escalate(&self) -> bool {
        self.settings.total_limit.is_some() || self.settings.on_limit == OnRestartLimit::Escalate
    }

    /// Why a session is over, as it is told.
    pub(super) fn end_reason(&self, slot: u32, why: Over) -> Option<EndReason> {
        let policy = self.table.get(slot)?.life.policy();
        Some(why.told(policy, self.session_limit(slot), self.settings.total_limit))
    }

    pub(super) fn session_limit(&self, slot: u32) -> Option<Limit> {
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
