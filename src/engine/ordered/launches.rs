//! Launches: from the order to the report, with the start timeout and cancellation (D16).
//!
//! The shell decides the race between a report and a cancellation, and says so with the report.

use std::sync::Arc;

use super::child::{Origin, Then};
use super::exits::Gone;
use super::sets::Follows;
use super::{Mode, OrderedEngine};
use crate::engine::decision::{Decision, Pending};
use crate::engine::event::{EventKind, Happening, StartFailure};
use crate::engine::incarnation::Key;
use crate::engine::io::{Cancellation, Discard, Domain, Failure, LaunchCaller, Recall};
use crate::engine::lifecycle::{How, Lost};
use crate::engine::moment::Moment;

impl<D: Domain> OrderedEngine<D> {
    /// Orders a launch. Nothing of an earlier one may be left.
    pub(super) fn launch(
        &mut self,
        now: Moment,
        slot: u32,
        origin: Origin,
        caller: Option<LaunchCaller<D>>,
    ) {
        let launch = self.next_launch();
        let key = Key { slot, launch };
        self.step(now, slot, |child, step| {
            child.then = Then::Failed(origin);
            child.again = None;
            if origin == Origin::Restart {
                child.restarts += 1;
            }
            let last_exit = child.last_exit().cloned();
            let checkpoint = child.take_checkpoint();
            child
                .life
                .launch(key, last_exit, checkpoint, None, caller, step);
        });
    }

    pub(super) fn started(&mut self, now: Moment, key: Key, recall: Recall) {
        let Some(slot) = self.launched(key) else {
            return;
        };
        let started = self.step(now, slot, |child, step| {
            let (how, early) = child.life.started(recall, step)?;
            match how {
                How::Runs | How::RunsAfterAll => {
                    child.then = Then::Rest;
                    child.has_run = true;
                }
                How::Late | How::Stuck => {}
            }
            Some((how, early, child.stops.is_empty()))
        });
        let Some((how, early, unasked)) = started else {
            return;
        };
        // The callers that waited were told that it runs, so its start timeout came too late to
        // count. A stop of this child goes on; in a stop of the group the child has a turn.
        if how == How::RunsAfterAll && !unasked && !matches!(self.mode, Mode::Stopping(_)) {
            self.begin_stop(now, slot, Then::Rest);
        }
        if let Some(seen) = early {
            self.judged(now, slot, Some(seen));
        }
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
            Some((slot, Lost::Launching, text)) => self.launch_failed(now, slot, failure, text),
            Some((slot, Lost::Cancelled, _)) => {
                self.discard(Discard::Failure(failure));
                self.gone(now, slot, Gone::Usual);
            }
            Some((slot, Lost::Stuck, _)) => {
                self.discard(Discard::Failure(failure));
                self.gone(now, slot, Gone::Stuck);
            }
            None => self.discard(Discard::Failure(failure)),
        }
    }

    /// A launch that was not cancelled has failed, and nothing of it is left.
    //
    // OTP: a start that answers ignore is none that failed: its spec is kept, unless it is
    // temporary, and the others go on.
    fn launch_failed(&mut self, now: Moment, slot: u32, failure: Failure, text: Option<Arc<str>>) {
        let Some(child) = self.get_mut(slot) else {
            return self.discard(Discard::Failure(failure));
        };
        let then = child.then;
        let ignored = matches!(failure, Failure::Ignored);
        let begins = then == Then::Failed(Origin::Begin);
        let again = !ignored && then == Then::Failed(Origin::Restart);
        if ignored || again || begins {
            child.then = Then::Rest;
        }
        let follows = if again {
            self.launch_came_to_nothing(now, slot, then)
        } else {
            None
        };
        let follows = follows.unwrap_or(Follows::NOTHING);
        let told = failed(then, failure.clone(), text, follows.decision);
        self.record(now, slot, told);
        if !ignored && begins {
            self.begin_failed(now, slot, failure);
        } else {
            self.discard(Discard::Failure(failure));
        }
        self.gone(now, slot, Gone::Usual);
        self.follow(now, slot, follows);
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
                let then = self.get(slot).map_or(Then::Rest, |child| child.then);
                let decision = match then {
                    Then::Failed(Origin::Restart) => Decision::Undecided(Pending::Tree),
                    Then::Failed(Origin::Begin | Origin::First | Origin::Manual) | Then::Rest => {
                        Decision::Nothing
                    }
                };
                let told = failed(then, failure.clone(), text, decision);
                self.record(now, slot, told);
                if then == Then::Failed(Origin::Begin) {
                    self.begin_failed(now, slot, failure);
                } else {
                    self.discard(Discard::Failure(failure));
                }
                self.mark_stuck(now, slot);
            }
            Some((slot, Lost::Cancelled, _)) => {
                self.discard(Discard::Failure(failure));
                self.mark_stuck(now, slot);
            }
            Some((_, Lost::Stuck, _)) | None => self.discard(Discard::Failure(failure)),
        }
    }

    /// Cancels the launch under way. What follows comes when it is gone: no other attempt.
    pub(super) fn cancel(&mut self, now: Moment, slot: u32, why: Cancellation) {
        self.step(now, slot, |child, step| {
            child.then.give_up();
            child.life.cancel(why, step);
        });
    }
}

fn failed(then: Then, failure: Failure, text: Option<Arc<str>>, decision: Decision) -> Happening {
    let (failure, error) = StartFailure::of(failure, text);
    let kind = match then {
        Then::Failed(Origin::Begin | Origin::First) => EventKind::StartFailed { failure },
        Then::Failed(Origin::Restart | Origin::Manual) | Then::Rest => {
            EventKind::RestartFailed { failure, decision }
        }
    };
    Happening::new(kind, error)
}
