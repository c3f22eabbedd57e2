//! Who is stopped and who is started next, as the marks say.
//!
//! A decision marks the set that its strategy names. Marked children that live are stopped, from
//! the last to the first, each after nothing of the one before is left; when all of them are gone
//! and the pause is over, they are started from the first to the last, each after the one before
//! runs. A mark goes with the launch, so one that is marked again was decided upon again, and a
//! decision in the middle of a set widens it.
//!
//! How far a set has come is not recorded: the phases and marks of the children say it.

use std::ops::Range;
use std::time::Duration;

use super::child::{Again, Child, Origin, Then};
use super::{Mode, OrderedEngine, Strategy};
use crate::engine::backoff::retry_pause;
use crate::engine::decision::Decision;
use crate::engine::event::EventKind;
use crate::engine::io::{Cancellation, Domain, StopCause};
use crate::engine::lifecycle::State;
use crate::engine::limit::Admission;
use crate::engine::moment::Moment;

/// What follows the end of a child, or a restart that failed.
#[derive(Clone, Copy, Debug)]
#[must_use = "the log is to tell it, and the group may end with it"]
pub(super) struct Follows {
    pub(super) decision: Decision,
    /// Why the group ends, if it does.
    pub(super) ends: Option<StopCause>,
}

impl Follows {
    pub(super) const NOTHING: Self = Self::only(Decision::Nothing);

    /// The group does not end.
    pub(super) const fn only(decision: Decision) -> Self {
        Self {
            decision,
            ends: None,
        }
    }
}

impl<D: Domain> OrderedEngine<D> {
    /// Counts a restart because of one child, whose present restart has failed `failures` times,
    /// and marks all who are restarted with it; or has the group end.
    ///
    // OTP: supervisor:restart/2 counts before it restarts, and an attempt that is tried again
    // counts like the first, whatever the size of the set.
    pub(super) fn decide(&mut self, now: Moment, slot: u32, failures: u32) -> Follows {
        if let Some(limit) = self.settings.limit
            && self.window.admit(now, limit) == Admission::Refused
        {
            return Follows {
                decision: Decision::EscalateAll(limit),
                ends: Some(StopCause::Escalated),
            };
        }
        let pause = match failures {
            0 => Duration::ZERO,
            failures => retry_pause(failures),
        };
        let delay = self.backoff(slot).max(pause);
        let again = Again {
            origin: Origin::Restart,
            due: now.after(delay),
        };
        let Some(set) = self.set_of(slot) else {
            return Follows::NOTHING;
        };
        let (mut restarts, mut others) = (0, 0);
        for child in &mut self.children[set] {
            if child.slot == slot {
                restarts = child.restarts + 1;
            } else if child.waits_for_request() {
                continue;
            } else {
                others += usize::from(!child.temporary());
            }
            child.again = Some(again);
            child.failures = failures;
        }
        let limit = self.settings.limit;
        let counted = self.window.counted();
        let budget_left = limit.map(|limit| limit.max().saturating_sub(counted));
        Follows::only(match others {
            0 => Decision::Restart {
                after: delay,
                restarts,
                budget_left,
                limit,
            },
            others => Decision::RestartWithOthers {
                after: delay,
                restarts,
                budget_left,
                limit,
                others,
            },
        })
    }

    /// Tells a decision that comes later than what it follows, and ends the group if it says so.
    pub(super) fn tell_and_follow(&mut self, now: Moment, slot: u32, follows: Follows) {
        if follows.decision != Decision::Nothing {
            let decided = EventKind::Decided(follows.decision);
            self.record(now, slot, decided.into());
        }
        self.follow(now, slot, follows);
    }

    /// Ends the group if the decision says so. That was told.
    pub(super) fn follow(&mut self, now: Moment, slot: u32, follows: Follows) {
        if let Some(cause) = follows.ends {
            self.end_because_of(now, slot, cause);
        }
    }

