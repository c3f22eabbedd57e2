//! What the engine says: its notes and its answers, held against the model.

use session_supervisor::engine::{
    Cause, ChildState, Decision, Ending, EventKind, Exit, Mark, Moment, Pending, StopCause,
};

use crate::children::model::{Counted, Expected, Mode, Origin};
use crate::children::sim::{NAMES, Sim};
use crate::children::tickets::Kind;
use crate::domain::Ticket;
use crate::events;
use crate::told::Told;
use crate::world::{Run, Stage};

impl Sim {
    pub(crate) fn judge_answer(&mut self, ticket: Ticket, told: &Told) {
        if !self.model.in_order() && self.model.expected.is_empty() {
            self.join_stops(ticket);
        }
        let caller = &self.tickets.0[ticket];
        let (role, kind, joined) = (caller.role, caller.kind, caller.joined.is_some());
        let named = matches!(kind, Kind::Start | Kind::Restart | Kind::Delete);
        self.model.bury(&self.world.runs);
        let entry = self.model.get(role);
        let state = entry.and_then(|entry| self.model.state(entry, &self.world.runs));
        let run = entry.and_then(|entry| entry.run);
        let stuck = run.is_some_and(|run| self.world.runs[run].stuck);
        let mut runs = self.world.runs.iter().filter(|run| run.id == role);
        let released = runs.all(Run::gone);
        match told {
            Told::Running(found) => {
                let run = entry.and_then(|entry| entry.run).expect("it runs");
                assert_eq!(state, Some(ChildState::Running));
                assert!(std::rc::Rc::ptr_eq(&self.world.runs[run].life.0, &found.0));
                assert_eq!(found.0.ending.get(), Ending::No, "the life is ending");
                assert!(named);
            }
            Told::Present => {
                assert_eq!((kind, state), (Kind::Start, Some(ChildState::NotRunning)));
            }
            Told::Restarting => assert!(named && state == Some(ChildState::Restarting)),
            Told::Deleted => {
                assert_eq!((kind, state), (Kind::Delete, Some(ChildState::NotRunning)));
                assert!(released, "deleted, but something is left");
                self.model.entries.retain(|entry| entry.role != role);
            }
            Told::NotFound => assert!(named != (kind == Kind::Stop) && entry.is_none()),
            Told::Stuck if stuck => {
                if kind == Kind::Stop && !joined {
                    let entry = self.model.entry(role);
                    entry.pending = None;
                    let run = entry.run.expect("a stuck session has a run");
                    self.model.launched[run].retried = false;
                }
            }
            // Then the note must follow in this step, or has come.
            Told::Stuck => self.world.stuck_answers.push(role),
            Told::Ended(exit) => {
                assert!(kind == Kind::Stop && released, "stopped, but alive");
                if !joined && let Some(at) = self.model.position(role) {
                    let entry = &mut self.model.entries[at];
                    let last = entry.last.as_ref().is_some_and(|last| last.is(exit));
                    assert!(*exit == Exit::NotRunning || last, "{exit:?}");
                    entry.pending = None;
                }
            }
            Told::Stopped => {
                let stop = |caller: &crate::children::tickets::Caller| {
                    caller.kind == Kind::Stop && caller.role == role
                };
                let later = self.tickets.0[ticket + 1..].iter().any(stop);
                assert!(named && later, "Stopped without a stop after it");
            }
            Told::Down => {
                assert!(self.model.stopping() && !matches!(kind, Kind::Stop | Kind::Supervisor));
                if kind == Kind::Begin && ticket < self.model.cut_off {
                    let left = self.world.runs.iter().any(|run| !run.gone() && !run.stuck);
                    assert!(!left, "answered before the children are stopped");
                }
            }
            Told::Leased | Told::Stopping => panic!("no child is leased"),
            Told::Gone(_) => panic!("no caller waits for that"),
            Told::Draining | Told::Progress(_) | Told::MoreTime(_) => panic!("no group drains"),
            Told::Begun => {
                assert_eq!(kind, Kind::Begin);
                let pending = |entry: &crate::children::model::Entry| entry.pending.is_some();
                if self.model.mode == Mode::Beginning {
                    assert!(!self.model.entries.iter().any(pending), "begun too early");
                    self.model.mode = Mode::Serving;
                    self.model.react(self.world.now, &self.world.runs);
                }
            }
            Told::ChildFailed { role, .. } => {
                let failed = self.model.failed_start.expect("a start failed");
                assert_eq!((kind, &**role), (Kind::Begin, NAMES[failed]));
                let left = self.world.runs.iter().any(|run| !run.gone() && !run.stuck);
                assert!(!left, "answered before the others are stopped");
            }
            Told::Joined(_)
            | Told::Failed(_)
            | Told::Parked
            | Told::ClaimTaken(_)
            | Told::MaxSessions(_)
            | Told::Rejected(_)
            | Told::TimedOut(_) => {
                panic!("{told:?} is no answer of a group")
            }
        }
    }

