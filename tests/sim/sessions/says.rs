//! What the engine says: its notes and its answers, held against the model.

use session_supervisor::engine::{
    Cause, Decision, EndReason, Ending, EventKind, Exit, Kill, Life, Mark, Recall, Restart, Seen,
    SessionState, Spec, StopCause,
};

use crate::domain::Ticket;
use crate::events;
use crate::sessions::model::{Expected, Outcome};
use crate::sessions::sim::Sim;
use crate::sessions::tickets::Kind;
use crate::told::Told;
use crate::world::{Event, Stage};

impl Sim {
    pub(crate) fn judge_answer(&mut self, ticket: Ticket, told: &Told) {
        let caller = &self.tickets.0[ticket];
        let (id, kind, state) = (caller.id, caller.kind, caller.state);
        let shown = self.model.shown(id);
        let nothing_left = self.world.runs.iter().all(|run| run.id != id || run.gone());
        match told {
            Told::Running(found) => {
                let run = &self.world.runs[self.model.entry(id).run];
                assert_eq!(shown, Some(SessionState::Running));
                assert!(std::rc::Rc::ptr_eq(&run.life.0, &found.0), "an old life");
                assert_eq!(found.0.ending.get(), Ending::No, "the life is ending");
            }
            Told::Joined(found) => {
                let index = self.model.entry(id).run;
                let run = &self.world.runs[index];
                assert!(std::rc::Rc::ptr_eq(&run.life.0, &found.0), "an old life");
                assert!(run.reported && run.recall == Recall::InTime);
                self.joined_rightly(ticket, index);
            }
            Told::Failed(_) => {
                let failed = (0..self.world.runs.len())
                    .rev()
                    .find(|&at| self.world.runs[at].id == id);
                self.joined_rightly(ticket, failed.expect("a launch"));
            }
            Told::Parked => assert_eq!(shown, Some(SessionState::Parked)),
            Told::ClaimTaken(taken) => self.refused_for_a_claim(ticket, taken),
            Told::MaxSessions(max) => {
                assert_eq!(*max, self.model.settings.max_sessions);
                assert_eq!(self.claim_taken(ticket), None, "a claim comes first");
                assert!(
                    self.model.places(id) >= *max,
                    "refused although there is a place"
                );
                let may = kind.starts() || shown == Some(SessionState::Parked);
                assert!(may, "a restart is refused for want of a place");
            }
            Told::Rejected(rejection) => self.judge_rejection(ticket, rejection),
            Told::Stuck if shown == Some(SessionState::Stuck) => {}
            // Then the note must follow in this step.
            Told::Stuck => self.world.stuck_answers.push(id),
            Told::Down => {
                let drains = self.model.drains() && !self.world.finished;
                assert!(!self.model.serving && !drains, "Down while serving");
            }
            Told::Draining => assert!(self.model.drains(), "Draining, and it does not drain"),
            Told::Progress(progress) => self.has_come_this_far(ticket, *progress),
            Told::MoreTime(answer) => self.granted(ticket, *answer),
            Told::NotFound => {
                let known = matches!(kind, Kind::Restart | Kind::AwaitRunning) && shown.is_some();
                assert!(!known, "not found, but it is there");
                assert!(nothing_left || self.world.over, "not found, but alive");
            }
            Told::Ended(exit) => {
                assert!(nothing_left, "stopped, but alive");
                self.model.bury(self.world.now, &self.world.runs);
                let ran = kind == Kind::Stop && state == Some(SessionState::Running);
                assert!(!ran || *exit != Exit::NotRunning, "it was running");
            }
            Told::Gone(end) => {
                assert!(nothing_left, "it is over, and alive");
                assert_eq!(end.why, self.model.why(id), "why {id} is over");
                self.is_told_as_followers_are(id, end.why);
                self.model.bury(self.world.now, &self.world.runs);
            }
            Told::Stopped => {}
            Told::Begun
            | Told::ChildFailed { .. }
            | Told::Present
            | Told::Restarting
            | Told::Deleted => panic!("{told:?} is a group's"),
            Told::Leased | Told::Stopping => panic!("{told:?} is told in `expiry` alone"),
            // A launch's own caller is told with the cancel.
            Told::TimedOut(_) => assert!(matches!(kind, Kind::Ensure | Kind::Restart)),
        }
    }

