//! What the engine says it does: each effect is carried out in the world and held against the model.
//!
//! Absent on purpose: what the engine should have done and did not; see `checks`.

use session_supervisor::engine::{
    Answer, Context, Effect, Ending, Exit, KILL_BOUND, Key, Life, Mark, Note, Recall, Seen,
    SessionState, Shutdown, Spec, StopCause,
};

use crate::model::{Entry, Expected, Origin, Outcome};
use crate::sim::Sim;
use crate::tickets::Kind;
use crate::world::{Event, Run, SimDomain, SimLife, SimSpec, Ticket};

impl Sim {
    pub(crate) fn effect(&mut self, effect: Effect<SimDomain>) {
        match effect {
            Effect::Launch {
                context,
                spec,
                life,
                ticket,
            } => self.launch(&context, spec, life, ticket),
            Effect::Cancel { life, answer } => self.cancel(life.0.key, &answer),
            Effect::Stop { life } => self.told_to_stop(life.0.key),
            Effect::Kill { life } => self.told_to_die(life.0.key),
            Effect::Answer { ticket, answer } => {
                self.tickets.answer_with(ticket, &answer);
                self.judge_answer(ticket, &answer);
            }
            Effect::Discard(_) => {}
            Effect::Note { id, note, .. } => {
                let id = id.map(|id| self.index(&id));
                self.note(id, note);
            }
            Effect::Finished {
                report, tickets, ..
            } => {
                assert!(!self.finished, "Finished comes twice");
                self.finished = true;
                self.report = Some(report);
                for ticket in tickets {
                    assert_eq!(self.tickets.0[ticket].kind, Kind::Supervisor);
                    self.tickets.answer(ticket);
                }
            }
        }
    }

