//! Launches: from the order to the report, with the start timeout and cancellation (D16), and the
//! growing pause between failed attempts (D7).
//!
//! The shell decides the race between a report and a cancellation, and says so with the report.

use std::sync::Arc;
use std::time::Duration;

use super::Engine;
use super::restarts::Occasion;
use crate::engine::backoff::retry_pause;
use crate::engine::child::{Current, ExitSeen, Origin, Phase, Then, Told};
use crate::engine::exit::Exit;
use crate::engine::incarnation::Key;
use crate::engine::io::{
    Answer, Context, Discard, Domain, Effect, Failure, Life, Note, Recall, Spec,
};
use crate::engine::moment::Moment;
use crate::engine::next::Next;
use crate::engine::restart::Restart;
use crate::engine::shutdown::KILL_BOUND;
use crate::engine::table::SessionState;

impl<D: Domain> Engine<D> {
    /// Orders a launch. Nothing of an earlier one may be left.
    pub(super) fn launch_now(
        &mut self,
        now: Moment,
        slot: u32,
        origin: Origin,
        ticket: Option<D::Ticket>,
    ) {
        let launch = self.next_launch();
        let life = D::Life::new(Key { slot, launch });
        self.table.set_phase(slot, Phase::Launching(origin));
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        child.incarnation += 1;
        child.attempt = child.attempt.saturating_add(1);
        child.current = Some(Current::new(now, launch, life.clone()));
        let timeout = child.spec.policy().start_timeout;
        let effect = Effect::Launch {
            context: Context {
                id: Arc::clone(&child.id),
                incarnation: child.incarnation,
                attempt: child.attempt,
                last_exit: child.last_exit().cloned(),
            },
            spec: child.spec.clone(),
            life,
            ticket,
        };
        self.effect(effect);
        self.set_timer(slot, Some(now.after(timeout)));
    }

    pub(super) fn started(&mut self, now: Moment, key: Key, recall: Recall) {
        if self.current(key).is_none() {
            return;
        }
        let slot = key.slot;
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let Some(current) = child.current.as_mut() else {
            return;
        };
        let Some(early) = current.report_start(now, recall) else {
            return;
        };
        let life = current.life.clone();
        match &mut child.phase {
            Phase::Launching(_) => self.runs(slot),
            // The callers that waited were told that it runs, so the timeout came too late to count. A stop
            // goes on as the stop of a running session.
            Phase::Cancelling { then, .. } if recall == Recall::InTime => {
                match std::mem::replace(then, Then::Remove) {
                    Then::Remove => {
                        self.runs(slot);
                        if self.wanted(slot) {
                            self.begin_stop(now, slot, Then::Remove, 0);
                        }
                    }
                    Then::Retry | Then::Park => self.runs(slot),
                    then @ Then::Relaunch(_) => {
                        self.runs(slot);
                        self.begin_stop(now, slot, then, 0);
                    }
                }
            }
            Phase::Cancelling { then, .. } => {
                let then = std::mem::replace(then, Then::Remove);
                self.begin_stop(now, slot, then, 0);
            }
            Phase::Stuck { .. } => self.effect(Effect::Kill { life: life.clone() }),
            _ => {}
        }
        self.answer_joined(slot, || Answer::Joined(life.clone()));
        match early {
            Some(seen) => self.judged(now, slot, Some(seen)),
            None => self.next_in_queue(now, slot),
        }
    }

    fn runs(&mut self, slot: u32) {
        self.set_timer(slot, None);
        self.table.set_phase(slot, Phase::Running);
        self.note(slot, Note::Started);
    }

    /// Whether somebody waits for the end of a launch that turned out to have succeeded in time.
    fn wanted(&self, slot: u32) -> bool {
        let stops = self
            .table
            .get(slot)
            .and_then(|child| child.waiting.as_ref())
            .is_some_and(|waiting| !waiting.stops.is_empty());
        stops || !self.serving()
    }

    pub(super) fn start_failed(&mut self, now: Moment, key: Key, failure: Failure) {
        if self.current(key).is_none() {
            self.discard(Discard::Failure(failure));
            return;
        }
        let slot = key.slot;
        self.set_timer(slot, None);
        let current = self
            .table
            .get_mut(slot)
            .and_then(|child| child.current.take());
        if let Some(current) = current {
            self.forget(current);
        }
        let Some(child) = self.table.get_mut(slot) else {
            self.discard(Discard::Failure(failure));
            return;
        };
        let temporary = child.spec.policy().restart == Restart::Temporary;
        match &mut child.phase {
            Phase::Launching(Origin::First) => {
                self.answer_joined(slot, || Answer::Failed(failure.clone()));
                self.note(slot, Note::StartFailed(failure));
                self.leave(now, slot, Exit::NotRunning);
            }
            Phase::Launching(origin) => {
                let origin = *origin;
                let ignored = matches!(failure, Failure::Ignored);
                self.answer_joined(slot, || Answer::Failed(failure.clone()));
                let occasion = Occasion::Failed(failure);
                let resumed = matches!(origin, Origin::Resume | Origin::Trial);
                if ignored || (temporary && !resumed) || !self.serving() {
                    self.note(slot, occasion.with(Next::Nothing));
                    self.leave(now, slot, Exit::NotRunning);
                } else if resumed {
                    self.park(now, slot, None, occasion);
                } else {
                    self.retry(now, slot, occasion);
                }
            }
            Phase::Cancelling { then, .. } | Phase::Stuck { then } => {
                let then = std::mem::replace(then, Then::Remove);
                self.discard(Discard::Failure(failure));
                self.follow(now, slot, then);
            }
            _ => self.discard(Discard::Failure(failure)),
        }
    }

