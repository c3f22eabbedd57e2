//! Drains in the histories (D30): what is asked of one, and what must hold:
//! 1. at most so many sessions are asked and not gone, and none waits while there is room;
//! 2. a session is asked gently, and is not killed before its own time, what it was granted, or its
//!    share of the time is over, and then only if others wait;
//! 3. no time is granted beyond what may be, and the drain is over in time: at its deadline, moved by
//!    what was granted, what is left is killed, and is stuck when the kill bound is over;
//! 4. each session is in the report once, with what became of it and for how long that was waited;
//! 5. who follows it is told of each change, and it never goes back.
//!
//! That nothing is started meanwhile is an assertion of `effects`.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

use session_supervisor::engine::{
    ChildKind, DrainEnds, DrainOrder, DrainOutcome, Input, Moment, MoreTimeAnswer, ProgressAnswer,
    Recall, Request, SessionState, Spec,
};

use crate::domain::{Ticket, Waiter};
use crate::frame::History;
use crate::rules::ms;
use crate::sessions::history::Plays;
use crate::sessions::model::{IDS, Outcome};
use crate::sessions::sim::{NAMES, Sim};
use crate::sessions::tickets::Kind;
use crate::variant::{More, With};
use crate::world::Run;

/// Histories of a supervisor that is drained.
pub(crate) type Drained = With<Drains, Sim>;

#[derive(Debug)]
pub(crate) struct Drains;

impl More<Sim> for Drains {
    fn begin(sim: &mut Sim) {
        sim.plays = Plays::Drained;
    }
}

/// Whether a run has its turn in a drain.
fn has_its_turn(run: &Run) -> bool {
    run.gently && !run.gone() && !run.stuck
}

/// When the turn of a run is over that was asked then, if nobody else can be asked before.
fn turn(asked: Moment, deadline: Moment, waiting: usize, at_most: usize) -> Moment {
    let rounds = u32::try_from(waiting.div_ceil(at_most) + 1).unwrap();
    asked.after(deadline.since(asked) / rounds)
}

impl Sim {
    pub(super) fn play_a_drain(&mut self) {
        let id = self.world.rng.below(IDS);
        match self.world.rng.below(12) {
            0 | 1 => self.begin_a_drain(),
            2..=6 => self.ask_for_time(id),
            7..=10 => self.follow(),
            _ => self.stop(id),
        }
    }

    fn begin_a_drain(&mut self) {
        let now = self.world.now;
        let rng = &mut self.world.rng;
        let order = DrainOrder {
            within: ms(rng.pick(&[0, 400, 3_000, 20_000, 20_000, 400_000])),
            at_most: NonZeroUsize::new(rng.pick(&[0, 1, 1, 1, 2])),
            more: ms(rng.pick(&[0, 100, 2_000, 30_000])),
        };
        let ticket = self.ask(Kind::Drain, 0, None);
        if !self.world.finished {
            match &mut self.model.drain {
                Some(drain) => drain.join(now, order),
                None => self.model.drain(now, order, &self.world.runs),
            }
            self.deadline(Some(order.within));
        }
        let ticket = Waiter(ticket);
        self.feed(Input::Drain { order, ticket });
    }

    fn ask_for_time(&mut self, id: usize) {
        // Mostly one that may be granted some.
        let mut asked = self.world.runs.iter().filter(|run| has_its_turn(run));
        let asked = asked.next().map(|run| run.id);
        let id = asked.filter(|_| self.world.rng.chance(70)).unwrap_or(id);
        let time = ms(self.world.rng.pick(&[0, 1, 400, 2_000, 10_000]));
        let ticket = self.ask(Kind::MoreTime, id, None);
        self.tickets.0[ticket].time = time;
        let ticket = Waiter(ticket);
        self.ask_engine(id, Request::MoreTime { time, ticket });
    }

    fn follow(&mut self) {
        let ticket = self.ask(Kind::Progress, 0, None);
        let last = self.model.drain.as_ref().and_then(|drain| drain.told);
        let seen = last.filter(|_| self.world.rng.chance(80));
        self.tickets.0[ticket].seen = seen;
        let ticket = Waiter(ticket);
        self.feed(Input::DrainProgress { seen, ticket });
    }

    /// How many runs other than this one have their turn.
    fn in_turn(&self, but: Option<usize>) -> usize {
        let runs = self.world.runs.iter().enumerate();
        let others = runs.filter(|(index, _)| Some(*index) != but);
        others.filter(|(_, run)| has_its_turn(run)).count()
    }