    /// A restart by hand shares only a launch that was ordered after it was asked.
    fn joined_rightly(&self, ticket: Ticket, index: usize) {
        let caller = &self.tickets.0[ticket];
        let shared = self.world.runs[index]
            .ticket
            .map(|first| self.tickets.0[first].kind);
        match caller.kind {
            Kind::Restart => assert!(caller.after <= index, "it shares an earlier launch"),
            _ => assert!(shared.is_some(), "it shares a launch without a caller"),
        }
    }

    pub(crate) fn note(&mut self, id: usize, kind: &EventKind, error: Option<&Cause>) {
        let now = self.world.now;
        match kind {
            EventKind::Started { .. } => {
                self.model.show(id, SessionState::Running);
                // If it was cancelled, that came too late to count.
                let index = self.model.entry(id).run;
                self.world.runs[index].cancelled = None;
                self.runs_after_all(id);
                let life = self.model.entry(id).life;
                if let Some(drain) = &mut self.model.drain {
                    drain.runs_after_all(index, life);
                }
            }
            EventKind::Exited {
                cause, decision, ..
            } => {
                self.exited(id, &events::exit(cause, error));
                let shown = self.model.shown(id);
                match decision {
                    Decision::Forget => assert_eq!(shown, None, "forgotten, and it goes on"),
                    Decision::RestartByHand => {
                        assert_eq!(shown, Some(SessionState::Restarting), "by nobody's hand");
                    }
                    _ => {}
                }
                self.follows(id, *decision);
            }
            EventKind::RestartFailed { decision, .. } => self.follows(id, *decision),
            EventKind::Decided(decision) => {
                assert!(!events::is_nothing(*decision), "a decision for nothing");
                self.follows(id, *decision);
            }
            EventKind::Stuck => self.mark_stuck(id),
            EventKind::StuckEnded => {
                let index = self.model.entry(id).run;
                assert!(self.world.runs[index].gone() && self.world.runs[index].stuck);
                self.model.stuck_ended(now, id, &self.world.runs[index]);
            }
            EventKind::Discarded => match self.model.expected.pop_front() {
                Some(Expected::Discarded(who)) if who == id => {
                    let why = EndReason::Discarded;
                    self.model.forget(id, Outcome::NotRunning, why);
                }
                other => panic!("the engine discards {id}, the model says {other:?}"),
            },
            EventKind::Expired(_) => panic!("no session here expires"),
            EventKind::Killing(Kill::Turn) => self.turn_is_over(id),
            EventKind::StartFailed { .. }
            | EventKind::ClaimTaken { .. }
            | EventKind::StartTimedOut { .. }
            | EventKind::Stopping
            | EventKind::MoreTime(_)
            | EventKind::Killing(_) => {}
            // Told to those who follow alone.
            EventKind::Queued { .. }
            | EventKind::Launching { .. }
            | EventKind::LaunchCancelled { .. }
            | EventKind::Withdrawn => {}
            EventKind::Gone(why) => assert_eq!(*why, self.model.why(id), "why {id} is over"),
            other => panic!("unknown {other:?}"),
        }
    }

