//! Launches: from the order to the report, with the start timeout and cancellation (D16).
//!
//! The shell decides the race between a report and a cancellation, and says so with the report.

use std::sync::Arc;

use super::child::{Origin, Phase, Then};
use super::sets::Follows;
use super::{Group, Mode};
use crate::engine::child::{Current, ExitSeen};
use crate::engine::incarnation::Key;
use crate::engine::io::{
    Answer, Context, Discard, Domain, Effect, Failure, Life, Note, Recall, Spec,
};
use crate::engine::moment::Moment;
use crate::engine::next::Next;
use crate::engine::shutdown::KILL_BOUND;

impl<D: Domain> Group<D> {
    /// Orders a launch. Nothing of an earlier one may be left.
    pub(super) fn launch(
        &mut self,
        now: Moment,
        slot: u32,
        origin: Origin,
        ticket: Option<D::Ticket>,
    ) {
        let launch = self.next_launch();
        let life = D::Life::new(Key { slot, launch });
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        child.phase = Phase::Launching(origin);
        child.again = None;
        child.incarnation += 1;
        child.attempt = child.attempt.saturating_add(1);
        if origin == Origin::Restart {
            child.restarts += 1;
        }
        child.current = Some(Current::new(now, launch, life.clone()));
        child.timer = Some(now.after(child.spec.policy().start_timeout));
        let effect = Effect::Launch {
            context: Context {
                id: Arc::clone(&child.role),
                incarnation: child.incarnation,
                attempt: child.attempt,
                last_exit: child.last.as_ref().map(|last| last.exit.clone()),
            },
            spec: child.spec.clone(),
            life,
            ticket,
        };
        self.effect(effect);
    }

    pub(super) fn started(&mut self, now: Moment, key: Key, recall: Recall) {
        let Some(slot) = self.launched(key) else {
            return;
        };
        let Some(child) = self.get_mut(slot) else {
            return;
        };
        let Some(current) = child.current.as_mut() else {
            return;
        };
        let Some(early) = current.report_start(now, recall) else {
            return;
        };
        let life = current.life.clone();
        let asked = !child.stops.is_empty();
        match child.phase {
            Phase::Launching(_) => self.runs(slot),
            // The callers that waited were told that it runs, so a timeout came too late to count. Who wanted it
            // to end still does; when the group stops, it has a turn.
            Phase::Cancelling { .. } if recall == Recall::InTime => {
                self.runs(slot);
                if asked && !matches!(self.mode, Mode::Stopping(_)) {
                    self.begin_stop(now, slot, Then::Rest);
                }
            }
            Phase::Cancelling { then, .. } => self.begin_stop(now, slot, then),
            Phase::Stuck { .. } => self.effect(Effect::Kill { life }),
            Phase::Down | Phase::Leaving { .. } | Phase::Running | Phase::Stopping { .. } => {}
        }
        if let Some(seen) = early {
            self.judged(now, slot, Some(seen));
        }
    }

    fn runs(&mut self, slot: u32) {
        if let Some(child) = self.get_mut(slot) {
            child.timer = None;
            child.phase = Phase::Running;
            child.has_run = true;
        }
        self.note(slot, Note::Started);
    }

    pub(super) fn start_failed(&mut self, now: Moment, key: Key, failure: Failure) {
        let Some(slot) = self.launched(key) else {
            self.discard(Discard::Failure(failure));
            return;
        };
        let current = self.get_mut(slot).and_then(|m| m.current.take());
        if let Some(current) = current {
            self.let_go(current);
        }
        let launching = self.get_mut(slot).and_then(|child| match child.phase {
            Phase::Launching(origin) => Some((child, origin)),
            _ => None,
        });
        let Some((child, origin)) = launching else {
            self.discard(Discard::Failure(failure));
            self.gone(now, slot);
            return;
        };
        // OTP: a start that answers ignore is none that failed: its spec is kept, unless it is temporary,
        // and the others go on.
        let ignored = matches!(failure, Failure::Ignored);
        let again = !ignored && origin == Origin::Restart;
        if ignored || again || origin == Origin::Begin {
            child.phase = Phase::Down;
        }
        let follows = if again {
            self.launch_came_to_nothing(now, slot, Then::Failed(origin))
        } else {
            None
        };
        let follows = follows.unwrap_or(Follows::NOTHING);
        self.note(slot, failed_note(origin, failure.clone(), follows.next));
        if !ignored && origin == Origin::Begin {
            self.begin_failed(now, slot, failure);
        } else {
            self.discard(Discard::Failure(failure));
        }
        self.gone(now, slot);
        self.follow(now, slot, follows);
    }

    /// A launch failed, and stuck children are left of it: it is stuck itself, and what follows comes when they have ended.
    pub(super) fn start_outlived(&mut self, now: Moment, key: Key, failure: Failure) {
        let Some(slot) = self.launched(key) else {
            self.discard(Discard::Failure(failure));
            return;
        };
        let launching = self.get_mut(slot).and_then(|child| match child.phase {
            Phase::Launching(origin) => Some((child, origin)),
            _ => None,
        });
        if let Some((child, origin)) = launching {
            let then = Then::Failed(origin);
            child.phase = Phase::Cancelling { then, since: now };
            let next = match origin {
                Origin::Restart => Next::Undecided,
                Origin::Begin | Origin::First | Origin::Manual => Next::Nothing,
            };
            self.note(slot, failed_note(origin, failure.clone(), next));
            if origin == Origin::Begin {
                self.begin_failed(now, slot, failure);
            } else {
                self.discard(Discard::Failure(failure));
            }
        } else {
            self.discard(Discard::Failure(failure));
        }
        let cancelling = self.get(slot).map(|child| &child.phase);
        if let Some(Phase::Cancelling { .. }) = cancelling {
            self.mark_stuck(slot);
        }
    }

    pub(super) fn launch_timed_out(&mut self, now: Moment, slot: u32, origin: Origin) {
        let Some(child) = self.get(slot) else {
            return;
        };
        let timeout = child.spec.policy().start_timeout;
        self.note(slot, Note::StartTimedOut(timeout));
        let then = Then::Failed(origin);
        self.cancel(now, slot, Answer::TimedOut(timeout), then);
        if origin == Origin::Begin {
            self.begin_failed(now, slot, Failure::TimedOut(timeout));
        }
    }

    /// Cancels the launch under way. What follows comes when it is gone.
    pub(super) fn cancel(&mut self, now: Moment, slot: u32, answer: Answer<D>, then: Then) {
        let Some(life) = self.life(slot) else {
            return;
        };
        if let Some(child) = self.get_mut(slot) {
            child.phase = Phase::Cancelling { then, since: now };
            child.timer = Some(now.after(KILL_BOUND));
        }
        self.effect(Effect::Cancel { life, answer });
    }

    /// Releases a launch of which nothing is left.
    pub(super) fn let_go(&mut self, current: Current<D>) {
        if let ExitSeen::Early(seen) = current.exit {
            self.discard(Discard::Seen(*seen));
        }
        self.discard(Discard::Life(current.life));
    }
}

fn failed_note(origin: Origin, failure: Failure, next: Next) -> Note {
    match origin {
        Origin::Begin | Origin::First => Note::StartFailed(failure),
        Origin::Restart | Origin::Manual => Note::RestartFailed { failure, next },
    }
}
