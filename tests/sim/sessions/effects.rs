//! What the engine does: each effect is carried out in the world and held against the model.
//!
//! `says` checks what the engine says, and `checks` what it should have done and did not.

use std::time::Duration;

use session_supervisor::engine::{
    Cancellation, Context, Discard, Effect, EndReason, Key, Moment, Recall, Refusal, Restart,
    SessionState, Shutdown, Spec, StopWay,
};

use crate::checkpoints::Begins;
use crate::domain::{SimDomain, SimLife, SimSpec, Ticket, Waiter};
use crate::sessions::model::{Entry, Origin, Outcome};
use crate::sessions::sim::Sim;
use crate::sessions::tickets::Kind;
use crate::told::{launches_for, told, untold};
use crate::world::Run;

impl Sim {
    pub(super) fn carry_out(&mut self, effect: Effect<SimDomain>) {
        match effect {
            Effect::Launch {
                context,
                spec,
                life,
                caller,
            } => {
                let ticket = caller.as_ref().map(launches_for);
                self.launch(&context, spec, life, ticket);
            }
            Effect::Cancel { life, why } => self.cancel(life.0.key, why),
            Effect::StopWithin { life, way, within } => {
                let (index, _) = self.meant(life.0.key);
                let run = &self.world.runs[index];
                assert!(run.stopped.is_some() && run.killed.is_none() && !run.judged());
                assert_eq!(way == StopWay::Drain, run.drains());
                assert_eq!(
                    run.spec.policy().kind,
                    session_supervisor::engine::ChildKind::Supervisor
                );
                let left = |at: Moment| at.since(self.world.now);
                let range = self.model.deadline.map(left)..=self.model.must.map(left);
                assert!(range.contains(&Some(within)), "less time than there is");
            }
            Effect::Stop { life, way, within } => self.told_to_stop(life.0.key, way, within),
            Effect::Kill { life } => self.told_to_die(life.0.key),
            Effect::Answer(reply) => {
                let (ticket, told) = told(&reply);
                self.tickets.answer_with(ticket, &told);
                self.judge_answer(ticket, &told);
            }
            Effect::Discard(Discard::Caller(caller)) => self.tickets.drop(untold(&caller)),
            Effect::Discard(Discard::Checkpoint(carried)) => {
                self.world.checkpoints.given_up(carried, &self.world.runs);
            }
            Effect::Discard(_) => {}
            Effect::Claimed { claim, id } => self.claimed(claim, &id),
            Effect::Unclaimed { claim } => self.unclaimed(&claim),
            Effect::BeginStop { cause } => self.supervisor_stops(cause),
            Effect::Note {
                id,
                incarnation,
                kind,
                error,
                repeat,
                ..
            } => {
                let now = self.world.now;
                self.summed.check((&id, incarnation), now, &kind, repeat);
                let id = self.index(&id);
                self.tell_follower(id, incarnation, &kind);
                self.note(id, &kind, error.as_ref());
            }
            Effect::Finished {
                report, tickets, ..
            } => {
                assert!(!self.world.finished, "Finished comes twice");
                self.world.finished = true;
                self.world.report = Some(report);
                for Waiter(ticket) in tickets {
                    assert_eq!(self.tickets.0[ticket].kind, Kind::Supervisor);
                    self.tickets.answer(ticket);
                }
            }
            Effect::JoinEnd {
                ticket: Waiter(ticket),
            } => {
                assert!(self.world.finished, "nothing to join");
                assert_eq!(self.tickets.0[ticket].kind, Kind::Supervisor);
                self.tickets.answer(ticket);
            }
            Effect::Drained { ends, tickets } => self.drained(&ends, tickets),
            Effect::JoinDrain {
                ticket: Waiter(ticket),
            } => {
                assert!(self.world.finished, "nothing to join");
                assert_eq!(self.tickets.0[ticket].kind, Kind::Drain);
                self.tickets.answer(ticket);
            }
        }
    }

