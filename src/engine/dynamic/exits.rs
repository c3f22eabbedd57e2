//! Exits: from the event and the release to the restart.
//!
//! An incarnation has ended when its exit is known and nothing of it is left. The exit is judged at
//! the event, and a restart is decided and counted there (D8); it is made at the release. Where no
//! event came, or none can come any more, the release alone counts.
//!
//! ractor's reasons decide nothing: an exit is judged by what was asked and by the mark.

use super::ending::Gone;
use super::restarts::{Occasion, Standing};
use super::{Engine, Mode};
use crate::engine::child::{Child, Plan, Tally, Then};
use crate::engine::counts::SessionState;
use crate::engine::decision::{Decision, Pending};
use crate::engine::end::Over;
use crate::engine::exit::{Exit, Mark, Seen, complete};
use crate::engine::incarnation::Key;
use crate::engine::io::{Discard, Domain, Events, Recall, Reply};
use crate::engine::lifecycle::{End, Told, Was};
use crate::engine::moment::Moment;
use std::time::Duration;

impl<D: Domain> Engine<D> {
    pub(super) fn exited(&mut self, now: Moment, id: &str, actor: u64, seen: Seen) {
        let Some(slot) = self.table.find(id) else {
            self.discard(Discard::Seen(seen));
            return;
        };
        let told = self.step(now, slot, |child, step| {
            if child.life.actor() == Some(actor) {
                child.life.seen(seen, step)
            } else {
                Told::Late(seen)
            }
        });
        match told {
            Told::Early => {}
            Told::Ends(seen) => self.judged(now, slot, Some(seen)),
            Told::Late(seen) => self.told_late(slot, actor, seen),
        }
    }

