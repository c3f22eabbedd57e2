//! How a supervisor drains (D30). It is a stop of another manner: nothing is started any more, what
//! does not run is ended at once, and the running sessions are asked in the order of their first
//! start. But each handles its messages first, at most so many have been asked and are not gone, one
//! that asks is granted more time, and it is told what became of each.
//!
//! `stopping` makes the steps; what is kept is in `waits`, and whose turn it is in `turns`. A stop
//! that comes meanwhile turns the drain into a stop, whose deadline is the earlier of both.

use std::time::Duration;

use super::pace::NO_BATCH;
use super::stopping::Stop;
use super::turns::Load;
use super::waits::{Draining, Manner};
use super::{Engine, Mode, STEP};
use crate::engine::child::{Child, Then};
use crate::engine::counts::SessionState;
use crate::engine::drain::{
    DrainAnswer, DrainOrder, DrainProgress, MoreTimeAnswer, ProgressAnswer,
};
use crate::engine::end::Over;
use crate::engine::event::EventKind;
use crate::engine::exit::Exit;
use crate::engine::io::{Caller, Domain, Effect, Refusal, Reply, StopCause};
use crate::engine::lifecycle::{State, Supervisor};
use crate::engine::moment::Moment;
use crate::engine::restart::ChildKind;

impl<D: Domain> Stop<D> {
    /// Whether it is a drain, and no stop.
    pub(super) fn drains(&self) -> bool {
        let drain = self.drain.as_ref();
        drain.is_some_and(|drain| drain.manner == Manner::Gently)
    }
}

impl<D: Domain> Engine<D> {
    /// Begins to drain, or joins the drain or the stop under way: the earlier deadline, the smaller
    /// number of sessions at a time and the smaller grants count.
    pub(super) fn drain(&mut self, now: Moment, order: DrainOrder, ticket: D::Ticket<DrainAnswer>) {
        let deadline = Some(now.after(order.within));
        let manner = match self.mode {
            Mode::Ended => return self.effect(Effect::JoinDrain { ticket }),
            Mode::Serving => {
                self.enter_stop(now, StopCause::Drained, deadline, None);
                Manner::Gently
            }
            Mode::Stopping(_) => Manner::AsInAStop,
        };
        let sessions = self.table.counts().specs;
        let mut gone = Vec::new();
        let Mode::Stopping(stop) = &mut self.mode else {
            debug_assert!(false, "it drains, and does not stop");
            return;
        };
        match &mut stop.drain {
            Some(drain) => gone = drain.join(now, order, ticket),
            None => {
                let drain = Draining::new(now, sessions, manner, order, ticket);
                stop.drain = Some(Box::new(drain));
                if manner == Manner::AsInAStop {
                    // It learns what is ending already.
                    self.sweep_again(now);
                }
            }
        }
        self.discard_all(gone.into_iter().map(Caller::Drain));
        self.shorten(now, deadline);
        self.share_turns_anew();
    }

    pub(super) fn draining(&mut self) -> Option<&mut Draining<D>> {
        match &mut self.mode {
            Mode::Stopping(Stop { drain, .. }) => drain.as_deref_mut(),
            Mode::Serving | Mode::Ended => None,
        }
    }

    /// Why nothing is started or changed any more.
    pub(super) fn closed(&self) -> Refusal {
        match &self.mode {
            Mode::Stopping(stop) if stop.drains() => Refusal::Draining,
            Mode::Stopping(_) | Mode::Serving | Mode::Ended => Refusal::Down,
        }
    }

    /// How much there is to do for a drain.
    fn load(&self) -> Load {
        Load {
            deadline: self.deadline().unwrap_or(Moment::NEVER),
            waiting: self.table.counts().active,
        }
    }

    fn share_turns_anew(&mut self) {
        let load = self.load();
        if let Some(drain) = self.draining() {
            drain.share_anew(load);
        }
    }

    /// Asks a running session to end: by its own rule in a stop, and with its messages handled first
    /// in a drain.
    pub(super) fn ask_to_end(&mut self, now: Moment, slot: u32, batch: u32) {
        let mut load = self.load();
        // It does not wait for itself.
        load.waiting = load.waiting.saturating_sub(1);
        let why = self.closing();
        let gently = |drain: &&mut Draining<D>| drain.manner == Manner::Gently;
        let Some(drain) = self.draining().filter(gently) else {
            return self.begin_stop(now, slot, Then::Remove(why), batch);
        };
        let deadline = Some(drain.ask(now, slot, load).min(load.deadline));
        self.step(now, slot, |child, step| {
            step.supervisor = Supervisor::Stops { deadline };
            child.plan_after(now, Then::Remove(why), SessionState::Stopping, batch);
            child.life.drain(step);
        });
    }

    /// A session runs although its start was cancelled, and the callers were told that it does.
    /// `first`: for what that was.
    pub(super) fn ask_after_all(&mut self, now: Moment, slot: u32, first: Over) {
        if let Some(drain) = self.draining() {
            drain.runs_after_all(slot);
        }
        if self.is_stopped(slot) {
            // It has started in time, so that is no reason any more.
            let why = match first {
                Over::NotStarted => Over::Requested,
                first => first,
            };
            self.begin_stop(now, slot, Then::Remove(why), NO_BATCH);
        } else {
            self.ask_to_end(now, slot, NO_BATCH);
        }
    }