    fn launch(&mut self, context: &Context, spec: SimSpec, life: SimLife, ticket: Option<Ticket>) {
        let id = self.index(&context.id);
        let now = self.now;
        assert!(self.model.serving, "a launch after the supervisor's stop");
        let index = self.runs.len();
        assert_eq!(life.0.key.launch.0, index as u64 + 1, "launch numbers");
        assert!(
            self.runs.iter().all(|run| run.id != id || run.gone()),
            "two incarnations of one id"
        );
        if let Some(ticket) = ticket {
            self.tickets.launch(ticket, id);
        }
        self.model.bury(&self.runs);
        let full = self.model.places(id) >= self.model.settings.max_sessions;
        match &mut self.model.entries[id] {
            slot @ None => {
                let caller = &self.tickets.0[ticket.expect("a first start has a caller")];
                assert_eq!(caller.kind, Kind::Start);
                let asked = caller.spec.as_ref().expect("a start has a spec");
                assert!(std::rc::Rc::ptr_eq(&asked.0, &spec.0), "another's spec");
                assert!(!full, "a first start without a place");
                self.model.lives += 1;
                *slot = Some(Entry {
                    life: self.model.lives,
                    spec: spec.clone(),
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
                    relaunch: false,
                    exit: None,
                    outcome: Outcome::NotRunning,
                });
            }
            Some(entry) => {
                assert!(!entry.doomed, "a launch of an id that was stopped");
                let by_hand = ticket.map(|ticket| self.tickets.0[ticket].kind);
                assert!(by_hand.is_none_or(|kind| kind == Kind::Restart));
                entry.origin = match (entry.shown, by_hand) {
                    (Some(SessionState::Parked), Some(_)) => {
                        assert!(!full, "a resume without a place");
                        entry.log = crate::limits::Log::default();
                        entry.step = 0;
                        Origin::Resume
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
        self.runs
            .push(Run::new(id, life, spec, ticket, now, &mut self.rng));
        self.active.push(index);
    }

    /// The run that an effect means: it must be the present one of its id.
    fn meant(&mut self, key: Key) -> (usize, usize) {
        let index = usize::try_from(key.launch.0 - 1).unwrap();
        let id = self.runs[index].id;
        assert_eq!(
            self.model.entry(id).run,
            index,
            "an effect for an old launch"
        );
        (index, id)
    }

    fn cancel(&mut self, key: Key, answer: &Answer<SimDomain>) {
        let (index, id) = self.meant(key);
        let run = &mut self.runs[index];
        assert!(
            !run.reported && run.cancelled.is_none(),
            "a cancel out of place"
        );
        run.cancelled = Some(self.now);
        let entry = self.model.entries[id].as_mut().unwrap();
        let temporary =
            entry.spec.policy().restart == session_supervisor::engine::Restart::Temporary;
        match answer {
            Answer::TimedOut(after) => {
                assert_eq!(*after, run.spec.policy().start_timeout);
                assert!(
                    self.now >= run.launched.after(*after),
                    "timed out too early"
                );
                let leaving = (!self.model.serving).then_some(SessionState::Stopping);
                entry.shown = match entry.origin {
                    Origin::First => leaving,
                    Origin::Manual if temporary => leaving,
                    _ => Some(SessionState::Restarting),
                };
            }
            Answer::Stopped => {
                assert!(entry.doomed);
                entry.shown = Some(SessionState::Stopping);
            }
            Answer::Down => {
                assert!(!self.model.serving);
                entry.shown = Some(SessionState::Stopping);
            }
            other => panic!("a launch is cancelled with {other:?}"),
        }
        if run.cancel()
            && let Some(ticket) = run.ticket
        {
            self.tickets.answer_with(ticket, answer);
        }
    }

    /// Whether somebody has a reason to end a run.
    fn wanted(&mut self, index: usize, id: usize) -> bool {
        let restarts = |kind| kind == Kind::Restart;
        let queued = self
            .tickets
            .waiting(|caller| caller.id == id && restarts(caller.kind) && !caller.launched);
        let entry = self.model.entry(id);
        if entry.doomed || !self.model.serving || self.runs[index].recall == Recall::TooLate {
            return true;
        }
        // Perhaps it was the turn of one that had waited.
        let entry = self.model.entry(id);
        entry.relaunch |= queued.is_some();
        entry.relaunch
    }

    fn told_to_stop(&mut self, key: Key) {
        let (index, id) = self.meant(key);
        let late = self
            .model
            .deadline
            .is_some_and(|deadline| deadline <= self.now);
        let wanted = self.wanted(index, id);
        let run = &mut self.runs[index];
        assert!(run.reported && !run.judged, "a stop out of place");
        assert!(run.stopped.is_none() && run.killed.is_none(), "two stops");
        assert!(!late && run.spec.policy().shutdown != Shutdown::BrutalKill);
        assert!(wanted, "a stop unasked");
        run.stopped = Some(self.now);
        run.told_to_stop = true;
        self.model.show(id, SessionState::Stopping);
    }

    fn told_to_die(&mut self, key: Key) {
        let (index, id) = self.meant(key);
        let late = self
            .model
            .deadline
            .is_some_and(|deadline| deadline <= self.now);
        let wanted = self.wanted(index, id);
        let run = &mut self.runs[index];
        assert!(run.reported, "a kill out of place");
        run.told_to_die = true;
        if run.zombie {
            return;
        }
        assert!(!run.judged && run.killed.is_none(), "two kills");
        assert!(wanted, "a kill unasked");
        let brutal = run.spec.policy().shutdown == Shutdown::BrutalKill;
        let expired = run
            .stopped
            .zip(run.grace())
            .is_some_and(|(at, grace)| at.after(grace) <= self.now);
        assert!(late || brutal || expired, "killed before its grace is over");
        run.killed = Some(self.now);
        self.model.show(id, SessionState::Stopping);
    }

    fn judge_answer(&mut self, ticket: Ticket, answer: &Answer<SimDomain>) {
        let caller = &self.tickets.0[ticket];
        let (id, kind, state) = (caller.id, caller.kind, caller.state);
        let shown = self.model.shown(id);
        let nothing_left = self.runs.iter().all(|run| run.id != id || run.gone());
        match answer {
            Answer::Running(life) => {
                let run = &self.runs[self.model.entry(id).run];
                assert_eq!(shown, Some(SessionState::Running));
                assert!(std::rc::Rc::ptr_eq(&run.life.0, &life.0), "an old life");
                assert_eq!(life.ending(), Ending::No, "the life is ending");
            }
            Answer::Parked => assert_eq!(shown, Some(SessionState::Parked)),
            Answer::MaxSessions(max) => {
                assert_eq!(*max, self.model.settings.max_sessions);
                assert!(
                    self.model.places(id) >= *max,
                    "refused although there is a place"
                );
                let may = kind == Kind::Start || shown == Some(SessionState::Parked);
                assert!(may, "a restart is refused for want of a place");
            }
            Answer::Zombie if shown == Some(SessionState::Zombie) => {}
            // Then the note must follow in this step.
            Answer::Zombie => self.zombie_answers.push(id),
            Answer::Down => assert!(!self.model.serving, "Down while serving"),
            Answer::NotFound => {
                let known = kind == Kind::Restart && shown.is_some();
                assert!(!known, "not found, but it is there");
                assert!(nothing_left || self.over, "not found, but alive");
            }
            Answer::Ended(exit) => {
                assert!(nothing_left, "stopped, but alive");
                self.model.bury(&self.runs);
                let ran = state == Some(SessionState::Running);
                assert!(!ran || *exit != Exit::NotRunning, "it was running");
            }
            Answer::Stopped => {}
            Answer::TimedOut(_) => panic!("TimedOut comes with a cancel alone"),
        }
    }

    fn note(&mut self, id: Option<usize>, note: Note) {
        let now = self.now;
        let Some(id) = id else {
            if let Note::SupervisorStopping(cause) = note {
                self.supervisor_stops(cause);
            }
            return;
        };
        let front = match note {
            Note::Restarting { .. }
            | Note::LimitReached
            | Note::TotalLimitReached
            | Note::Parked => Some(self.model.expected.pop_front()),
            _ => None,
        };
        match (note, front.flatten()) {
            (Note::Started, _) => {
                self.model.show(id, SessionState::Running);
                // If it was cancelled, that came too late to count.
                let index = self.model.entry(id).run;
                self.runs[index].cancelled = None;
            }
            (Note::Exited(exit), _) => self.exited(id, &exit),
            (Note::Zombie, _) => self.zombie(id),
            (Note::ZombieEnded, _) => {
                let index = self.model.entry(id).run;
                assert!(self.runs[index].gone() && self.runs[index].zombie);
                self.model.zombie_ended(now, id, &self.runs[index]);
            }
            (
                Note::Restarting { restarts, delay },
                Some(Expected::Restarting {
                    restarts: count,
                    shortest,
                    longest,
                }),
            ) => {
                assert_eq!(restarts, count, "restarts");
                assert!((shortest..=longest).contains(&delay), "pause {delay:?}");
                let entry = self.model.entry(id);
                entry.due = now.after(delay);
                entry.shown = Some(SessionState::Restarting);
                entry.relaunch = false;
                entry.outcome = Outcome::NotRunning;
            }
            (Note::Parked, Some(Expected::Parked)) => {
                let entry = self.model.entry(id);
                entry.shown = Some(SessionState::Parked);
                entry.outcome = Outcome::NotRunning;
            }
            (Note::LimitReached, Some(Expected::LimitReached))
            | (Note::TotalLimitReached, Some(Expected::TotalLimitReached)) => {}
            (note, front)
                if front.is_some()
                    || matches!(
                        note,
                        Note::Restarting { .. }
                            | Note::LimitReached
                            | Note::TotalLimitReached
                            | Note::Parked
                    ) =>
            {
                panic!("the engine says {note:?}, the model {front:?}");
            }
            _ => {}
        }
    }

    fn supervisor_stops(&mut self, cause: StopCause) {
        if cause == StopCause::Escalated {
            let Some(Expected::Escalated(id)) = self.model.expected.pop_front() else {
                panic!("an escalation out of place");
            };
            self.model.stop();
            let outcome = self.model.entry(id).exit.unwrap_or(Outcome::NotRunning);
            self.model.forget(id, outcome);
        } else {
            assert!(!self.model.serving);
        }
    }

    fn exited(&mut self, id: usize, exit: &Exit) {
        let index = self.model.entry(id).run;
        let run = &mut self.runs[index];
        assert!(run.reported && !run.judged, "an exit is judged twice");
        run.judged = true;
        let asked = run.stopped.is_some() || run.killed.is_some() || run.zombie;
        let failed_event = matches!(&run.event, Event::Sent(Seen::Failed(_)));
        let right = match (run.life.mark(), exit) {
            (Mark::Orderly, Exit::Shutdown) => asked,
            (Mark::Orderly, Exit::Normal { .. }) => !asked,
            (Mark::Failed, Exit::Failed { .. }) => true,
            (Mark::Missing, Exit::Killed) => !failed_event,
            _ => false,
        };
        assert!(
            right,
            "judged {exit:?}, mark {:?}, asked {asked}",
            run.life.mark()
        );
        self.model.exited(self.now, id, &self.runs[index], exit);
    }

    fn zombie(&mut self, id: usize) {
        let now = self.now;
        let entry = self.model.entry(id);
        let run = &mut self.runs[entry.run];
        let since = run.killed.or(run.cancelled);
        assert!(!run.zombie, "a zombie twice");
        if let Some(since) = since
            && !run.judged
        {
            let since = since.max(self.model.last_end.min(since.after(KILL_BOUND * 10)));
            assert!(now >= since.after(KILL_BOUND), "a zombie too early");
        } else {
            assert!(run.judged, "a zombie that was not killed");
        }
        run.zombie = true;
        self.zombie_answers.retain(|answered| *answered != id);
        self.model.show(id, SessionState::Zombie);
    }
}
