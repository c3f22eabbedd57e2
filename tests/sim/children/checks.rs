//! What must hold after every step.
//!
//! `effects` checks each effect as it comes.

use session_supervisor::engine::{ChildKind, ChildState, Counts, Ending, Life, Shutdown, Spec};

use crate::children::model::{Entry, Mode};
use crate::children::sim::{NAMES, Sim};
use crate::children::tickets::Kind;
use crate::domain::Ticket;

impl Sim {
    pub(super) fn check_all(&mut self) {
        assert!(
            self.model.expected.is_empty(),
            "the engine kept quiet about {:?}",
            self.model.expected
        );
        assert!(self.world.stuck_answers.is_empty(), "Stuck without one");
        self.join_stops(Ticket::MAX);
        self.model.bury(&self.world.runs);
        self.check_children();
        if !self.model.stopping() {
            let is_known = |role| self.model.position(role).is_some();
            self.world.checkpoints.check(&self.world.runs, is_known);
        }
        self.check_combination();
        if self
            .engine
            .poll_timeout()
            .is_none_or(|at| at > self.world.now)
        {
            if !self.world.finished {
                self.check_settled();
            }
            self.check_queue();
        }
        if let Some(report) = self.world.report.take() {
            let mut expected = self.model.report;
            let left = self.world.runs.iter().filter(|run| !run.gone()).count();
            expected.stuck += left;
            expected.took = report.took;
            assert_eq!(report, expected, "the report");
            let sum =
                report.stopped + report.failed + report.killed + report.stuck + report.not_running;
            assert_eq!(sum, self.model.known, "the report's sum");
        }
        self.check_times();
        for caller in &mut self.tickets.0 {
            caller.waited = true;
        }
        self.promised = self.engine.poll_timeout();
        let runs = &self.world.runs;
        self.world.active.retain(|&index| !runs[index].gone());
    }

    /// Each child that was asked to stop knows how much time is left.
    fn check_times(&self) {
        let Some(deadline) = self.model.deadline.filter(|_| self.model.stopping()) else {
            return;
        };
        for &index in &self.world.active {
            let run = &self.world.runs[index];
            let stops = run.stopped.is_some() && run.killed.is_none() && !run.judged();
            if stops && !run.stuck && !run.gone() {
                let knows = self.times[&index].is_some_and(|until| until <= deadline);
                assert!(knows, "it does not know the deadline");
            }
        }
    }

    /// The children are those of the model, in its order, and the counts are theirs.
    fn check_children(&self) {
        let mut counts = Counts::default();
        let shown = |entry: &&Entry| self.model.state(entry, &self.world.runs).is_some();
        let mut entries = self.model.entries.iter().filter(shown);
        for info in self.engine.children() {
            let entry = entries.next().expect("a child too many");
            assert_eq!(&**info.role, NAMES[entry.role], "the order");
            let state = self.model.state(entry, &self.world.runs);
            assert_eq!(Some(info.state), state, "the state of {}", info.role);
            assert_eq!(info.incarnation, entry.incarnation);
            assert_eq!(info.restarts, entry.restarts);
            assert_eq!(info.last_exit.is_some(), entry.last.is_some());
            let asked = self.engine.info(info.role).expect("it is known");
            assert_eq!(asked.state, info.state);
            counts.specs += 1;
            *match info.kind {
                ChildKind::Worker => &mut counts.workers,
                ChildKind::Supervisor => &mut counts.supervisors,
            } += 1;
            match info.state {
                ChildState::Starting => counts.starting += 1,
                ChildState::Running => counts.active += 1,
                ChildState::Restarting => counts.restarting += 1,
                ChildState::Stopping => counts.stopping += 1,
                ChildState::Stuck => counts.stuck += 1,
                _ => {}
            }
        }
        assert!(entries.next().is_none(), "a child is missing");
        assert_eq!(self.engine.counts(), counts, "counts");
    }

    /// Nothing is due: whatever has its turn must have been acted on.
    fn check_settled(&self) {
        let model = &self.model;
        for entry in &model.entries {
            self.check_limits(entry);
        }
        let wanted = |entry: &&Entry| model.stopping() || entry.pending.is_some();
        let alive = |entry: &&Entry| model.lives(entry, &self.world.runs);
        if model.in_order() || model.stopping() {
            let mut last = model.entries.iter().rev().filter(wanted).filter(alive);
            if let Some(entry) = last.next() {
                let run = &self.world.runs[entry.run.unwrap()];
                let told = run.stopped.or(run.killed).or(run.cancelled).is_some();
                assert!(told || run.judged(), "it is its turn to be stopped");
            }
        }
        for entry in model.entries.iter().filter(|_| model.stopping()) {
            let untold = model.state(entry, &self.world.runs) == Some(ChildState::Running);
            assert!(!untold || !self.has_turn(entry.role), "it is not asked");
        }
        let pending: Vec<_> = model
            .entries
            .iter()
            .filter(|e| e.pending.is_some())
            .collect();
        let released = |e: &&Entry| e.run.is_none_or(|run| self.world.runs[run].gone());
        let launching = |entry: &Entry| {
            let by_rule = |index: usize| {
                use crate::children::model::Origin::{Begin, Restart};
                matches!(model.launched[index].origin, Begin | Restart)
            };
            let run = entry.run.filter(|&index| by_rule(index));
            run.is_some_and(|index| model.launching(index, &self.world.runs[index]))
        };
        let free = !model.in_order()
            || (pending.iter().all(released) && !model.entries.iter().any(launching));
        for entry in pending.iter().filter(|entry| free && released(entry)) {
            let due = entry.pending.unwrap().1;
            assert!(
                self.world.now < due,
                "the start of {} is due and not made",
                entry.role
            );
        }
        assert!(pending.is_empty() || !model.stopping(), "a pause goes on");
        let beginning = pending.is_empty() && !model.entries.iter().any(launching);
        assert!(model.mode != Mode::Beginning || !beginning, "not begun");
    }

