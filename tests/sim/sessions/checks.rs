//! What must hold after every step.
//!
//! `effects` checks each effect as it comes.

use session_supervisor::engine::{ChildKind, Counts, Ending, Life, SessionState, Shutdown, Spec};

use crate::sessions::model::{Expected, IDS};
use crate::sessions::sim::{NAMES, Sim};
use crate::sessions::tickets::Kind;
use crate::world::Stage;

impl Sim {
    pub(super) fn check_all(&mut self) {
        self.check_followed();
        // A restart by hand that had waited may have resumed one at once.
        let parked = self.model.entries.iter().flatten();
        let parked = parked.filter(|entry| entry.parks()).count();
        if parked <= self.model.settings.max_parked
            && let Some(Expected::Discarded(_)) = self.model.expected.front()
        {
            self.model.expected.pop_front();
        }
        assert!(
            self.model.expected.is_empty(),
            "the engine kept quiet about {:?}",
            self.model.expected
        );
        self.forget_what_was_swept();
        for id in 0..IDS {
            self.check_id(id);
        }
        assert!(
            self.world.stuck_answers.is_empty(),
            "answered Stuck without one"
        );
        self.model.bury(self.world.now, &self.world.runs);
        self.check_claims();
        self.model.miss_trials(self.world.now);
        if self.model.serving {
            let known = self.model.entries.iter().flatten().count();
            assert_eq!(self.engine.entries(), known, "entries");
            let is_known = |id: usize| self.model.entries[id].is_some();
            self.world.checkpoints.check(&self.world.runs, is_known);
        }
        self.check_counts();
        self.check_stats();
        self.check_groups();
        self.check_queues();
        self.check_readers();
        if !self.world.finished
            && self
                .engine
                .poll_timeout()
                .is_none_or(|at| at > self.world.now)
        {
            self.check_settled();
        }
        if let Some(report) = self.world.report.take() {
            let mut expected = self.model.report;
            let shown = |id: &usize| self.model.shown(*id).is_some();
            expected.stuck += (0..IDS).filter(shown).count();
            expected.took = report.took;
            expected.cause = self.model.cause.expect("it has stopped");
            assert_eq!(report, expected, "the report");
            let sum =
                report.stopped + report.failed + report.killed + report.stuck + report.not_running;
            assert_eq!(
                sum,
                self.model.counted.len() + self.model.below,
                "the report's sum"
            );
        }
        if let Some(list) = &mut self.list {
            let entries = self.model.entries.iter().flatten();
            let visible = entries.filter(|entry| entry.shown.is_some());
            list.still(&visible.map(|entry| entry.life).collect());
        }
        let runs = &self.world.runs;
        self.world.active.retain(|&index| !runs[index].gone());
    }

    fn check_id(&mut self, id: usize) {
        let info = self.engine.info(NAMES[id]);
        let state = info.as_ref().map(|info| info.state);
        assert_eq!(state, self.model.shown(id), "the state of {}", NAMES[id]);
        if let (Some(info), Some(entry)) = (info, &self.model.entries[id]) {
            assert_eq!(info.incarnation, entry.incarnation);
            assert_eq!(info.restarts, entry.restarts);
            assert_eq!(info.last_exit.is_some(), entry.exit.is_some());
            assert_eq!(info.group, entry.spec.group());
        }
    }

    fn check_counts(&mut self) {
        let mut counts = Counts::default();
        let mut last = 0;
        let cursor = self.engine.open_list();
        while let Some(info) = self.engine.next_in_list(&cursor) {
            let Some(info) = info else { continue };
            counts.specs += 1;
            *match info.kind {
                ChildKind::Worker => &mut counts.workers,
                ChildKind::Supervisor => &mut counts.supervisors,
            } += 1;
            *match info.state {
                SessionState::Starting => &mut counts.starting,
                SessionState::Running => &mut counts.active,
                SessionState::Restarting => &mut counts.restarting,
                SessionState::Stopping => &mut counts.stopping,
                SessionState::Parked => &mut counts.parked,
                SessionState::Stuck => &mut counts.stuck,
                other => panic!("unknown {other:?}"),
            } += 1;
            let id = NAMES.iter().position(|name| **name == **info.id).unwrap();
            let life = self.model.entries[id].as_ref().unwrap().life;
            assert!(life > last, "the list is not in order of first start");
            last = life;
        }
        self.engine.close_list(cursor);
        assert_eq!(self.engine.counts(), counts, "counts");
    }

