//! Launches: from the order to the report, with the start timeout and cancellation (D16), and the
//! growing pause between failed attempts (D7).
//!
//! The shell decides the race between a report and a cancellation, and says so with the report.

use std::sync::Arc;

use super::pace::NO_BATCH;
use super::restarts::Occasion;
use super::{Engine, Listening};
use crate::engine::backoff::retry_pause;
use crate::engine::child::{Origin, Plan, Then};
use crate::engine::counts::SessionState;
use crate::engine::decision::{Decision, Pending};
use crate::engine::end::Over;
use crate::engine::event::{EventKind, Happening, StartFailure};
use crate::engine::exit::Exit;
use crate::engine::incarnation::Key;
use crate::engine::io::{Discard, Domain, Failure, LaunchCaller, Recall, Refusal, Reply};
use crate::engine::lifecycle::{How, Lost};
use crate::engine::meter::NoStart;
use crate::engine::moment::Moment;
use crate::engine::restart::Restart;

impl<D: Domain> Engine<D> {
    /// Orders a launch. Nothing of an earlier one may be left.
    #[inline]
    pub(super) fn launch_now(
        &mut self,
        now: Moment,
        slot: u32,
        origin: Origin,
        caller: Option<LaunchCaller<D>>,
    ) {
        let launch = self.next_launch();
        let key = Key { slot, launch };
        self.step(now, slot, |child, step| {
            child.set_plan(Plan::Launch(origin));
            let last_exit = child.last_exit().cloned();
            let checkpoint = child.take_checkpoint();
            let sums = child.sums();
            child
                .life
                .launch(key, last_exit, checkpoint, sums, caller, step);
        });
        if self.listening == Listening::On
            && let Some(child) = self.table.get(slot)
        {
            let (attempt, state) = (child.life.attempt, origin.shown());
            self.note(slot, EventKind::Launching { attempt, state });
        }
    }

    #[inline]
    pub(super) fn started(&mut self, now: Moment, key: Key, recall: Recall) {
        let Some(slot) = self.launched(key) else {
            return;
        };
        let started = self.step(now, slot, |child, step| {
            let (how, early) = child.life.started(recall, step)?;
            let then = match how {
                How::Runs | How::RunsAfterAll => {
                    let then = child.take_then();
                    child.set_plan(Plan::Run);
                    then
                }
                How::Late => {
                    let then = child.take_then();
                    child.plan_after(now, then, SessionState::Stopping, NO_BATCH);
                    Then::Remove(Over::NotStarted)
                }
                How::Stuck => Then::Remove(Over::NotStarted),
            };
            Some((how, then, early))
        });
        let Some((how, then, early)) = started else {
            return;
        };
        let child = self.table.get(slot);
        if child.is_some_and(|child| child.life.policy().may_expire()) {
            self.watch(now, slot);
        }
        if how == How::RunsAfterAll {
            self.goes_on(now, slot, then);
        }
        // Most sessions are waited for by nobody.
        let waited = self
            .table
            .get(slot)
            .is_some_and(|child| child.waiting.is_some());
        if waited {
            self.answer_joined_that_it_runs(slot);
        }
        match early {
            Some(seen) => self.judged(now, slot, Some(seen)),
            None if waited => self.next_in_queue(now, slot),
            None => {}
        }
    }

    /// The callers that waited were told that it runs, so its start timeout came too late to count.
    /// A stop goes on as the stop of a running session.
    fn goes_on(&mut self, now: Moment, slot: u32, then: Then<D>) {
        match then {
            Then::Remove(first) if self.wanted(slot) => self.ask_after_all(now, slot, first),
            Then::Remove(_) | Then::Retry | Then::Park => {}
            then @ Then::Relaunch(_) => self.begin_stop(now, slot, then, NO_BATCH),
        }
    }

    /// Whether a stop waits for the end of a launch that turned out to have succeeded in time.
    fn wanted(&self, slot: u32) -> bool {
        self.is_stopped(slot) || !self.serving()
    }

    /// Whether a caller stops it.
    pub(super) fn is_stopped(&self, slot: u32) -> bool {
        let child = self.table.get(slot);
        let waiting = child.and_then(|child| child.waiting.as_ref());
        waiting.is_some_and(|waiting| !waiting.stops.is_empty())
    }

    pub(super) fn start_failed(&mut self, now: Moment, key: Key, failure: Failure) {
        let lost = self.launched(key).and_then(|slot| {
            let (lost, text) = self.step(now, slot, |child, step| {
                let text = child.life.error_text();
                Some((child.life.start_failed(step)?, text))
            })?;
            Some((slot, lost, text))
        });
        match lost {
            Some((slot, Lost::Launching, text)) => {
                self.meter.not_started(NoStart::from(&failure));
                self.launch_failed(now, slot, failure, text);
            }
            Some((slot, lost @ (Lost::Cancelled | Lost::Stuck), _)) => {
                self.discard(Discard::Failure(failure));
                self.follow(now, slot, lost.into());
            }
            None => self.discard(Discard::Failure(failure)),
        }
    }

