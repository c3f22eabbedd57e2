//! One history under way: the engine, its world, the model, and everything that can be fed in.
//!
//! `history` chooses what happens; this carries it out and has it checked.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    Backoff, Effect, EndReason, Engine, Input, Moment, Request, Restart, Seen, SessionState,
    Settings, Spec, StopCause,
};

use crate::domain::{SimDomain, SimSpec, Ticket, Waiter};
use crate::frame::{History, World};
use crate::record::Trace;
use crate::rng::Rng;
use crate::sessions::claims::Claims;
use crate::sessions::followed::Follower;
use crate::sessions::history::{self, Plays};
use crate::sessions::lists::OpenList;
use crate::sessions::model::{IDS, Model, Origin, Outcome};
use crate::sessions::stats::Tally;
use crate::sessions::tickets::{Kind, Tickets};
use crate::summed::Summed;
use crate::world::{Deed, Event, Stage};

pub(crate) const NAMES: [&str; IDS] = ["a", "b", "c", "d"];

#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) world: World,
    pub(crate) engine: Engine<SimDomain>,
    pub(crate) model: Model,
    pub(crate) tickets: Tickets,
    pub(crate) list: Option<OpenList>,
    pub(crate) ids: [Arc<str>; IDS],
    pub(crate) plays: Plays,
    pub(crate) claims: Claims,
    pub(crate) follower: Option<Box<Follower>>,
    pub(crate) summed: Summed,
    pub(crate) tally: Tally,
}

impl Sim {
    pub(crate) fn with(settings: Settings, rng: Rng, trace: Trace) -> Self {
        Waiter::all_are_there();
        let mut sim = Self {
            world: World::new(rng, trace),
            engine: Engine::new(settings),
            model: Model::new(settings),
            tickets: Tickets::default(),
            list: None,
            ids: NAMES.map(Arc::from),
            plays: Plays::Plain,
            claims: Claims::default(),
            follower: None,
            summed: Summed::default(),
            tally: Tally::default(),
        };
        sim.tell(|| format!("{settings:?}"));
        sim
    }

    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        self.world.record.tell(line);
    }

    pub(crate) fn index(&self, id: &str) -> usize {
        NAMES
            .iter()
            .position(|name| *name == id)
            .expect("an id of ours")
    }

    pub(crate) fn start(&mut self, id: usize, kind: Kind) {
        let (mut policy, pauses) = crate::rules::policy(&mut self.world.rng);
        // The supervisor's default is none.
        if policy.backoff == Some(Backoff::none()) && self.world.rng.chance(50) {
            policy.backoff = None;
        }
        let group = self.draw_group();
        let spec = self.spec(policy, pauses).of_group(group);
        let ticket = Waiter(self.ask(kind, id, Some(spec.kept())));
        let request = match kind {
            Kind::Ensure => Request::Ensure { spec, ticket },
            _ => Request::Start { spec, ticket },
        };
        self.ask_engine(id, request);
    }

    pub(crate) fn restart(&mut self, id: usize) {
        let ticket = self.ask(Kind::Restart, id, None);
        let serving = self.model.serving;
        let now = self.world.now;
        if serving && let Some(entry) = &mut self.model.entries[id] {
            let run = &self.world.runs[entry.run];
            let ending = run.life.0.ending.get() == session_supervisor::engine::Ending::Yes;
            match entry.shown {
                Some(SessionState::Running) if !ending => entry.relaunch = true,
                Some(SessionState::Restarting) if run.gone() || run.judged() => entry.due = now,
                _ => {}
            }
        }
        let ticket = Waiter(ticket);
        self.ask_engine(id, Request::Restart { ticket });
    }

    pub(crate) fn stop(&mut self, id: usize) {
        let ticket = self.ask(Kind::Stop, id, None);
        if let Some(entry) = &mut self.model.entries[id] {
            entry.doomed = true;
            entry.why.get_or_insert(EndReason::Requested);
            entry.stopped.get_or_insert(self.world.now);
        }
        if self.at_rest(id) {
            self.model.drain_waits(self.world.now, id);
            let why = EndReason::Requested;
            self.model.forget(id, Outcome::NotRunning, why);
        }
        let ticket = Waiter(ticket);
        self.ask_engine(id, Request::Stop { ticket });
        let queued = self
            .tickets
            .waiting(|caller| caller.kind.launches() && caller.id == id && !caller.launched);
        assert_eq!(queued, None, "a stop left a request in the queue before it");
    }

    /// A caller that waits goes away.
    pub(crate) fn go_away(&mut self) {
        let waiting: Vec<_> = (0..self.tickets.0.len())
            .filter(|&ticket| !self.tickets.0[ticket].answered)
            .collect();
        if !waiting.is_empty() {
            let ticket = self.world.rng.pick(&waiting);
            self.tell(|| format!("  caller {ticket} goes away"));
            self.tickets.0[ticket].gone = true;
            Waiter::goes(ticket);
        }
    }

    /// Whether an id is known, but nothing of it runs or is being launched.
    pub(crate) fn at_rest(&self, id: usize) -> bool {
        self.model.entries[id].as_ref().is_some_and(|entry| {
            let run = &self.world.runs[entry.run];
            match entry.shown {
                Some(SessionState::Parked) => true,
                Some(SessionState::Restarting) => run.gone() || run.judged(),
                _ => false,
            }
        })
    }

    pub(crate) fn ask(&mut self, kind: Kind, id: usize, spec: Option<SimSpec>) -> Ticket {
        let state = self.model.shown(id);
        self.tickets
            .add(kind, id, spec, state, self.world.runs.len())
    }

    pub(crate) fn ask_engine(&mut self, id: usize, request: Request<SimDomain>) {
        let id = Arc::clone(&self.ids[id]);
        self.feed(Input::Asked { id, request });
    }

    pub(crate) fn deadline(&mut self, within: Option<Duration>) {
        let new = within.map(|within| self.world.now.after(within));
        let earlier = |old: Option<Moment>| old.into_iter().chain(new).min();
        self.model.deadline = earlier(self.model.deadline);
        self.model.must = earlier(self.model.must);
    }

    fn close_events(&mut self, cause: StopCause) {
        self.world.over = true;
        self.model.stop(cause);
        for &index in &self.world.active {
            if self.world.runs[index].lost() {
                self.world.runs[index].stage = Stage::Gone;
            }
        }
    }
}