    /// A session that failed or stopped tells of its end itself, unless its start is unreported:
    /// then its release is early enough.
    #[inline]
    pub(super) fn ended_early(&mut self, now: Moment, key: Key) {
        if let Some(slot) = self.launched(key)
            && let Some(child) = self.table.get(slot)
            && child.life.state().is_alive()
        {
            self.judged(now, slot, None);
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
        let end = self.step_within(now, slot, |child, step| {
            let told = child.ends_since();
            let first = child.first();
            // Nobody asks for the exit of one that is forgotten next.
            let forgotten = is_forgotten_next(child);
            let history = &mut child.history;
            let mark = child.life.mark();
            let end = child.life.end(mark, seen, told, step, |last| {
                if forgotten {
                    return Some(last);
                }
                let history = history.get_or_insert_default();
                history.first = first;
                history.last.replace(last)
            })?;
            Some((end, mark))
        });
        let Some((end, mark)) = end else {
            return;
        };
        let healthy = self.healthy(slot);
        match end.was {
            Was::Running => {
                let occasion = Occasion::exited(&end);
                let Some(child) = self.table.get_mut(slot) else {
                    return;
                };
                child.life.attempt = 0;
                let standing = Standing::of(child).after_life(end.lived, healthy);
                standing.keep(child);
                self.ended_by_itself(now, slot, end.exit, mark, occasion);
            }
            Was::Stopping => self.ended_as_asked(now, slot, end, healthy),
            // A stuck child that ends is released as usual.
            Was::Stuck => {
                self.record(
                    now,
                    slot,
                    Occasion::exited(&end).with(Decision::Undecided(Pending::Release)),
                );
                self.discard_exit(slot, end.exit);
            }
        }
    }

    #[inline]
    fn ended_by_itself(
        &mut self,
        now: Moment,
        slot: u32,
        exit: Exit,
        mark: Mark,
        occasion: Occasion,
    ) {
        let comes_back = self
            .table
            .get(slot)
            .is_some_and(|child| child.life.policy().restart.comes_back(mark));
        if !self.serving() || !comes_back {
            let why = if comes_back {
                self.closing()
            } else {
                Over::Itself
            };
            self.record(now, slot, occasion.with(Decision::Forget));
            self.leave(now, slot, exit, why);
            return;
        }
        self.discard_exit(slot, exit);
        self.decide_restart(now, slot, Duration::ZERO, occasion);
    }

    fn ended_as_asked(&mut self, now: Moment, slot: u32, end: End, healthy: Duration) {
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        let batch = child.take_batch();
        let then = child.take_then();
        // A success that came too late was a failed attempt, so the pauses go on growing (D7).
        if !matches!(then, Then::Retry | Then::Park) {
            child.life.attempt = 0;
            if end.lived >= healthy {
                child.reset_backoff();
            }
        }
        let decision = match then {
            Then::Relaunch(_) if self.serving() => Decision::RestartByHand,
            Then::Retry | Then::Park if self.serving() => Decision::Undecided(Pending::Attempt),
            _ => Decision::Forget,
        };
        let told = Occasion::exited(&end).with(decision);
        let exit = match end.recall {
            Recall::InTime => end.exit,
            Recall::TooLate => {
                self.discard_exit(slot, end.exit);
                Exit::NotRunning
            }
        };
        self.record(now, slot, told);
        match then {
            Then::Remove(why) => self.leave(now, slot, exit, why),
            Then::Relaunch(ticket) if self.serving() => {
                self.set_timer(slot, None);
                let manual = Some(ticket);
                self.plan(slot, Plan::Restart { due: now, manual });
                self.discard_exit(slot, exit);
            }
            Then::Relaunch(ticket) => {
                let refusal = self.closed();
                self.answer(Reply::Restart(ticket, refusal.into()));
                self.leave(now, slot, exit, self.closing());
            }
            Then::Retry if self.serving() => {
                self.discard_exit(slot, exit);
                self.retry(now, slot, Occasion::TOLD);
            }
            Then::Park if self.serving() => {
                self.discard_exit(slot, exit);
                self.park(now, slot, None, Occasion::TOLD);
            }
            Then::Retry | Then::Park => self.leave(now, slot, exit, self.closing()),
        }
        self.stop_finished(batch);
    }

    pub(super) fn joined(&mut self, now: Moment, key: Key) {
        let Some(slot) = self.launched(key) else {
            return;
        };
        if let Some(child) = self.table.get_mut(slot) {
            child.life.joined();
        }
        if self.lost(slot) {
            self.release(now, slot);
        }
    }

    /// Whether only the state is left, and no event of the end can come any more: then the join alone
    /// counts.
    pub(super) fn lost(&self, slot: u32) -> bool {
        self.events == Events::Over
            && self
                .table
                .get(slot)
                .is_some_and(|child| child.life.is_lost())
    }

    /// Only stuck children are left of the present launch, so it is stuck itself. While all are
    /// stopped no caller needs its id any more, and its report is whole.
    pub(super) fn outlived(&mut self, now: Moment, key: Key) {
        let Some(slot) = self.launched(key) else {
            return;
        };
        if !self.serving() {
            self.release(now, slot);
            return;
        }
        self.judged_at_last(now, slot);
        let Some(child) = self.table.get_mut(slot) else {
            return;
        };
        child.life.outlived();
        if let Plan::Forget { .. } = child.plan {
            self.mark_stuck(now, slot);
        }
    }

    /// No event has told of the end so far.
    fn judged_at_last(&mut self, now: Moment, slot: u32) {
        let child = self.table.get(slot);
        if child.is_some_and(|child| !child.life.state().has_ended()) {
            self.judged(now, slot, None);
        }
    }

    /// Nothing of the present launch is left.
    #[inline]
    pub(super) fn release(&mut self, now: Moment, slot: u32) {
        self.judged_at_last(now, slot);
        let Some(child) = self.table.get(slot) else {
            return;
        };
        let counted = match &child.plan {
            Plan::Forget { exit, tally, .. } => *tally == Tally::Count && *exit != Exit::NotRunning,
            Plan::After { .. } => true,
            _ => false,
        };
        if let Mode::Stopping(stop) = &mut self.mode
            && counted
        {
            stop.report.add(child.life.report());
        }
        self.step_within(now, slot, |child, step| child.life.release(step));
        match self.table.get(slot).map(|child| &child.plan) {
            Some(Plan::Forget { .. }) => self.remove(now, slot, None),
            Some(Plan::Restart { .. }) => self.relaunch_if_due(now, slot),
            Some(Plan::Park { .. }) => {
                self.next_in_queue(now, slot);
                self.try_again(now, slot);
            }
            Some(Plan::After { .. }) => self.follow(now, slot, Gone::Stuck),
            Some(Plan::InLine { .. } | Plan::Launch(_) | Plan::Run) | None => {}
        }
    }
}

/// Whether it will be forgotten when its present incarnation has ended, and shows nothing of that until
/// then.
const fn is_forgotten_next<D: Domain>(child: &Child<D>) -> bool {
    let forgotten = matches!(
        child.plan,
        Plan::After {
            then: Then::Remove(_),
            shown: SessionState::Stopping,
            ..
        }
    );
    forgotten && child.history.is_none()
}