    /// A launch that was not cancelled has failed, and nothing of it is left.
    fn launch_failed(&mut self, now: Moment, slot: u32, failure: Failure, text: Option<Arc<str>>) {
        let Some(child) = self.table.get(slot) else {
            return self.discard(Discard::Failure(failure));
        };
        let temporary = child.life.policy().restart == Restart::Temporary;
        let origin = child.origin();
        self.answer_joined(slot, |caller| caller.failed(failure.clone()));
        let resumed = match origin {
            Origin::First => {
                self.note(slot, start_failed(failure, text));
                return self.leave(now, slot, Exit::NotRunning, Over::NotStarted);
            }
            Origin::Restart | Origin::Manual => false,
            Origin::Resume | Origin::Trial => true,
        };
        let ignored = matches!(failure, Failure::Ignored);
        let occasion = Occasion::failed(failure, text);
        let given_up = ignored || (temporary && !resumed);
        if given_up || !self.serving() {
            let why = if given_up {
                Over::NotStarted
            } else {
                self.closing()
            };
            self.record(now, slot, occasion.with(Decision::Forget));
            self.leave(now, slot, Exit::NotRunning, why);
        } else if resumed {
            self.park(now, slot, None, occasion);
        } else {
            self.retry(now, slot, occasion);
        }
    }

    /// A launch failed, and stuck children are left of it: it is stuck itself, and what follows
    /// comes when they have ended.
    pub(super) fn start_outlived(&mut self, now: Moment, key: Key, failure: Failure) {
        let lost = self.launched(key).and_then(|slot| {
            let (lost, text) = self.step(now, slot, |child, step| {
                let text = child.life.error_text();
                Some((child.life.start_outlived(step)?, text))
            })?;
            Some((slot, lost, text))
        });
        match lost {
            Some((slot, Lost::Launching, text)) => {
                self.meter.not_started(NoStart::from(&failure));
                let origin = self.plan_after_failed(now, slot);
                self.answer_joined(slot, |caller| caller.failed(failure.clone()));
                self.record(now, slot, failed(origin, failure, text));
                self.mark_stuck(now, slot);
            }
            Some((slot, Lost::Cancelled, _)) => {
                self.discard(Discard::Failure(failure));
                self.mark_stuck(now, slot);
            }
            Some((_, Lost::Stuck, _)) | None => self.discard(Discard::Failure(failure)),
        }
    }

    /// A failed attempt: the next one is counted now and made after a pause.
    pub(super) fn retry(&mut self, now: Moment, slot: u32, occasion: Occasion) {
        let Some(child) = self.table.get(slot) else {
            return;
        };
        let pause = retry_pause(child.life.attempt);
        self.decide_restart(now, slot, pause, occasion);
    }

    /// Launches a restarting child whose pause is over and whose last incarnation is released.
    #[inline]
    pub(super) fn relaunch_if_due(&mut self, now: Moment, slot: u32) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let Plan::Restart { due, manual } = &mut child.plan else {
            debug_assert!(false, "no restart is planned");
            return;
        };
        if *due > now {
            let due = *due;
            self.set_timer(slot, Some(due));
            return;
        }
        if !child.life.is_down() {
            self.set_timer(slot, None);
            return;
        }
        let manual = manual.take();
        if !self.serving() {
            if let Some(manual) = manual {
                let refusal = self.closed();
                self.answer(Reply::Restart(manual, refusal.into()));
            }
            self.leave(now, slot, Exit::NotRunning, self.closing());
            return;
        }
        let origin = if manual.is_some() {
            Origin::Manual
        } else {
            Origin::Restart
        };
        self.launch(now, slot, origin, manual.map(LaunchCaller::Restart));
    }

    /// A launch came to nothing: plans what follows when it is gone. Answers why it was made.
    pub(super) fn plan_after_failed(&mut self, now: Moment, slot: u32) -> Origin {
        self.drain_waits(now, slot);
        let origin = self.table.change(slot, |child| {
            let origin = child.origin();
            let (then, shown) = after_failed(origin, child.life.policy().restart);
            child.plan_after(now, then, shown, NO_BATCH);
            (origin, shown)
        });
        let (origin, state) = origin.unwrap_or((Origin::First, SessionState::Stopping));
        self.step_taken(slot, EventKind::LaunchCancelled { state });
        origin
    }

    /// Cancels the launch under way. What follows comes when it is gone.
    pub(super) fn cancel(
        &mut self,
        now: Moment,
        slot: u32,
        refusal: Refusal,
        then: Then<D>,
        shown: SessionState,
    ) {
        self.drain_waits(now, slot);
        self.step(now, slot, |child, step| {
            child.plan_after(now, then, shown, NO_BATCH);
            child.life.cancel(refusal.into(), step);
        });
        self.step_taken(slot, EventKind::LaunchCancelled { state: shown });
        self.answer_joined(slot, |caller| caller.refused(refusal));
    }
}

/// What follows a launch that came to nothing, once it is gone, and what others see until then. It
/// keeps its place, whichever callers have been told meanwhile.
fn after_failed<D: Domain>(origin: Origin, restart: Restart) -> (Then<D>, SessionState) {
    match origin {
        Origin::First => (Then::Remove(Over::NotStarted), SessionState::Stopping),
        Origin::Manual if restart == Restart::Temporary => {
            (Then::Remove(Over::NotStarted), SessionState::Stopping)
        }
        Origin::Resume | Origin::Trial => (Then::Park, SessionState::Restarting),
        Origin::Manual | Origin::Restart => (Then::Retry, SessionState::Restarting),
    }
}

fn start_failed(failure: Failure, text: Option<Arc<str>>) -> Happening {
    let (failure, error) = StartFailure::of(failure, text);
    let kind = EventKind::StartFailed { failure };
    Happening::new(kind, error)
}

/// Of one whose launch failed and of which stuck children are left.
fn failed(origin: Origin, failure: Failure, text: Option<Arc<str>>) -> Happening {
    match origin {
        Origin::First => start_failed(failure, text),
        Origin::Restart | Origin::Manual | Origin::Resume | Origin::Trial => {
            Occasion::failed(failure, text).with(Decision::Undecided(Pending::Release))
        }
    }
}