impl History for Sim {
    type Engine = Engine<SimDomain>;

    fn new(mut rng: Rng, trace: Trace) -> Self {
        let settings = crate::rules::settings(&mut rng);
        Self::with(settings, rng, trace)
    }

    fn play(&mut self) {
        history::run(self);
    }

    fn world(&mut self) -> &mut World {
        &mut self.world
    }

    fn engine(&self) -> &Self::Engine {
        &self.engine
    }

    fn parts(&mut self) -> (&mut Self::Engine, &mut World) {
        (&mut self.engine, &mut self.world)
    }

    fn before(&mut self) {
        self.foresee();
    }

    fn effect(&mut self, effect: Effect<SimDomain>) {
        self.tally_effect(&effect);
        self.carry_out(effect);
    }

    fn timeout(&mut self) {
        if let Some(drain) = &mut self.model.drain {
            drain.swept = true;
        }
        self.go_off();
        self.model.swept();
    }

    fn check(&mut self) {
        self.check_all();
    }

    fn picture(&mut self) -> String {
        let engine = &self.engine;
        format!(
            "{:?}",
            (engine.counts(), engine.entries(), engine.poll_timeout())
        )
    }

    /// Parked sessions look for a place for ever.
    fn is_still(&self) -> bool {
        let entries = self.model.entries.iter().flatten();
        let rests = |state| {
            matches!(
                state,
                SessionState::Running | SessionState::Parked | SessionState::Stuck
            )
        };
        let full = self.model.places(IDS) >= self.model.settings.max_sessions;
        self.model.serving
            && (full || self.all_parked_wait_for_their_groups())
            && entries
                .into_iter()
                .all(|entry| entry.shown.is_some_and(rests) && (!entry.parks() || entry.missed))
    }

    fn edge(&mut self) -> Option<Moment> {
        history::edge(self)
    }

