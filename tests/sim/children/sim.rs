//! One history under way: the engine, its world, the model, and everything that can be fed in.
//!
//! `history` chooses what happens; this carries it out and has it checked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    AutoShutdown, ChildRequest, Effect, Failure, FirstStart, Input, Mark, Moment, OrderedEngine,
    OrderedSettings, Seen, StopCause, StopOrder, Strategy,
};

use crate::children::history;
use crate::children::model::{Entry, Expected, Mode, Model, Origin};
use crate::children::specs::spec;
use crate::children::tickets::{Kind, Tickets};
use crate::domain::{SimDomain, SimSpec, Ticket, Waiter};
use crate::frame::{History, World};
use crate::record::Trace;
use crate::rng::Rng;
use crate::summed::Summed;
use crate::world::{Deed, Event, Stage};

pub(crate) const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "x", "y"];

#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) world: World,
    pub(crate) engine: OrderedEngine<SimDomain>,
    pub(crate) model: Model,
    pub(crate) tickets: Tickets,
    /// Until when those who were asked to stop know that they have time.
    pub(crate) times: BTreeMap<usize, Option<Moment>>,
    /// When the engine last wanted to be called.
    pub(crate) promised: Option<Moment>,
    pub(crate) roles: [Arc<str>; 7],
    pub(crate) summed: Summed,
}

impl Sim {
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        self.world.record.tell(line);
    }

    pub(crate) fn index(&self, role: &str) -> usize {
        let index = NAMES.iter().position(|name| *name == role);
        index.expect("a role of ours")
    }

    pub(crate) fn begin(&mut self) {
        let ticket = self.tickets.add(Kind::Begin, 0, None);
        if self.model.mode == Mode::New {
            self.model.mode = Mode::Beginning;
            let now = self.world.now;
            let with_group = |entry: &&mut Entry| entry.first_start == FirstStart::WithGroup;
            for entry in self.model.entries.iter_mut().filter(with_group) {
                entry.pending = Some((Origin::Begin, now));
            }
        }
        let ticket = Waiter(ticket);
        self.feed(Input::Begin { ticket });
    }

    pub(crate) fn ask(&mut self, kind: Kind, role: usize) {
        let spec = (kind == Kind::Start).then(|| spec(&mut self.world.rng));
        let ticket = self
            .tickets
            .add(kind, role, spec.as_ref().map(SimSpec::kept));
        let ticket = Waiter(ticket);
        let request = match (kind, spec) {
            (Kind::Start, Some(spec)) => ChildRequest::Start { spec, ticket },
            (Kind::Stop, _) => ChildRequest::Stop { ticket },
            (Kind::Restart, _) => ChildRequest::Restart { ticket },
            _ => ChildRequest::Delete { ticket },
        };
        let role = Arc::clone(&self.roles[role]);
        self.feed(Input::AskedChild { role, request });
    }

    /// Where no request has to wait for a turn, a stop of a child of which something is left has
    /// been taken: it comes to rest for good.
    pub(crate) fn join_stops(&mut self, before: Ticket) {
        if self.model.busy(&self.world.runs) || self.model.mode == Mode::New {
            return;
        }
        for caller in self.tickets.0.iter_mut().take(before) {
            let waits = caller.kind == Kind::Stop && !caller.answered && caller.joined.is_none();
            let Some(at) = self.model.position(caller.role).filter(|_| waits) else {
                continue;
            };
            let entry = &mut self.model.entries[at];
            let Some(index) = entry.run.filter(|&run| !self.world.runs[run].gone()) else {
                continue;
            };
            caller.joined = Some(self.world.now);
            entry.pending = None;
            self.model.launched[index].retried = false;
        }
    }

    fn will_stop(&mut self, cause: StopCause) {
        if !self.model.stopping() {
            let stops = Expected::Stops(cause, None);
            self.model.expected.push_back(stops);
        }
    }

    fn deadline(&mut self, within: Option<Duration>) {
        let new = within.map(|within| self.world.now.after(within));
        let old = self.model.deadline;
        self.model.deadline = old.into_iter().chain(new).min();
        if self.model.deadline != old {
            self.model.deadline_set = self.world.now;
        }
    }

    fn lose_if_stopping(&mut self) {
        if self.model.stopping() {
            self.lose();
        }
    }

    /// What lies in an event that is not read any more is gone.
    pub(crate) fn lose(&mut self) {
        if self.world.over {
            for run in &mut self.world.runs {
                if run.lost() {
                    run.stage = Stage::Gone;
                }
            }
        }
    }

    fn start_failed(&mut self, index: usize, failure: &Failure) {
        let run = &self.world.runs[index];
        if run.stuck {
            return;
        }
        let launched = &mut self.model.launched[index];
        launched.ignored = matches!(failure, Failure::Ignored) && run.cancelled.is_none();
        if launched.ignored {
            return;
        }
        if launched.origin == Origin::Begin && run.cancelled.is_none() {
            self.model.failed_start = Some(run.id);
            self.will_stop(StopCause::FailedStart);
            return;
        }
        self.model
            .launch_failed(self.world.now, index, &self.world.runs);
    }

    pub(crate) fn mark_of(&self, index: usize) -> Mark {
        match self.world.runs[index].life.0.mark.get() {
            Mark::GaveUp => Mark::Orderly,
            mark => mark,
        }
    }
}