    /// Whether a stop that the engine orders is that of a drain, which it may order now.
    pub(super) fn asks_gently(&mut self, index: usize, id: usize) -> bool {
        let in_turn = self.in_turn(Some(index));
        let run = &self.world.runs[index];
        let Some(entry) = self.model.entries[id].as_ref() else {
            return false;
        };
        let stopped = entry.stopped.is_some() || run.recall == Recall::TooLate;
        match &self.model.drain {
            Some(drain) if drain.gently && !stopped => {
                let room = drain.at_most.is_none_or(|most| in_turn < most);
                let may = room || drain.after_all.contains(&index);
                assert!(may, "more are asked than may be");
                true
            }
            _ => false,
        }
    }

    /// A run is asked to stop within this time.
    pub(super) fn has_its_time(&self, index: usize, within: Option<Duration>) {
        let run = &self.world.runs[index];
        let now = self.world.now;
        // It is shown as running until this is checked.
        let waiting = self.model.running().saturating_sub(1);
        let drain = self.model.drain.as_ref().filter(|_| run.gently);
        let at_most = drain.and_then(|drain| drain.at_most);
        let least = |at: Moment| match at_most {
            Some(most) => turn(now, at, waiting, most).since(now),
            None => at.since(now),
        };
        let own = run.grace();
        let least = own.into_iter().chain(self.model.deadline.map(least)).min();
        let most = self.model.must.map(|at| at.since(now));
        let most = own.into_iter().chain(most).min();
        assert!(
            least <= within && within <= most,
            "{least:?} {within:?} {most:?}"
        );
    }

    /// A run is killed since its turn is over.
    pub(super) fn turn_is_over(&mut self, id: usize) {
        let (now, waiting) = (self.world.now, self.model.running());
        let index = self.model.entry(id).run;
        let run = &self.world.runs[index];
        let deadline = self.model.deadline.expect("a drain has a deadline");
        let drain = self.model.drain.as_mut().expect("it drains");
        let most = drain.at_most.expect("at most so many at a time");
        assert!(drain.gently && run.gently && waiting > 0, "nobody waits");
        let asked = run.stopped.expect("it was asked");
        assert!(now >= turn(asked, deadline, waiting, most), "its share");
        assert!(run.granted.is_none_or(|granted| granted <= now), "granted");
        drain.over.insert(index);
    }

    /// Whether one that runs may wait for its turn.
    pub(super) fn waits_for_its_turn(&self) -> bool {
        let drain = self.model.drain.as_ref().filter(|drain| drain.gently);
        let most = drain.and_then(|drain| drain.at_most);
        most.is_some_and(|most| self.in_turn(None) >= most)
    }

    /// Nothing is due.
    pub(super) fn check_turns(&self) {
        let drain = self.model.drain.as_ref().filter(|drain| drain.gently);
        let (waiting, now) = (self.model.running(), self.world.now);
        let Some(most) = drain.and_then(|drain| drain.at_most) else {
            return;
        };
        let runs: Vec<_> = self
            .world
            .runs
            .iter()
            .filter(|run| has_its_turn(run))
            .collect();
        let stopping = runs.iter().all(|run| run.killed.is_none() && !run.judged());
        if waiting == 0 || runs.len() != most || !stopping {
            return;
        }
        let must = self.model.must.expect("a drain has a deadline");
        for run in runs {
            let over = turn(run.stopped.expect("it was asked"), must, waiting, most);
            let over = run.granted.map_or(over, |granted| granted.max(over));
            assert!(now < over, "its turn is over, and others wait");
        }
    }