    fn deliver(&mut self, index: usize, deed: Deed) {
        self.tally_deed(index, &deed);
        let run = &mut self.world.runs[index];
        let (key, id) = (run.life.0.key, run.id);
        self.tell(|| format!("  run {}: {deed:?}", index + 1));
        let run = &mut self.world.runs[index];
        match deed {
            Deed::Silent => {}
            Deed::Claim => {
                if let Some(ticket) = run.ticket {
                    self.tickets.answer(ticket);
                }
            }
            Deed::Started => {
                run.reported = true;
                run.started = self.world.now;
                let recall = run.recall;
                self.feed(Input::Started { key, recall });
            }
            Deed::StartFailed(failure) => {
                run.stage = Stage::Gone;
                self.start_failed(index, &failure);
                self.feed(Input::StartFailed { key, failure });
            }
            Deed::StartOutlived(failure) => {
                run.stage = Stage::HalfBegun;
                let entry = self.model.entry(id);
                let leaves = match entry.origin {
                    Origin::First => true,
                    Origin::Manual => entry.spec.policy().restart == Restart::Temporary,
                    Origin::Restart | Origin::Resume | Origin::Trial => false,
                };
                if !run.stuck {
                    // From here on it is as one that was cancelled.
                    run.cancelled.get_or_insert(self.world.now);
                    if leaves {
                        entry.why.get_or_insert(EndReason::NotStarted);
                    }
                    entry.shown = Some(if leaves || entry.doomed {
                        SessionState::Stopping
                    } else {
                        SessionState::Restarting
                    });
                }
                self.feed(Input::StartOutlived { key, failure });
                let run = &self.world.runs[index];
                assert!(
                    run.stuck,
                    "stuck children are left of a start, and it is not stuck"
                );
            }
            Deed::Exited(seen) => self.event(index, seen),
            Deed::PostStop => self.feed(Input::PostStop { key }),
            Deed::Ended => self.feed(Input::Ended { key }),
            Deed::Joined => {
                run.joined = true;
                if self.world.over && run.lost() {
                    run.stage = Stage::Gone;
                }
                self.feed(Input::Joined { key });
            }
            Deed::Outlived if self.model.serving => {
                run.outlived = true;
                self.feed(Input::Outlived { key });
                let hidden = self.model.entry(id).shown.is_none();
                assert!(
                    !hidden,
                    "only stuck children are left of it, and it is not stuck"
                );
            }
            // In a stop it is waited for no more, as if it were gone.
            Deed::Outlived | Deed::Released => {
                let outlived = matches!(deed, Deed::Outlived);
                run.stage = Stage::Gone;
                // What was over before the stop is no part of its report.
                if self.model.serving {
                    run.life.0.report.set(None);
                }
                // Before its sweep the engine may let a pause be that is not over yet.
                let judged = run.judged();
                let due = self.model.entries[id].as_ref().is_some_and(|entry| {
                    entry.run == index && judged && entry.due <= self.world.now
                });
                let waits = self.model.shown(id) == Some(SessionState::Restarting);
                if due && waits && !self.model.serving {
                    let why = self.model.why(id);
                    self.model.forget(id, Outcome::NotRunning, why);
                }
                self.feed(if outlived {
                    Input::Outlived { key }
                } else {
                    Input::Released { key }
                });
            }
        }
    }

    fn event(&mut self, index: usize, seen: Seen) {
        let run = &mut self.world.runs[index];
        let id = Some(Arc::clone(&self.ids[run.id]));
        let actor = run.life.0.actor.get().expect("it had an actor");
        // Judged within the input, so the world must already know that it was read.
        run.event = Event::Handled;
        self.feed(Input::Exited { id, actor, seen });
    }

    fn stop_supervisor(&mut self, within: Option<Duration>) {
        let ticket = self.tickets.add(Kind::Supervisor, 0, None, None, 0);
        if !self.world.finished {
            self.model.stop(StopCause::Requested);
            self.deadline(within);
        }
        let ticket = Waiter(ticket);
        self.feed(Input::StopSupervisor { within, ticket });
    }

    fn loop_ended(&mut self) {
        self.close_events(StopCause::Foreign);
        self.feed(Input::LoopEnded);
    }

    fn root_gone(&mut self) {
        for index in self.world.active.clone() {
            // ractor kills what runs and is linked, without asking the engine.
            let run = &mut self.world.runs[index];
            if matches!(run.stage, Stage::Alive) && run.linked {
                run.told_to_die = true;
            }
        }
        self.close_events(StopCause::Killed);
        if !self.world.finished {
            self.deadline(Some(Duration::ZERO));
        }
        self.feed(Input::RootGone);
    }
}