    fn launch(&mut self, context: &Context, spec: SimSpec, life: SimLife, ticket: Option<Ticket>) {
        let id = self.index(&context.id);
        let now = self.world.now;
        assert!(self.model.serving, "a launch after the supervisor's stop");
        let index = self.world.runs.len();
        assert_eq!(life.0.key.launch.0, index as u64 + 1, "launch numbers");
        assert!(
            self.world.runs.iter().all(|run| run.id != id || run.gone()),
            "two incarnations of one id"
        );
        if let Some(ticket) = ticket {
            self.tickets.launch(ticket, id);
        }
        self.model.bury(now, &self.world.runs);
        let full = self.model.places(id) >= self.model.settings.max_sessions;
        let taken = ticket.and_then(|ticket| self.claim_taken(ticket));
        let group_is_full = self.model.group_is_full(spec.group(), id);
        match &mut self.model.entries[id] {
            None => {
                let caller = &self.tickets.0[ticket.expect("a first start has a caller")];
                assert!(caller.kind.starts());
                let asked = caller.spec.as_ref().expect("a start has a spec");
                assert!(std::rc::Rc::ptr_eq(&asked.0, &spec.0), "another's spec");
                assert!(!full, "a first start without a place");
                assert_eq!(taken, None, "a first start without its claims");
                self.model.admit(now, id, spec.group());
                self.model.lives += 1;
                self.model.entries[id] = Some(Entry {
                    life: self.model.lives,
                    spec: spec.kept(),
                    shown: Some(SessionState::Starting),
                    origin: Origin::First,
                    run: index,
                    incarnation: 1,
                    attempt: 1,
                    restarts: 0,
                    step: 0,
                    log: crate::limits::Log::default(),
                    due: now,
                    doomed: false,
                    stopped: None,
                    relaunch: false,
                    parking: None,
                    retry: None,
                    missed: false,
                    came_back: false,
                    exit: None,
                    outcome: Outcome::NotRunning,
                    why: None,
                });
            }
            Some(entry) => {
                assert!(!entry.doomed, "a launch of an id that was stopped");
                let by_hand = ticket.map(|ticket| self.tickets.0[ticket].kind);
                assert!(by_hand.is_none_or(|kind| kind == Kind::Restart));
                entry.origin = match (entry.shown, by_hand) {
                    (Some(SessionState::Parked), Some(_)) => {
                        assert!(!full, "a resume without a place");
                        assert!(!group_is_full, "a resume without a place in its group");
                        entry.log = crate::limits::Log::default();
                        entry.step = 0;
                        entry.parking = None;
                        Origin::Resume
                    }
                    (Some(SessionState::Parked), None) => {
                        assert!(!full, "a trial without a place");
                        assert!(!group_is_full, "a trial without a place in its group");
                        let retry = entry.retry.expect("it is tried again");
                        assert!(now >= retry, "a trial before its pause is over");
                        let parking = entry.parking.as_mut().expect("it is parked");
                        parking.trials += 1;
                        entry.restarts += 1;
                        Origin::Trial
                    }
                    (Some(SessionState::Restarting), Some(_)) => Origin::Manual,
                    (Some(SessionState::Restarting), None) => {
                        assert!(now >= entry.due, "a restart before its pause is over");
                        assert!(!entry.relaunch, "a restart by hand lost its caller");
                        Origin::Restart
                    }
                    other => panic!("a launch of an id that is {other:?}"),
                };
                entry.shown = Some(SessionState::Restarting);
                entry.relaunch = false;
                entry.run = index;
                entry.incarnation += 1;
                entry.attempt += 1;
                assert!(
                    std::rc::Rc::ptr_eq(&entry.spec.0, &spec.0),
                    "another's spec"
                );
            }
        }
        let entry = self.model.entry(id);
        assert_eq!(context.incarnation, entry.incarnation, "incarnation");
        assert_eq!(context.attempt, entry.attempt, "attempt");
        assert_eq!(
            context.last_exit.is_some(),
            entry.exit.is_some(),
            "last exit"
        );
        let begins = match context.incarnation {
            1 => Begins::Anew,
            _ => Begins::WhereItWas,
        };
        let before = self.world.runs.iter().rposition(|run| run.id == id);
        self.world.checkpoints.launched(begins, before, &life);
        let (life, spec) = (life.kept(), spec.kept());
        self.world
            .runs
            .push(Run::new(id, life, spec, ticket, now, &mut self.world.rng));
        self.world.active.push(index);
    }

    /// The run that an effect means: it must be the present one of its id.
    fn meant(&mut self, key: Key) -> (usize, usize) {
        let index = usize::try_from(key.launch.0 - 1).unwrap();
        let id = self.world.runs[index].id;
        assert_eq!(
            self.model.entry(id).run,
            index,
            "an effect for an old launch"
        );
        (index, id)
    }