    fn check_limits(&self, entry: &Entry) {
        let now = self.world.now;
        let Some(run) = entry.run.map(|run| &self.world.runs[run]) else {
            return;
        };
        if run.gone() || run.stuck {
            return;
        }
        let below = self.model.stopping() && run.will_be_outlived();
        let stop = self
            .tickets
            .stops(entry.role)
            .filter_map(|stop| stop.joined)
            .min();
        if let Some(stopped) = stop
            && let Some(ended) = run.known_as_killed()
            && !self.model.stopping()
        {
            let verdict = self.model.verdict(stopped.max(ended));
            assert!(now < verdict, "it should be gone, and is not stuck");
        }
        if run.judged() {
            return;
        }
        let policy = run.spec.policy();
        if !run.reported && run.cancelled.is_none() {
            let timeout = run.launched.after(policy.start_timeout);
            assert!(now < timeout, "no start timeout");
            assert!(!self.model.stopping(), "a launch goes on after the stop");
        }
        if let (Some(at), Some(grace)) = (run.stopped, run.grace()) {
            let kept = now < at.after(grace) || run.killed.is_some();
            assert!(kept, "not killed although its grace is over");
        }
        let cut = self.model.stopping() && self.model.past_deadline(now);
        if run.reported && cut {
            assert!(run.killed.is_some(), "not killed at the deadline");
        }
        if run.stopped.is_some() {
            assert!(policy.shutdown != Shutdown::BrutalKill);
        }
        if let Some(since) = run.killed.or(run.cancelled.filter(|_| !run.reported))
            && !below
        {
            let verdict = self.model.verdict(since);
            assert!(now < verdict, "not stuck although its bound is over");
        }
    }

    /// No request waits for a turn that has come.
    fn check_queue(&self) {
        let model = &self.model;
        if model.busy(&self.world.runs) {
            return;
        }
        for (ticket, caller) in self.tickets.0.iter().enumerate() {
            if caller.kind == Kind::Stop && (caller.answered || caller.joined.is_some()) {
                let role = caller.role;
                let left = self
                    .tickets
                    .waiting(|c| c.role == role && c.kind != Kind::Stop);
                assert!(
                    left.is_none_or(|left| left > ticket),
                    "a stop left {left:?}"
                );
            }
            let named = !matches!(caller.kind, Kind::Begin | Kind::Supervisor);
            if caller.answered || caller.launched || !named {
                continue;
            }
            let entry = model.get(caller.role);
            if caller.kind == Kind::Stop {
                let alive = entry.is_some_and(|entry| model.lives(entry, &self.world.runs));
                assert!(alive, "a stop waits for nothing");
                continue;
            }
            assert!(!model.stopping(), "a request waits after the stop");
            let role = caller.role;
            let first = self
                .tickets
                .waiting(|c| c.role == role && c.kind != Kind::Stop);
            if first == Some(ticket) {
                assert!(
                    self.may_wait(caller.kind, entry),
                    "{ticket} waits for nothing"
                );
            }
        }
    }

    fn may_wait(&self, kind: Kind, entry: Option<&Entry>) -> bool {
        let model = &self.model;
        let set = model.set_pending(&self.world.runs);
        let Some(entry) = entry else {
            return kind == Kind::Start && set;
        };
        let run = entry.run.map(|run| &self.world.runs[run]);
        let released = run.is_none_or(|run| run.gone());
        match model.state(entry, &self.world.runs) {
            // It will be forgotten at its release.
            None => true,
            Some(ChildState::Starting | ChildState::Stopping) => true,
            Some(ChildState::Running) => run.is_some_and(|run| run.life.ending() == Ending::Yes),
            Some(ChildState::NotRunning) => match kind {
                Kind::Restart => set || !released,
                Kind::Delete => !released,
                _ => false,
            },
            // A launch that was cancelled because its set is restarted.
            Some(ChildState::Restarting) => {
                run.is_some_and(|run| run.cancelled.is_some() && !run.gone())
            }
            Some(_) => false,
        }
    }
}