    /// What follows an exit or a failure, as the engine says.
    fn follows(&mut self, id: usize, next: Decision) {
        let now = self.world.now;
        if events::is_nothing(next) {
            // Should the model expect something, it is missed after this step.
            return;
        }
        match (next, self.model.expected.pop_front()) {
            (
                Decision::Restart {
                    after: delay,
                    restarts,
                    ..
                },
                Some(Expected::Restarting {
                    restarts: count,
                    shortest,
                    longest,
                }),
            ) => {
                assert_eq!(restarts, count, "restarts");
                assert!((shortest..=longest).contains(&delay), "pause {delay:?}");
                let counted = self.model.counted_restarts(now, id);
                assert_eq!(next.used(), counted, "used up");
                let entry = self.model.entry(id);
                entry.due = now.after(delay);
                entry.shown = Some(SessionState::Restarting);
                entry.relaunch = false;
                entry.outcome = Outcome::NotRunning;
            }
            (Decision::Park { limit, until }, Some(Expected::Parked { used_up })) => {
                assert_eq!(limit.is_some(), used_up);
                self.model.park(now, id, until);
            }
            (Decision::Remove(_) | Decision::Escalate(_), Some(Expected::LimitReached))
            | (Decision::EscalateAll(_), Some(Expected::TotalLimitReached)) => {}
            (next, front) => panic!("the engine says {next:?}, the model {front:?}"),
        }
    }

    pub(crate) fn supervisor_stops(&mut self, cause: StopCause) {
        if cause == StopCause::Escalated {
            let Some(Expected::Escalated(id)) = self.model.expected.pop_front() else {
                panic!("an escalation out of place");
            };
            self.model.stop(cause);
            let outcome = self.model.entry(id).exit.unwrap_or(Outcome::NotRunning);
            let why = self.model.why(id);
            self.model.forget(id, outcome, why);
        } else {
            assert!(!self.model.serving);
        }
    }

    fn exited(&mut self, id: usize, exit: &Exit) {
        let index = self.model.entry(id).run;
        let run = &mut self.world.runs[index];
        assert!(run.reported && !run.judged(), "an exit is judged twice");
        run.ended = Some(self.world.now);
        let asked = run.stopped.is_some() || run.killed.is_some() || run.stuck;
        let failed_event = matches!(&run.event, Event::Sent(Seen::Failed(_)));
        let right = match (run.life.mark(), exit) {
            (Mark::Orderly | Mark::LinkFailed, Exit::Shutdown) => asked,
            (Mark::LinkFailed, Exit::Failed { .. }) => !asked,
            (Mark::Orderly, Exit::Normal { .. }) => !asked,
            (Mark::Failed | Mark::GaveUp, Exit::Failed { .. }) => true,
            (Mark::Missing, Exit::Killed) => !failed_event,
            _ => false,
        };
        assert!(
            right,
            "judged {exit:?}, mark {:?}, asked {asked}",
            run.life.mark()
        );
        self.model
            .exited(self.world.now, id, &self.world.runs[index], exit);
    }

    fn mark_stuck(&mut self, id: usize) {
        let now = self.world.now;
        let index = self.model.entry(id).run;
        let since = self.world.runs[index]
            .killed
            .or(self.world.runs[index].cancelled);
        let verdict = since.map(|since| self.model.verdict(since));
        let run = &mut self.world.runs[index];
        assert!(!run.stuck, "a stuck session twice");
        let early = !self.model.serving && run.will_be_outlived();
        assert!(!early, "it has not told about those below it");
        if let Stage::HalfBegun = run.stage {
            assert!(run.cancelled.is_some());
        } else if let Some(verdict) = verdict
            && !run.judged()
        {
            assert!(now >= verdict, "a stuck session too early");
        } else {
            assert!(run.judged(), "a stuck session that was not killed");
        }
        run.stuck = true;
        self.model.drain_gives_up(now, id);
        self.world.stuck_answers.retain(|answered| *answered != id);
        let entry = self.model.entry(id);
        // Its place had been free.
        entry.came_back = entry.shown.is_none();
        // A restart by hand has its answer. The rule of a temporary one never brings it back.
        if entry.relaunch && entry.spec.policy().restart == Restart::Temporary {
            entry.why.get_or_insert(EndReason::Requested);
        }
        self.model.show(id, SessionState::Stuck);
    }
}
