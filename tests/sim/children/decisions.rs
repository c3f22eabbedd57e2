//! What the engine must decide: who comes back, with whom, after what pause, and when the group
//! ends.
//!
//! The strategies and limits are computed here once more, independently of the engine.

use std::time::Duration;

use session_supervisor::engine::{
    AutoShutdown, ChildState, Exit, Limit, Mark, Moment, Recall, Restart, Significance, Spec,
    StopCause, Strategy,
};

use crate::children::kept::KeptExit;
use crate::children::model::{Expected, Mode, Model, Origin};
use crate::limits::pause;
use crate::world::Run;

impl Model {
    /// An exit was judged.
    pub(crate) fn exited(&mut self, now: Moment, index: usize, runs: &[Run], exit: &Exit) {
        self.last_end = now;
        let run = &runs[index];
        let healthy = self
            .settings
            .limit
            .map_or(Duration::from_secs(5), Limit::window);
        let entry = self.entry(run.id);
        if run.recall == Recall::TooLate {
            // The end of a stuck child is its release.
            if !run.stuck {
                self.launch_failed(now, index, runs);
            }
            return;
        }
        entry.last = Some(KeptExit::of(exit));
        entry.attempt = 0;
        if now.since(run.started) >= healthy {
            entry.step = 0;
        }
        let asked = run.stopped.is_some() || run.killed.is_some() || run.stuck;
        let pending = entry.pending.is_some();
        let significance = entry.spec.policy().significance;
        if asked || pending || self.stopping() {
            return;
        }
        self.early
            .push_back((run.id, run.life.0.mark.get(), significance));
        self.react(now, runs);
    }

    /// Decides about the children that have ended by themselves.
    pub(crate) fn react(&mut self, now: Moment, runs: &[Run]) {
        while self.mode == Mode::Serving && self.expected.is_empty() {
            let Some((role, mark, significance)) = self.early.pop_front() else {
                return;
            };
            let entry = self.get(role);
            if entry.is_some_and(|entry| entry.pending.is_some()) {
                continue;
            }
            let orderly = matches!(mark, Mark::Orderly | Mark::GaveUp);
            // A temporary one may be forgotten by now.
            let restart = entry.map(|entry| entry.spec.policy().restart);
            let back = match restart.unwrap_or(Restart::Temporary) {
                Restart::Permanent => true,
                Restart::Transient => !orderly,
                Restart::Temporary => false,
            };
            if back {
                self.decide(now, role, 0);
            } else if significance == Significance::Significant && self.ends(role, runs) {
                let cause = StopCause::AutoShutdown;
                self.expected.push_back(Expected::Stops(cause, Some(role)));
            }
        }
    }

    fn ends(&self, role: usize, runs: &[Run]) -> bool {
        let others = self.entries.iter().filter(|entry| entry.role != role);
        let mut significant =
            others.filter(|entry| entry.spec.policy().significance == Significance::Significant);
        match self.settings.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => true,
            AutoShutdown::AllSignificant => !significant.any(|entry| {
                let state = self.state(entry, runs);
                let lives = matches!(
                    state,
                    Some(ChildState::Running | ChildState::Starting | ChildState::Restarting)
                );
                lives || entry.pending.is_some() || self.restarting(entry, runs)
            }),
        }
    }

    /// A launch by the rules came to nothing.
    pub(crate) fn launch_failed(&mut self, now: Moment, index: usize, runs: &[Run]) {
        let launched = &self.launched[index];
        let (run, uncancelled) = (&runs[index], runs[index].cancelled.is_none());
        let failed = launched.retried || (uncancelled && !run.reported && !run.stuck);
        let entry = self.get(run.id).expect("the role is known");
        let free = entry.pending.is_none() && self.mode == Mode::Serving;
        if launched.origin == Origin::Restart && failed && free {
            let failures = entry.failures + 1;
            self.decide(now, run.id, failures);
        }
    }

    /// A restart is due to be decided: says what the engine must say.
    fn decide(&mut self, now: Moment, role: usize, failures: u32) {
        if let Some(limit) = self.settings.limit {
            if !self.log.allows(now, limit) {
                self.expected.push_back(Expected::LimitReached(role));
                let cause = StopCause::Escalated;
                self.expected.push_back(Expected::Stops(cause, Some(role)));
                return;
            }
            self.log.0.push(now);
        }
        let entry = self.entry(role);
        let (shortest, longest) = match entry.spec.policy().backoff {
            Some(_) => entry.spec.0.1.bounds(entry.step),
            // At once the first time, then like failed attempts.
            None => (pause(entry.step), pause(entry.step)),
        };
        entry.step += 1;
        let least = if failures == 0 {
            Duration::ZERO
        } else {
            pause(failures)
        };
        self.expected.push_back(Expected::Restarting {
            role,
            failures,
            shortest: shortest.max(least),
            longest: longest.max(least),
        });
    }

    /// Marks the set of a decision.
    /// Answers how many others are started again.
    pub(crate) fn mark(&mut self, role: usize, failures: u32, due: Moment, runs: &[Run]) -> usize {
        let at = self.position(role).expect("the role is known");
        let set = match self.settings.strategy {
            Strategy::OneForOne => at..at + 1,
            Strategy::OneForAll => 0..self.entries.len(),
            Strategy::RestForOne => at..self.entries.len(),
        };
        let mut others = 0;
        for at in set {
            let entry = &self.entries[at];
            if entry.role != role {
                if self.waits_for_request(entry, runs) {
                    continue;
                }
                others += usize::from(!entry.temporary());
            }
            let entry = &mut self.entries[at];
            entry.pending = Some((Origin::Restart, due));
            entry.failures = failures;
        }
        others
    }
}