    /// The positions of those who are restarted with a child.
    ///
    // OTP: supervisor:restart/3. A set whose restart failed is tried again from the child that
    // failed: under `rest_for_one` those before it stay.
    fn set_of(&self, slot: u32) -> Option<Range<usize>> {
        let at = self.children.iter().position(|child| child.slot == slot)?;
        Some(match self.settings.strategy {
            Strategy::OneForOne => at..at + 1,
            Strategy::OneForAll => 0..self.children.len(),
            Strategy::RestForOne => at..self.children.len(),
        })
    }

    /// The pause of the backoff before the next launch; takes one step.
    fn backoff(&mut self, slot: u32) -> Duration {
        let random = self.jitter.draw();
        let Some(child) = self.get_mut(slot) else {
            return Duration::ZERO;
        };
        let backoff = child.life.policy().backoff.unwrap_or_default();
        let delay = backoff.delay(child.step, random);
        child.step = child.step.saturating_add(1);
        delay
    }

    /// Whether children are started one after another, not each for itself.
    const fn in_order(&self) -> bool {
        matches!(self.mode, Mode::Beginning(_))
            || !matches!(self.settings.strategy, Strategy::OneForOne)
    }

    /// Whether a set is being stopped or started just now, so that requests wait. In the pause
    /// before an attempt, and while a stuck child is waited for, they do not.
    pub(super) fn busy(&self) -> bool {
        let moves = |child: &Child<D>| {
            (child.again.is_some() && child.alive())
                || (child.launching() == Some(Origin::Restart) && !child.is_stuck())
        };
        match self.mode {
            Mode::New | Mode::Beginning(_) => true,
            _ => self.in_order() && self.children.iter().any(moves),
        }
    }

    /// Whether a launch by hand would come between the children of a set.
    pub(super) fn set_pending(&self) -> bool {
        let pending =
            |child: &Child<D>| child.again.is_some() || child.launching() == Some(Origin::Restart);
        self.in_order() && self.children.iter().any(pending)
    }

    /// Stops the last marked child that lives.
    pub(super) fn take_down(&mut self, now: Moment) {
        let marked = |child: &&Child<D>| child.again.is_some() && child.alive();
        if let Some(child) = self.children.iter().rev().find(marked) {
            let slot = child.slot;
            match child.life.state() {
                State::Running => self.begin_stop(now, slot, Then::Rest),
                State::Launching => self.cancel(now, slot, Cancellation::WithOthers),
                State::Down
                | State::Cancelled { .. }
                | State::Stopping { .. }
                | State::Killed { .. }
                | State::Ended { .. }
                | State::Stuck(_) => {}
            }
        }
    }

    /// Starts the first marked child; without an order, all of them.
    pub(super) fn bring_up(&mut self, now: Moment) {
        self.wake = None;
        if !self.in_order() {
            let ready = |child: &&Child<D>| child.again.is_some() && child.life.is_down();
            let ready = self.children.iter().filter(ready);
            for slot in ready.map(|child| child.slot).collect::<Vec<_>>() {
                self.launch_if_due(now, slot);
            }
            return;
        }
        let in_the_way = |child: &Child<D>| {
            (child.again.is_some() && !child.life.is_down())
                || matches!(child.launching(), Some(Origin::Begin | Origin::Restart))
        };
        if self.children.iter().any(in_the_way) {
            return;
        }
        let first = self.children.iter().find(|child| child.again.is_some());
        if let Some(slot) = first.map(|child| child.slot) {
            self.launch_if_due(now, slot);
        }
    }

    fn launch_if_due(&mut self, now: Moment, slot: u32) {
        let Some(again) = self.get(slot).and_then(|child| child.again) else {
            debug_assert!(false, "it is not to be started");
            return;
        };
        if again.due <= now {
            self.launch(now, slot, again.origin, None);
        } else {
            self.wake = Some(self.wake.map_or(again.due, |wake| wake.min(again.due)));
        }
    }
}