    pub(crate) fn note(&mut self, role: usize, kind: &EventKind, error: Option<&Cause>) {
        let now = self.world.now;
        let run = self.model.entry(role).run;
        match kind {
            EventKind::Started { .. } => {
                let index = run.expect("a launch");
                self.model.launched[index].ran = true;
                // If it was cancelled, that came too late to count.
                self.world.runs[index].cancelled = None;
                self.model.launched[index].retried = false;
                self.model.entry(role).has_run = true;
            }
            EventKind::Exited {
                cause, decision, ..
            } => {
                let index = run.expect("a launch");
                self.exit(index, &events::exit(cause, error));
                self.ended(role, index, *decision);
            }
            EventKind::Stuck => self.mark_stuck(run.expect("a launch")),
            EventKind::StuckEnded => {
                let index = run.expect("a launch");
                assert!(self.world.runs[index].gone() && self.world.runs[index].stuck);
                self.model.launch_failed(now, index, &self.world.runs);
            }
            EventKind::Decided(next) => {
                assert!(self.model.undecided.remove(&role), "that was told before");
                if !self.follows(role, *next) {
                    let pending = self.model.entry(role).pending.is_some();
                    let with_others = *next == Decision::WithOthers;
                    assert!(with_others && pending, "{next:?} is none");
                }
            }
            EventKind::RestartFailed { decision, .. } => {
                if !self.follows(role, *decision) {
                    let launched = &self.model.launched[run.expect("a launch")];
                    match *decision {
                        Decision::Undecided(Pending::Tree) => {
                            assert_eq!(launched.origin, Origin::Restart);
                            self.model.undecided.insert(role);
                        }
                        next => assert_eq!(next, Decision::Nothing),
                    }
                }
            }
            EventKind::StartTimedOut { .. } => {
                self.model.undecided.insert(role);
            }
            EventKind::StartFailed { .. } | EventKind::Stopping | EventKind::Killing(_) => {}
            other => panic!("{other:?} is not told of a child"),
        }
    }

    /// What follows an exit, as its note tells it.
    fn ended(&mut self, role: usize, index: usize, next: Decision) {
        if self.follows(role, next) {
            return;
        }
        let (run, launched) = (&self.world.runs[index], &self.model.launched[index]);
        let entry = self.model.get(role).expect("the role is known");
        let later = run.stuck && launched.retried && launched.origin == Origin::Restart;
        let right = if later || self.model.mode == Mode::Beginning {
            self.model.undecided.insert(role);
            Decision::Undecided(Pending::Tree)
        } else if entry.pending.is_some() && !entry.temporary() {
            Decision::WithOthers
        } else {
            Decision::Nothing
        };
        assert_eq!(next, right, "what follows");
    }

