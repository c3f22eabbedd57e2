//! Launches: from the order to the report, with the start timeout and cancellation (D16).
//!
//! Absent on purpose: who won a race between a report and a cancellation. The shell knows, and says
//! so with the report.

use std::sync::Arc;

use super::member::{Origin, Phase, Then};
use super::{Group, Mode};
use crate::engine::child::{Current, ExitSeen};
use crate::engine::incarnation::Key;
use crate::engine::io::{
    Answer, Context, Discard, Domain, Effect, Failure, Life, Note, Recall, Spec,
};
use crate::engine::moment::Moment;
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
        let Some(member) = self.get_mut(slot) else {
            return;
        };
        member.phase = Phase::Launching(origin);
        member.again = None;
        member.incarnation += 1;
        member.attempt = member.attempt.saturating_add(1);
        if origin == Origin::Restart {
            member.restarts += 1;
        }
        member.current = Some(Current::new(now, launch, life.clone()));
        member.timer = Some(now.after(member.spec.policy().start_timeout));
        let effect = Effect::Launch {
            context: Context {
                id: Arc::clone(&member.role),
                incarnation: member.incarnation,
                attempt: member.attempt,
                last_exit: member.last.as_ref().map(|last| last.exit.clone()),
            },
            spec: member.spec.clone(),
            life,
            ticket,
        };
        self.effect(effect);
    }

    pub(super) fn started(&mut self, now: Moment, key: Key, recall: Recall) {
        let Some(slot) = self.launched(key) else {
            return;
        };
        let Some(member) = self.get_mut(slot) else {
            return;
        };
        let Some(current) = member.current.as_mut() else {
            return;
        };
        let Some(early) = current.report_start(now, recall) else {
            return;
        };
        let life = current.life.clone();
        let asked = !member.stops.is_empty();
        match member.phase {
            Phase::Launching(_) => self.runs(slot),
            // Whoever waited was told that it runs, so a timeout came too late to count. Who wanted it
            // to end still does; when the group stops, it has a turn.
            Phase::Cancelling { .. } if recall == Recall::InTime => {
                self.runs(slot);
                if asked && !matches!(self.mode, Mode::Stopping(_)) {
                    self.begin_stop(now, slot, Then::Rest);
                }
            }
            Phase::Cancelling { then, .. } => self.begin_stop(now, slot, then),
            Phase::Zombie { .. } => self.effect(Effect::Kill { life }),
            Phase::Down | Phase::Leaving { .. } | Phase::Running | Phase::Stopping { .. } => {}
        }
        if let Some(seen) = early {
            self.judged(now, slot, Some(seen));
        }
    }

    fn runs(&mut self, slot: u32) {
        if let Some(member) = self.get_mut(slot) {
            member.timer = None;
            member.phase = Phase::Running;
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
        let launching = self.get_mut(slot).and_then(|member| match member.phase {
            Phase::Launching(origin) => Some((member, origin)),
            _ => None,
        });
        let Some((member, origin)) = launching else {
            self.discard(Discard::Failure(failure));
            self.gone(now, slot);
            return;
        };
        let note = failed_note(origin, failure.clone());
        // OTP: a start that answers ignore is none that failed: its spec is kept, unless it is temporary,
        // and the others go on.
        let ignored = matches!(failure, Failure::Ignored);
        if ignored || origin == Origin::Begin {
            member.phase = Phase::Down;
        }
        self.note(slot, note);
        if !ignored && origin == Origin::Begin {
            self.begin_failed(now, slot, failure);
        } else {
            self.discard(Discard::Failure(failure));
        }
        self.gone(now, slot);
    }

    /// A launch failed, and zombies are left of it: it is one, and what follows comes when they have ended.
    pub(super) fn start_outlived(&mut self, now: Moment, key: Key, failure: Failure) {
        let Some(slot) = self.launched(key) else {
            self.discard(Discard::Failure(failure));
            return;
        };
        let launching = self.get_mut(slot).and_then(|member| match member.phase {
            Phase::Launching(origin) => Some((member, origin)),
            _ => None,
        });
        if let Some((member, origin)) = launching {
            let then = Then::Failed(origin);
            member.phase = Phase::Cancelling { then, since: now };
            self.note(slot, failed_note(origin, failure.clone()));
            if origin == Origin::Begin {
                self.begin_failed(now, slot, failure);
            } else {
                self.discard(Discard::Failure(failure));
            }
        } else {
            self.discard(Discard::Failure(failure));
        }
        let cancelling = self.get(slot).map(|member| &member.phase);
        if let Some(Phase::Cancelling { .. }) = cancelling {
            self.zombie(slot);
        }
    }

    pub(super) fn launch_timed_out(&mut self, now: Moment, slot: u32, origin: Origin) {
        let Some(member) = self.get(slot) else {
            return;
        };
        let timeout = member.spec.policy().start_timeout;
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
        if let Some(member) = self.get_mut(slot) {
            member.phase = Phase::Cancelling { then, since: now };
            member.timer = Some(now.after(KILL_BOUND));
        }
        self.effect(Effect::Cancel { life, answer });
    }

    /// Lets go of a launch of which nothing is left.
    pub(super) fn let_go(&mut self, current: Current<D>) {
        if let ExitSeen::Early(seen) = current.exit {
            self.discard(Discard::Seen(*seen));
        }
        self.discard(Discard::Life(current.life));
    }
}

fn failed_note(origin: Origin, failure: Failure) -> Note {
    match origin {
        Origin::Begin | Origin::First => Note::StartFailed(failure),
        Origin::Restart | Origin::Manual => Note::RestartFailed(failure),
    }
}