    fn cancel(&mut self, key: Key, why: Cancellation) {
        let (index, id) = self.meant(key);
        let run = &mut self.world.runs[index];
        assert!(
            !run.reported && run.cancelled.is_none(),
            "a cancel out of place"
        );
        run.cancelled = Some(self.world.now);
        self.model.drain_waits(self.world.now, id);
        let run = &mut self.world.runs[index];
        let entry = self.model.entries[id].as_mut().unwrap();
        let temporary = entry.spec.policy().restart == Restart::Temporary;
        match why {
            Cancellation::TimedOut(after) => {
                assert_eq!(after, run.spec.policy().start_timeout);
                assert!(
                    self.world.now >= run.launched.after(after),
                    "timed out too early"
                );
                entry.shown = match entry.origin {
                    Origin::First => Some(SessionState::Stopping),
                    Origin::Manual if temporary => Some(SessionState::Stopping),
                    _ => Some(SessionState::Restarting),
                };
                if entry.shown == Some(SessionState::Stopping) {
                    entry.why.get_or_insert(EndReason::NotStarted);
                }
            }
            Cancellation::Refused(Refusal::Stopped) => {
                assert!(entry.doomed);
                entry.shown = Some(SessionState::Stopping);
            }
            Cancellation::Refused(refusal @ (Refusal::Down | Refusal::Draining)) => {
                assert!(!self.model.serving);
                let drains = self.model.drain.as_ref().is_some_and(|drain| drain.gently);
                assert_eq!(drains, refusal == Refusal::Draining);
                let cause = self.model.cause.expect("it stops");
                entry.why.get_or_insert(EndReason::Supervisor(cause));
                entry.shown = Some(SessionState::Stopping);
            }
            other => panic!("a launch is cancelled with {other:?}"),
        }
        if run.cancel()
            && let Some(ticket) = run.ticket
        {
            self.tickets.answer_with(ticket, &why.into());
        }
    }

    /// Whether there is a reason to end a run.
    fn wanted(&mut self, index: usize, id: usize) -> bool {
        let restarts = |kind| kind == Kind::Restart;
        let queued = self
            .tickets
            .waiting(|caller| caller.id == id && restarts(caller.kind) && !caller.launched);
        let entry = self.model.entry(id);
        if entry.doomed || !self.model.serving || self.world.runs[index].recall == Recall::TooLate {
            return true;
        }
        // Perhaps it was the turn of one that had waited.
        let entry = self.model.entry(id);
        entry.relaunch |= queued.is_some();
        entry.relaunch
    }

    fn told_to_stop(&mut self, key: Key, way: StopWay, within: Option<Duration>) {
        let (index, id) = self.meant(key);
        let late = self.model.is_cut(self.world.now);
        let wanted = self.wanted(index, id);
        self.model.drain_waits(self.world.now, id);
        let gently = self.asks_gently(index, id);
        let run = &mut self.world.runs[index];
        assert!(run.reported && !run.judged(), "a stop out of place");
        assert!(run.stopped.is_none() && run.killed.is_none(), "two stops");
        run.gently = gently;
        let shutdown = run.spec.policy().shutdown;
        assert!(!late && (gently || shutdown != Shutdown::BrutalKill));
        assert!(wanted, "a stop unasked");
        assert_eq!(way == StopWay::Drain, run.drains());
        self.has_its_time(index, within);
        let run = &mut self.world.runs[index];
        run.stopped = Some(self.world.now);
        run.told_to_stop = true;
        self.model.show(id, SessionState::Stopping);
        self.ends_with_the_supervisor(id);
    }

    fn told_to_die(&mut self, key: Key) {
        let (index, id) = self.meant(key);
        let late = self.model.past_deadline(self.world.now);
        let wanted = self.wanted(index, id);
        let run = &mut self.world.runs[index];
        assert!(run.reported, "a kill out of place");
        run.told_to_die = true;
        if run.stuck {
            return;
        }
        assert!(!run.judged() && run.killed.is_none(), "two kills");
        assert!(wanted, "a kill unasked");
        let brutal = run.spec.policy().shutdown == Shutdown::BrutalKill && !run.gently;
        let expired = run.until().is_some_and(|until| until <= self.world.now);
        let drain = self.model.drain.as_mut();
        let turn = drain.is_some_and(|drain| drain.over.remove(&index));
        let may = late || brutal || expired || turn;
        assert!(may, "killed before its grace is over");
        run.killed = Some(self.world.now);
        self.model.drain_waits(self.world.now, id);
        self.model.show(id, SessionState::Stopping);
        self.ends_with_the_supervisor(id);
    }
}