    /// A launch failed, and stuck children are left of it: it is stuck itself, and what follows comes when they have ended.
    pub(super) fn start_outlived(&mut self, now: Moment, key: Key, failure: Failure) {
        if self.current(key).is_none() {
            self.discard(Discard::Failure(failure));
            return;
        }
        let slot = key.slot;
        if let Some(child) = self.table.get(slot)
            && let Phase::Launching(origin) = child.phase
        {
            let (then, shown) = after_failed(origin, child.spec.policy().restart);
            self.answer_joined(slot, || Answer::Failed(failure.clone()));
            self.note(slot, failed_note(origin, failure));
            let phase = Phase::Cancelling {
                then,
                shown,
                since: now,
            };
            self.table.set_phase(slot, phase);
        } else {
            self.discard(Discard::Failure(failure));
        }
        let cancelling = self.table.get(slot).map(|child| &child.phase);
        if let Some(Phase::Cancelling { .. }) = cancelling {
            self.mark_stuck(slot);
        }
    }

    /// A failed attempt: the next one is counted now and made after a pause.
    pub(super) fn retry(&mut self, now: Moment, slot: u32, occasion: Occasion) {
        let Some(child) = self.table.get(slot) else {
            return;
        };
        let pause = retry_pause(child.attempt);
        self.decide_restart(now, slot, pause, occasion);
    }

    /// The pause of the backoff before the next launch; takes one step.
    pub(super) fn backoff(&mut self, slot: u32) -> Duration {
        let random = self.jitter.draw();
        let Some(child) = self.table.get_mut(slot) else {
            return Duration::ZERO;
        };
        let backoff = child.spec.policy().backoff.unwrap_or(self.settings.backoff);
        let step = &mut child.history().step;
        let delay = backoff.delay(*step, random);
        *step = step.saturating_add(1);
        delay
    }

    /// Launches a restarting child whose pause is over and whose last incarnation is released.
    pub(super) fn relaunch_if_due(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let Phase::Restarting { due, manual } = &mut child.phase else {
            return;
        };
        if *due > now {
            let due = *due;
            self.set_timer(slot, Some(due));
            return;
        }
        if child.current.is_some() {
            self.set_timer(slot, None);
            return;
        }
        let manual = manual.take();
        if !self.serving() {
            if let Some(manual) = manual {
                self.answer(manual, Answer::Down);
            }
            self.leave(now, slot, Exit::NotRunning);
            return;
        }
        let origin = if manual.is_some() {
            Origin::Manual
        } else {
            Origin::Restart
        };
        self.launch(now, slot, origin, manual);
    }

    pub(super) fn launch_timed_out(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.table.get(slot) else {
            return;
        };
        let Phase::Launching(origin) = child.phase else {
            return;
        };
        let policy = child.spec.policy();
        let timeout = policy.start_timeout;
        let (then, shown) = after_failed(origin, policy.restart);
        self.note(slot, Note::StartTimedOut(timeout));
        self.cancel(now, slot, Told::TimedOut(timeout), then, shown);
    }

    /// Cancels the launch under way. What follows comes when it is gone.
    pub(super) fn cancel(
        &mut self,
        now: Moment,
        slot: u32,
        told: Told,
        then: Then<D>,
        shown: SessionState,
    ) {
        let Some(life) = self.life(slot) else {
            return;
        };
        let phase = Phase::Cancelling {
            then,
            shown,
            since: now,
        };
        self.table.set_phase(slot, phase);
        let answer = told.answer();
        self.effect(Effect::Cancel { life, answer });
        self.answer_joined(slot, || told.answer());
        self.set_timer(slot, Some(now.after(KILL_BOUND)));
    }

    /// Releases a launch of which nothing is left.
    pub(super) fn forget(&mut self, current: Current<D>) {
        if let ExitSeen::Early(seen) = current.exit {
            self.discard(Discard::Seen(*seen));
        }
        self.discard(Discard::Life(current.life));
    }
}

/// What follows a launch that came to nothing, once it is gone, and what others see until then. It keeps
/// its place, whichever callers have been told meanwhile.
fn after_failed<D: Domain>(origin: Origin, restart: Restart) -> (Then<D>, SessionState) {
    match origin {
        Origin::First => (Then::Remove, SessionState::Stopping),
        Origin::Manual if restart == Restart::Temporary => (Then::Remove, SessionState::Stopping),
        Origin::Resume | Origin::Trial => (Then::Park, SessionState::Restarting),
        Origin::Manual | Origin::Restart => (Then::Retry, SessionState::Restarting),
    }
}

fn failed_note(origin: Origin, failure: Failure) -> Note {
    match origin {
        Origin::First => Note::StartFailed(failure),
        _ => Note::RestartFailed {
            failure,
            next: Next::Nothing,
        },
    }
}