    /// Whether something is decided for the role now; then the note must tell it.
    fn follows(&mut self, role: usize, next: Decision) -> bool {
        let now = self.world.now;
        let limit = self.model.settings.limit;
        let budget_left = limit.map(|limit| {
            let recent = |at: &&Moment| now.since(**at) <= limit.window();
            let count = self.model.log.0.iter().filter(recent).count();
            let count = u32::try_from(count).unwrap();
            assert!(count <= limit.max(), "more restarts than the limit allows");
            limit.max() - count
        });
        match self.model.expected.front() {
            Some(Expected::Restarting { role: who, .. } | Expected::LimitReached(who))
                if *who == role => {}
            _ => return false,
        }
        match (self.model.expected.pop_front(), next) {
            (
                Some(Expected::Restarting {
                    failures,
                    shortest,
                    longest,
                    ..
                }),
                Decision::Restart { after, .. } | Decision::RestartWithOthers { after, .. },
            ) => {
                assert!((shortest..=longest).contains(&after), "pause {after:?}");
                let restarts = self.model.entry(role).restarts + 1;
                let due = now.after(after);
                let others = self.model.mark(role, failures, due, &self.world.runs);
                let right = match others {
                    0 => Decision::Restart {
                        after,
                        restarts,
                        budget_left,
                        limit,
                    },
                    others => Decision::RestartWithOthers {
                        after,
                        restarts,
                        budget_left,
                        limit,
                        others,
                    },
                };
                assert_eq!(next, right);
                self.model.react(now, &self.world.runs);
            }
            (Some(Expected::LimitReached(_)), Decision::EscalateAll(reached)) => {
                assert_eq!(Some(reached), limit);
            }
            (expected, next) => panic!("the engine says {next:?}, the model {expected:?}"),
        }
        true
    }

    pub(crate) fn stops(&mut self, cause: StopCause) {
        let begins = self.model.mode == Mode::Beginning;
        match self.model.expected.pop_front() {
            Some(Expected::Stops(expected, because)) if expected == cause => {
                self.model.stop(self.world.now, because, &self.world.runs);
                self.model.report.cause = cause;
                if begins {
                    // The root fails before it reads an event.
                    self.world.over = true;
                    self.model.cut_off = self.tickets.0.len();
                }
                self.lose();
            }
            other => panic!("the engine stops ({cause:?}), the model says {other:?}"),
        }
    }

    fn exit(&mut self, index: usize, exit: &Exit) {
        let mark = self.mark_of(index);
        let run = &mut self.world.runs[index];
        assert!(run.reported && !run.judged(), "an exit is judged twice");
        run.ended = Some(self.world.now);
        let asked = run.stopped.is_some() || run.killed.is_some() || run.stuck;
        let right = match (mark, exit) {
            (Mark::Orderly | Mark::LinkFailed, Exit::Shutdown) => asked,
            (Mark::LinkFailed, Exit::Failed { .. }) => !asked,
            (Mark::Orderly, Exit::Normal { .. }) => !asked,
            (Mark::Failed, Exit::Failed { .. }) | (Mark::Missing, Exit::Killed) => true,
            _ => false,
        };
        assert!(right, "judged {exit:?}, mark {mark:?}, asked {asked}");
        self.model
            .exited(self.world.now, index, &self.world.runs, exit);
    }

    fn mark_stuck(&mut self, index: usize) {
        let stopping = self.model.stopping();
        let run = &mut self.world.runs[index];
        assert!(!run.stuck, "a stuck session twice");
        let early = stopping && run.will_be_outlived();
        assert!(!early, "it has not told about those below it");
        match run.killed.or(run.cancelled.filter(|_| !run.reported)) {
            _ if matches!(run.stage, Stage::HalfBegun) => {}
            Some(since) if !run.judged() => {
                let verdict = self.model.verdict(since);
                assert!(self.world.now >= verdict, "a stuck session too early");
            }
            _ => assert!(run.judged(), "a stuck session that was not killed"),
        }
        run.stuck = true;
        if self.model.stopping() {
            let counted = &mut self.model.launched[index].counted;
            self.model.known += usize::from(*counted == Counted::No);
            *counted = Counted::AsItEnds;
        }
        let role = run.id;
        self.world
            .stuck_answers
            .retain(|answered| *answered != role);
        // A set that was waited for is waited for no more, so it is the turn of those who stop
        // others, and the set may go on in this very step.
        self.join_stops(Ticket::MAX);
    }
}