    /// Ends the turns that are over and that others wait for.
    pub(super) fn end_turns(&mut self, now: Moment) {
        for _ in 0..STEP {
            let load = self.load();
            let Some(slot) = self.draining().and_then(|drain| drain.end_turn(now, load)) else {
                return;
            };
            let due = self.step(now, slot, |child, step| child.life.turn_over(step));
            self.is_due(now, slot, due);
        }
    }

    /// The drain waits for the end of a session, if it does not already. What is to become of the
    /// session has not been changed for that yet.
    pub(super) fn drain_waits(&mut self, now: Moment, slot: u32) {
        if let Mode::Stopping(Stop {
            drain: Some(drain), ..
        }) = &mut self.mode
            && let Some(child) = self.table.get(slot)
        {
            drain.wait_for(now, slot, child);
        }
    }

    /// The session is stuck from now on. What is to become of it has not been changed for that yet.
    pub(super) fn drain_gives_up(&mut self, now: Moment, slot: u32) {
        if let Mode::Stopping(Stop {
            drain: Some(drain), ..
        }) = &mut self.mode
            && let Some(child) = self.table.get(slot)
        {
            drain.give_up(now, slot, child);
        }
    }

    /// Nothing is left of a session.
    pub(super) fn drained(&mut self, now: Moment, slot: u32, child: &Child<D>, exit: &Exit) {
        if let Some(drain) = self.draining() {
            drain.ended(now, slot, child, exit);
        }
    }

    /// All are gone or stuck.
    pub(super) fn finish_drain(&mut self, now: Moment, mut drain: Draining<D>) {
        drain.finish(now, |slot| self.table.get(slot));
        let last = drain.progress(0);
        let answer = if last == drain.told {
            ProgressAnswer::Over
        } else {
            ProgressAnswer::At(last)
        };
        let (ends, tickets, readers) = drain.into_parts();
        let tickets = tickets.into_iter().collect();
        for reader in readers {
            self.answer(Reply::DrainProgress(reader, answer));
        }
        self.effect(Effect::Drained { ends, tickets });
    }

    /// Answers when the drain has come further than the caller has seen.
    pub(super) fn read_progress(
        &mut self,
        seen: Option<DrainProgress>,
        ticket: D::Ticket<ProgressAnswer>,
    ) {
        let waiting = self.table.counts().active;
        let Some(drain) = self.draining() else {
            self.answer(Reply::DrainProgress(ticket, ProgressAnswer::Over));
            return;
        };
        let progress = drain.progress(waiting);
        if seen != Some(progress) {
            self.answer(Reply::DrainProgress(ticket, ProgressAnswer::At(progress)));
            return;
        }
        drain.told = progress;
        let gone = drain.readers.add(ticket);
        self.discard_all(gone.into_iter().map(Caller::DrainProgress));
    }

    /// Tells those who wait for it that the drain has come further.
    pub(super) fn tell_progress(&mut self) {
        let waiting = self.table.counts().active;
        let Some(drain) = self.draining().filter(|drain| !drain.readers.is_empty()) else {
            return;
        };
        let progress = drain.progress(waiting);
        if progress == drain.told {
            return;
        }
        drain.told = progress;
        for reader in std::mem::take(&mut drain.readers) {
            self.answer(Reply::DrainProgress(reader, ProgressAnswer::At(progress)));
        }
    }

    /// A session asks for more time to end.
    pub(super) fn more_time(
        &mut self,
        now: Moment,
        id: &str,
        time: Duration,
        ticket: D::Ticket<MoreTimeAnswer>,
    ) {
        let answer = self.grant(now, id, time);
        self.answer(Reply::MoreTime(ticket, answer));
    }

    fn grant(&mut self, now: Moment, id: &str, time: Duration) -> MoreTimeAnswer {
        let found = self.table.find(id);
        let load = self.load();
        let stop = match &mut self.mode {
            Mode::Serving => None,
            Mode::Stopping(stop) if stop.drains() => Some(stop),
            Mode::Stopping(_) | Mode::Ended => return MoreTimeAnswer::Down,
        };
        let Some(slot) = found else {
            return MoreTimeAnswer::NotFound;
        };
        let drain = stop.and_then(|stop| Some((stop.drain.as_deref_mut()?, &mut stop.deadline)));
        let asked = drain.filter(|(drain, _)| drain.has_asked(slot));
        let (Some((drain, deadline)), Some(child)) = (asked, self.table.get(slot)) else {
            return MoreTimeAnswer::NotDraining;
        };
        let until = match child.life.state() {
            State::Stopping { until } if load.deadline > now => until,
            // It was killed, or is about to be.
            _ => return MoreTimeAnswer::Has(Duration::ZERO),
        };
        let policy = child.life.policy();
        let due = drain.due(slot, load).min(until.unwrap_or(Moment::NEVER));
        let most = match policy.kind {
            // A tree has shared out its time among its children.
            ChildKind::Supervisor => due,
            ChildKind::Worker => drain.most(slot, policy.shutdown.gently(), load).max(due),
        };
        let wish = now.after(time);
        let new = wish.min(most).max(due);
        if new > due {
            *deadline = Some(drain.grant(slot, new, load));
            self.note(slot, EventKind::MoreTime(new.since(now)));
            self.step(now, slot, |child, step| child.life.give_time(new, step));
        }
        MoreTimeAnswer::Has(new.min(wish).since(now))
    }
}