    /// No request waits for a turn that has come (D3).
    fn check_queues(&self) {
        for caller in &self.tickets.0 {
            let waits = caller.kind.launches() && !caller.launched || caller.kind.watches();
            if caller.answered || !waits {
                continue;
            }
            let start = caller.kind.starts() || caller.kind == Kind::AwaitRunning;
            let Some(entry) = &self.model.entries[caller.id] else {
                panic!("a request waits for an id that is free");
            };
            let run = &self.world.runs[entry.run];
            let decided = match entry.shown {
                _ if caller.kind == Kind::AwaitGone => false,
                Some(SessionState::Running) => run.life.ending() == Ending::No,
                Some(SessionState::Parked) => start || run.gone(),
                Some(SessionState::Stuck) => true,
                _ => false,
            };
            assert!(
                !decided || !self.model.serving,
                "a request waits although it is {:?}",
                entry.shown
            );
        }
    }

    /// Nothing is due: whatever had a time limit must have been acted on.
    fn check_settled(&self) {
        let now = self.world.now;
        let cut = self.model.is_cut(now);
        for entry in self.model.entries.iter().flatten() {
            let run = &self.world.runs[entry.run];
            let timeout = run.spec.policy().start_timeout;
            if !run.reported && !run.gone() && run.cancelled.is_none() {
                assert!(now < run.launched.after(timeout), "no start timeout");
                assert!(self.model.serving, "a launch goes on after the stop");
            }
            if let Some(until) = run.until()
                && !run.judged()
                && !run.stuck
            {
                let kept = now < until || run.killed.is_some();
                assert!(kept, "not killed although its grace is over");
            }
            if let Some(stopped) = entry.stopped
                && let Some(ended) = run.known_as_killed().or(run.ended.filter(|_| run.outlived))
                && (self.model.serving || !run.will_be_outlived())
                && !run.stuck
                && !run.gone()
            {
                let verdict = self.model.verdict(stopped.max(ended));
                assert!(now < verdict, "it should be gone, and is not stuck");
            }
            let brutal = run.spec.policy().shutdown == Shutdown::BrutalKill && !run.gently;
            let known = run.reported && !run.judged() && !run.stuck;
            if known && (cut || (brutal && entry.doomed)) {
                assert!(run.killed.is_some(), "not killed although it must be");
            }
            if known && !self.model.serving {
                let told = run.stopped.is_some() || run.killed.is_some();
                let waits = self.waits_for_its_turn();
                assert!(told || waits, "runs on after the supervisor's stop");
            }
            if let Some(since) = run.killed.or(run.cancelled.filter(|_| !run.reported))
                && !run.judged()
                && !run.stuck
                && !matches!(run.stage, Stage::Gone)
                && (self.model.serving || !run.will_be_outlived())
            {
                let verdict = self.model.verdict(since);
                assert!(now < verdict, "not stuck although its bound is over");
            }
            if entry.shown == Some(SessionState::Restarting) && run.gone() {
                assert!(now < entry.due, "a restart is due and not made");
                assert!(self.model.serving, "a pause goes on after the stop");
            }
            assert!(
                entry.shown != Some(SessionState::Parked) || self.model.serving,
                "parked after the stop"
            );
            if entry.shown == Some(SessionState::Parked)
                && let Some(retry) = entry.retry
                && run.gone()
                && !entry.missed
            {
                assert!(now < retry, "a trial is due and not made");
            }
        }
        self.check_turns();
        if !self.model.serving {
            let waiting = self
                .tickets
                .waiting(|caller| caller.kind.launches() && !caller.launched);
            assert_eq!(waiting, None, "a request waits for a launch after the stop");
        }
    }
}