impl History for Sim {
    type Engine = OrderedEngine<SimDomain>;

    fn new(mut rng: Rng, trace: Trace) -> Self {
        Waiter::all_are_there();
        let settings = OrderedSettings {
            strategy: rng.pick(&[
                Strategy::OneForOne,
                Strategy::OneForAll,
                Strategy::RestForOne,
            ]),
            limit: rng.chance(50).then(|| crate::rules::limit(&mut rng)),
            auto_shutdown: rng.pick(&[
                AutoShutdown::Never,
                AutoShutdown::Never,
                AutoShutdown::AnySignificant,
                AutoShutdown::AllSignificant,
            ]),
            stop_order: if rng.chance(20) {
                StopOrder::Together
            } else {
                StopOrder::LastFirst
            },
            seed: rng.next(),
        };
        let roles = NAMES.map(Arc::<str>::from);
        let mut model = Model::new(settings);
        let mut children = Vec::new();
        for (role, name) in roles.iter().enumerate().take(1 + rng.below(5)) {
            let spec = spec(&mut rng);
            let first_start = if rng.chance(25) {
                FirstStart::OnDemand
            } else {
                FirstStart::WithGroup
            };
            model.add(role, spec.kept(), first_start);
            children.push((Arc::clone(name), spec, first_start));
        }
        let mut sim = Self {
            world: World::new(rng, trace),
            engine: OrderedEngine::new(settings, children),
            model,
            tickets: Tickets::default(),
            times: BTreeMap::new(),
            promised: None,
            roles,
            summed: Summed::default(),
        };
        sim.tell(|| format!("{settings:?}"));
        sim
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

    fn effect(&mut self, effect: Effect<SimDomain>) {
        self.carry_out(effect);
    }

    fn check(&mut self) {
        self.check_all();
    }

    fn picture(&mut self) -> String {
        let children = self.engine.children().collect::<Vec<_>>();
        format!("{:?}", (children, self.engine.poll_timeout()))
    }

    fn edge(&mut self) -> Option<Moment> {
        history::edge(self)
    }

    fn deliver(&mut self, index: usize, deed: Deed) {
        let run = &mut self.world.runs[index];
        let key = run.life.0.key;
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
                if !run.stuck && run.cancelled.is_none() {
                    // From here on it is as one that took too long.
                    run.cancelled = Some(self.world.now);
                    let role = run.id;
                    let launched = &mut self.model.launched[index];
                    launched.retried = !matches!(self.model.mode, Mode::Stopping);
                    if launched.origin == Origin::Begin {
                        self.model.failed_start = Some(role);
                        self.will_stop(StopCause::FailedStart);
                    }
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
                self.lose();
                self.feed(Input::Joined { key });
            }
            Deed::Outlived => {
                run.outlived = true;
                // In a stop it is waited for no more, as if it were gone.
                if self.model.stopping() {
                    run.stage = Stage::Gone;
                }
                self.feed(Input::Outlived { key });
                let run = &self.world.runs[index];
                assert!(
                    run.gone() || run.stuck,
                    "stuck children are left, and it is not stuck"
                );
            }
            Deed::Released => {
                run.stage = Stage::Gone;
                self.feed(Input::Released { key });
            }
        }
    }

    fn event(&mut self, index: usize, seen: Seen) {
        let run = &mut self.world.runs[index];
        let actor = run.life.0.actor.get().expect("it had an actor");
        // Judged within the input, so the world must already know that it was read.
        run.event = Event::Handled;
        let id = None;
        self.feed(Input::Exited { id, actor, seen });
    }

    fn stop_supervisor(&mut self, within: Option<Duration>) {
        let ticket = self.tickets.add(Kind::Supervisor, 0, None);
        if !self.world.finished {
            self.deadline(within);
            self.will_stop(StopCause::Requested);
        }
        let ticket = Waiter(ticket);
        self.feed(Input::StopSupervisor { within, ticket });
    }

    fn loop_ended(&mut self) {
        self.world.over = true;
        self.will_stop(StopCause::Foreign);
        self.lose_if_stopping();
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
        self.world.over = true;
        if !self.world.finished {
            self.deadline(Some(Duration::ZERO));
        }
        self.will_stop(StopCause::Killed);
        self.lose_if_stopping();
        self.feed(Input::RootGone);
    }
}