    /// A session was given more time, or none.
    pub(super) fn granted(&mut self, ticket: Ticket, answer: MoreTimeAnswer) {
        let (now, id) = (self.world.now, self.tickets.0[ticket].id);
        let drains = self.model.drains() && !self.world.finished;
        let asked = self.tickets.0[ticket].time;
        self.model.bury(now, &self.world.runs);
        let Some(entry) = &self.model.entries[id] else {
            let right = match answer {
                MoreTimeAnswer::NotFound => drains || self.model.serving,
                MoreTimeAnswer::Down => !drains && !self.model.serving,
                MoreTimeAnswer::Has(_) | MoreTimeAnswer::NotDraining => false,
            };
            return assert!(right, "{answer:?} for an unknown id");
        };
        let run = &mut self.world.runs[entry.run];
        match answer {
            MoreTimeAnswer::NotFound => panic!("not found, and it is known"),
            MoreTimeAnswer::Down => assert!(!drains && !self.model.serving),
            MoreTimeAnswer::NotDraining => {
                assert!(self.model.serving || drains && !run.gently);
            }
            MoreTimeAnswer::Has(time) => {
                // One whose time was over when it was to be asked was killed.
                assert!(drains && (run.gently || run.killed.is_some()));
                assert!(time <= asked, "more than it asked for");
                if time.is_zero() {
                    return;
                }
                assert!(run.killed.is_none() && !run.judged(), "it is too late");
                let drain = self.model.drain.as_ref().expect("it drains");
                let until = now.after(time);
                assert!(until <= drain.latest, "the drain is not over in time");
                let more = match run.spec.policy().kind {
                    ChildKind::Worker => drain.more,
                    ChildKind::Supervisor => Duration::ZERO,
                };
                let by_rule = run.stopped.zip(run.grace());
                let most = by_rule.map(|(at, grace)| at.after(grace).after(more));
                // What it has already is not taken back by a smaller cap.
                let most = most.map(|most| run.granted.map_or(most, |had| had.max(most)));
                assert!(most.is_none_or(|most| until <= most), "too much is granted");
                run.granted = run.granted.max(Some(until));
                self.model.deadline = self.model.deadline.max(Some(until));
                let moved = self.model.must.map(|at| at.after(time).min(drain.latest));
                self.model.must = self.model.must.max(moved);
            }
        }
    }

    pub(super) fn has_come_this_far(&mut self, ticket: Ticket, answer: ProgressAnswer) {
        let seen = self.tickets.0[ticket].seen;
        let ProgressAnswer::At(progress) = answer else {
            let over = self.engine.ended() || self.model.drain.is_none();
            return assert!(over, "it is not over");
        };
        self.forget_what_was_swept();
        assert_ne!(seen, Some(progress), "it is told again");
        let mut right = self.model.progress();
        if self.engine.ended() {
            // Those that are stuck are told of by now.
            (right.waiting, right.ending, right.ended) = (0, 0, right.sessions);
        }
        assert_eq!(progress, right, "the progress");
        let drain = self.model.drain.as_mut().expect("it drains");
        if let Some(before) = drain.told.replace(progress) {
            let on = before.ended <= progress.ended && before.waiting >= progress.waiting;
            assert!(on, "it goes back from {before:?} to {progress:?}");
        }
    }

    pub(super) fn check_readers(&self) {
        let progress = self.model.progress();
        for caller in &self.tickets.0 {
            if caller.kind == Kind::Progress && !caller.answered && !caller.gone {
                assert_eq!(caller.seen, Some(progress), "a reader waits in vain");
            }
        }
    }

    /// The sweep ends what is at rest without a word.
    pub(super) fn forget_what_was_swept(&mut self) {
        for (id, name) in NAMES.iter().enumerate() {
            let known = self.engine.info(name).is_some();
            if !self.model.serving && !known && self.at_rest(id) {
                self.model.drain_waits(self.world.now, id);
                let why = self.model.why(id);
                self.model.forget(id, Outcome::NotRunning, why);
            }
        }
        self.model.bury(self.world.now, &self.world.runs);
    }

    /// The drain is over.
    pub(super) fn drained(&mut self, ends: &DrainEnds, tickets: Vec<Waiter>) {
        self.forget_what_was_swept();
        let drain = self.model.drain.as_ref().expect("it drains");
        let mut right: BTreeMap<_, _> = drain
            .ended
            .iter()
            .map(|(id, outcome, took)| (NAMES[*id], (*outcome, *took)))
            .collect();
        for (id, entry) in self.model.entries.iter().enumerate() {
            if let Some(entry) = entry {
                assert_eq!(entry.shown, Some(SessionState::Stuck), "it is left");
                right.insert(NAMES[id], (DrainOutcome::Stuck, drain.stuck_after(entry)));
            }
        }
        assert_eq!(right.len(), drain.lives.len(), "the model loses a session");
        assert_eq!(ends.count(), right.len(), "each session once");
        for end in ends.iter() {
            let told = (end.outcome, end.took);
            assert_eq!(Some(&told), right.get(&*end.id), "of {}", end.id);
        }
        for Waiter(ticket) in tickets {
            assert_eq!(self.tickets.0[ticket].kind, Kind::Drain);
            self.tickets.answer(ticket);
        }
    }
}
