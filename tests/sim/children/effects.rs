//! What the engine does: each effect is carried out in the world and held against the model.
//!
//! `says` checks what the engine says, and `checks` what it should have done and did not.

use std::time::Duration;

use session_supervisor::engine::{
    Cancellation, ChildState, Context, Discard, Effect, FirstStart, Key, Recall, Refusal, Restart,
    Shutdown, Spec, StopCause, StopWay, Strategy,
};

use crate::checkpoints::Begins;
use crate::children::model::{Counted, Expected, Launched, Mode, Origin};
use crate::children::sim::Sim;
use crate::children::tickets::Kind;
use crate::domain::{SimDomain, SimLife, SimSpec, Ticket, Waiter};
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
            Effect::StopWithin { life, way, within } => self.told_the_time(life.0.key, way, within),
            Effect::Stop { life, way, within } => {
                self.told_to_stop(life.0.key, way, within);
            }
            Effect::Kill { life } => self.told_to_die(life.0.key),
            Effect::Answer(reply) => {
                let (ticket, told) = told(&reply);
                self.tickets.answer(ticket);
                self.judge_answer(ticket, &told);
            }
            Effect::Discard(Discard::Caller(caller)) => self.tickets.drop_gone(untold(&caller)),
            Effect::Discard(Discard::Checkpoint(carried)) => {
                self.world.checkpoints.given_up(carried, &self.world.runs);
            }
            Effect::Discard(_) => {}
            Effect::Claimed { .. } | Effect::Unclaimed { .. } => panic!("no child claims"),
            Effect::BeginStop { cause } => self.stops(cause),
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
                let role = self.index(&id);
                self.note(role, &kind, error.as_ref());
            }
            Effect::Finished {
                report, tickets, ..
            } => {
                assert!(!self.world.finished, "Finished comes twice");
                assert!(self.model.stopping(), "Finished without a stop");
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
            Effect::Drained { .. } | Effect::JoinDrain { .. } => panic!("no group drains"),
        }
    }

    fn launch(&mut self, context: &Context, spec: SimSpec, life: SimLife, ticket: Option<Ticket>) {
        let role = self.index(&context.id);
        let now = self.world.now;
        assert!(!self.model.stopping(), "a launch after the stop");
        let index = self.world.runs.len();
        assert_eq!(life.0.key.launch.0, index as u64 + 1, "launch numbers");
        let mut others = self.world.runs.iter().filter(|run| run.id == role);
        assert!(others.all(Run::gone), "two incarnations of one role");
        self.model.bury(&self.world.runs);
        let origin = match ticket {
            Some(ticket) => self.launch_for(ticket, role),
            None => self.launch_by_rule(role),
        };
        let entry = self.model.entry(role);
        assert!(std::rc::Rc::ptr_eq(&entry.spec.0, &spec.0), "another spec");
        if origin == Origin::Restart {
            let temporary = spec.policy().restart == Restart::Temporary;
            assert!(!temporary, "a temporary child comes back");
            entry.restarts += 1;
        }
        entry.pending = None;
        entry.incarnation += 1;
        entry.attempt += 1;
        entry.run = Some(index);
        assert_eq!(context.incarnation, entry.incarnation);
        assert_eq!(context.attempt, entry.attempt);
        assert_eq!(context.last_exit.is_some(), entry.last.is_some());
        let begins = match context.incarnation {
            1 => Begins::Anew,
            // It is on demand, and begins anew.
            _ if spec.policy().restart == Restart::Temporary => Begins::Anew,
            _ => Begins::WhereItWas,
        };
        let before = self.world.runs.iter().rposition(|run| run.id == role);
        self.world.checkpoints.launched(begins, before, &life);
        self.model.launched.push(Launched {
            origin,
            ran: false,
            ignored: false,
            retried: false,
            counted: Counted::No,
        });
        let (life, spec) = (life.kept(), spec.kept());
        let run = Run::new(role, life, spec, ticket, now, &mut self.world.rng);
        self.world.runs.push(run);
        self.world.active.push(index);
    }

    fn launch_for(&mut self, ticket: Ticket, role: usize) -> Origin {
        let caller = &self.tickets.0[ticket];
        assert!(!caller.gone || !caller.waited, "a launch without a caller");
        self.tickets.launch(ticket, role);
        assert_eq!(self.model.mode, Mode::Serving);
        assert!(
            !self.model.set_pending(&self.world.runs),
            "a launch beside a set"
        );
        match self.tickets.0[ticket].kind {
            Kind::Start => {
                assert!(self.model.get(role).is_none(), "a start of a known role");
                let asked = self.tickets.0[ticket].spec.as_ref().map(SimSpec::kept);
                let asked = asked.expect("a start has a spec");
                self.model.add(role, asked, FirstStart::WithGroup);
                Origin::First
            }
            _ => {
                let entry = self.model.get(role).expect("the role is known");
                let state = self.model.state(entry, &self.world.runs);
                assert_eq!(state, Some(ChildState::NotRunning));
                Origin::Manual
            }
        }
    }

    /// The order of starts, and that no two attempts mix.
    fn launch_by_rule(&self, role: usize) -> Origin {
        let model = &self.model;
        let at = model.position(role).expect("the role is known");
        let (origin, due) = model.entries[at].pending.expect("it is not wanted");
        assert!(self.world.now >= due, "a start before its pause is over");
        if !model.in_order() {
            return origin;
        }
        for (other, entry) in model.entries.iter().enumerate() {
            let pending = entry.pending.is_some();
            assert!(
                !pending || other >= at,
                "one before it has not been started"
            );
            let Some(index) = entry.run.filter(|&index| !self.world.runs[index].gone()) else {
                continue;
            };
            assert!(!pending, "the old set is not gone");
            let launched = &model.launched[index];
            let by_rule = matches!(launched.origin, Origin::Begin | Origin::Restart);
            let under_way = model.launching(index, &self.world.runs[index]);
            assert!(!by_rule || !under_way, "the one before does not run yet");
        }
        origin
    }

    fn meant(&self, key: Key) -> (usize, usize) {
        let index = usize::try_from(key.launch.0).unwrap() - 1;
        let role = self.world.runs[index].id;
        let entry = self.model.get(role).expect("the role is known");
        assert_eq!(entry.run, Some(index), "an effect for an old launch");
        (index, role)
    }

    fn cancel(&mut self, key: Key, why: Cancellation) {
        let (index, role) = self.meant(key);
        let fresh = !self.world.runs[index].reported && self.world.runs[index].cancelled.is_none();
        assert!(fresh, "a cancel out of place");
        match why {
            Cancellation::TimedOut(after) => {
                let run = &self.world.runs[index];
                assert_eq!(after, run.spec.policy().start_timeout);
                assert!(self.world.now >= run.launched.after(after), "too early");
                self.model.launched[index].retried = !self.model.stopping();
                if self.model.launched[index].origin == Origin::Begin {
                    self.model.failed_start = Some(role);
                    let stops = Expected::Stops(StopCause::FailedStart, None);
                    self.model.expected.push_back(stops);
                }
            }
            Cancellation::Refused(Refusal::Stopped) => {
                assert!(self.tickets.stops(role).next().is_some());
                self.tickets.join(role, self.world.now);
            }
            Cancellation::WithOthers => assert!(self.has_turn(role), "it is not its turn"),
            Cancellation::Refused(Refusal::Down) => assert!(self.model.stopping()),
            other => panic!("a launch is cancelled with {other:?}"),
        }
        let run = &mut self.world.runs[index];
        run.cancelled = Some(self.world.now);
        if run.cancel()
            && let Some(ticket) = run.ticket
        {
            self.tickets.answer(ticket);
        }
    }

    /// Whether a marked child, or any at the end of the group, is the last that lives.
    pub(crate) fn has_turn(&self, role: usize) -> bool {
        let model = &self.model;
        let at = model.position(role).expect("the role is known");
        let wanted = |at: usize| model.stopping() || model.entries[at].pending.is_some();
        let later = |at: usize| wanted(at) && model.lives(&model.entries[at], &self.world.runs);
        let in_order = !(at + 1..model.entries.len()).any(later);
        let share_is_over = || {
            let due = model.next_request(&self.world.runs);
            due.is_some_and(|due| due <= self.world.now)
        };
        wanted(at) && (in_order || model.together() || share_is_over())
    }

    fn may_end(&self, index: usize, role: usize) -> bool {
        let cut = self.model.stopping() && self.model.past_deadline(self.world.now);
        let asked = !self.model.stopping() && self.tickets.stops(role).next().is_some();
        let late = self.world.runs[index].recall == Recall::TooLate;
        let told = self.world.runs[index].stopped.is_some();
        cut || asked || late || told || self.has_turn(role)
    }

    /// What is told to end although its set is not is told so for those who asked.
    fn told(&mut self, index: usize, role: usize) {
        let run = &self.world.runs[index];
        let late = run.recall == Recall::TooLate || run.stopped.is_some();
        let stopping = self.model.stopping();
        if !late && !stopping && self.model.entry(role).pending.is_none() {
            self.tickets.join(role, self.world.now);
        }
    }

    fn told_to_stop(&mut self, key: Key, way: StopWay, within: Option<Duration>) {
        let (index, role) = self.meant(key);
        assert!(self.may_end(index, role), "a stop unasked, or out of turn");
        self.told(index, role);
        let late = self.model.past_deadline(self.world.now);
        let left = self.model.deadline.map(|at| at.since(self.world.now));
        let left = left.filter(|_| self.model.stopping());
        if self.model.stopping() && self.world.runs[index].recall == Recall::InTime {
            self.model.asked = self.world.now;
        }
        let run = &mut self.world.runs[index];
        let grace = run.grace();
        assert_eq!(within, grace.into_iter().chain(left).min(), "the time");
        assert_eq!(way == StopWay::Drain, run.drains());
        self.times
            .insert(index, within.map(|within| self.world.now.after(within)));
        assert!(run.reported && !run.judged(), "a stop out of place");
        assert!(run.stopped.is_none() && run.killed.is_none(), "two stops");
        assert!(!late && run.spec.policy().shutdown != Shutdown::BrutalKill);
        run.stopped = Some(self.world.now);
        run.told_to_stop = true;
    }

    /// Less time is left than it was told.
    fn told_the_time(&mut self, key: Key, way: StopWay, within: Duration) {
        let (index, _) = self.meant(key);
        let until = self.world.now.after(within);
        let run = &self.world.runs[index];
        assert!(run.stopped.is_some() && run.killed.is_none() && !run.judged());
        assert_eq!(way == StopWay::Drain, run.drains());
        assert_eq!(Some(until), self.model.deadline);
        let before = self.times.insert(index, Some(until)).flatten();
        assert!(before.is_none_or(|before| until < before), "no news");
    }

    /// No child is killed that could have been asked: only one that is killed by rule, by a
    /// deadline that has come as it was set, that runs only since then, or if the driver was late.
    fn check_asked(&self, index: usize) {
        let run = &self.world.runs[index];
        let brutal = run.spec.policy().shutdown == Shutdown::BrutalKill;
        let new = self.model.deadline_set == self.world.now || run.started == self.world.now;
        let late = self.promised.is_some_and(|at| at < self.world.now);
        let asked = run.stopped.is_some() || run.recall == Recall::TooLate;
        assert!(asked || brutal || new || late, "killed unasked");
    }

    fn told_to_die(&mut self, key: Key) {
        let (index, role) = self.meant(key);
        self.world.runs[index].told_to_die = true;
        let run = &self.world.runs[index];
        assert!(run.reported, "a kill out of place");
        if run.stuck {
            return;
        }
        assert!(self.may_end(index, role), "a kill unasked, or out of turn");
        assert!(!run.judged() && run.killed.is_none(), "two kills");
        self.told(index, role);
        let run = &self.world.runs[index];
        let late = self.model.past_deadline(self.world.now);
        let brutal = run.spec.policy().shutdown == Shutdown::BrutalKill;
        let grace = run.stopped.zip(run.grace());
        let expired = grace.is_some_and(|(at, grace)| at.after(grace) <= self.world.now);
        assert!(late || brutal || expired, "killed before its grace is over");
        self.check_asked(index);
        self.world.runs[index].killed = Some(self.world.now);
    }

    /// No combination of children that the strategy forbids.
    pub(crate) fn check_combination(&self) {
        let model = &self.model;
        if !model.in_order() || model.stopping() {
            return;
        }
        let alive = |at: usize| model.lives(&model.entries[at], &self.world.runs);
        let old = |at: usize| model.entries[at].pending.is_some() && alive(at);
        let all = 0..model.entries.len();
        if model.settings.strategy == Strategy::OneForAll && all.clone().any(old) {
            let mixed = all.clone().find(|&at| alive(at) && !old(at));
            assert_eq!(mixed, None, "an old and a new one side by side");
        }
        let first = all.clone().find(|&at| {
            let entry = &model.entries[at];
            let launching = entry.run.is_some_and(|index| {
                model.launched[index].origin != Origin::Manual
                    && model.launched[index].origin != Origin::First
                    && model.launching(index, &self.world.runs[index])
            });
            entry.pending.is_some() || launching
        });
        if let Some(first) = first {
            let beside = (first + 1..all.end).find(|&at| alive(at) && !old(at));
            assert_eq!(beside, None, "one runs after one that is down");
        }
    }
}
