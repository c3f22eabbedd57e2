//! One history under way: the engine, its world, the model, and everything that can be fed in.
//!
//! Absent on purpose: chance. `history` chooses what happens; this carries it out and has it checked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    AutoShutdown, Failure, FirstStart, Group, GroupSettings, Input, Mark, Moment, Request, Seen,
    ShutdownReport, StopCause, StopOrder, Strategy,
};

use crate::children::history;
use crate::children::model::{Entry, Expected, Mode, Model, Origin};
use crate::children::specs::spec;
use crate::children::tickets::{Kind, Tickets};
use crate::domain::{SimDomain, SimSpec, Ticket, Waiter};
use crate::drops::inside;
use crate::frame::{History, Parts, Record, Trace};
use crate::rng::Rng;
use crate::world::{Deed, Event, Run, Stage};

pub(crate) const NAMES: [&str; 7] = ["a", "b", "c", "d", "e", "x", "y"];

#[derive(Debug)]
pub(crate) struct Sim {
    pub(crate) rng: Rng,
    pub(crate) engine: Group<SimDomain>,
    pub(crate) model: Model,
    pub(crate) now: Moment,
    pub(crate) runs: Vec<Run>,
    /// The runs of which something is left.
    pub(crate) active: Vec<usize>,
    pub(crate) tickets: Tickets,
    /// No supervision event is read any more.
    pub(crate) over: bool,
    pub(crate) finished: bool,
    pub(crate) report: Option<ShutdownReport>,
    pub(crate) stuck_answers: Vec<usize>,
    /// Until when those who were asked to stop know that they have time.
    pub(crate) times: BTreeMap<usize, Option<Moment>>,
    /// When the engine last wanted to be called.
    pub(crate) promised: Option<Moment>,
    pub(crate) actors: u64,
    pub(crate) roles: [Arc<str>; 7],
    pub(crate) record: Record,
}

impl Sim {
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        self.record.tell(line);
    }

    pub(crate) fn index(&self, role: &str) -> usize {
        let index = NAMES.iter().position(|name| *name == role);
        index.expect("a role of ours")
    }

    /// Feeds an input and carries out what the engine makes of it.
    pub(crate) fn feed(&mut self, input: Input<SimDomain>) {
        let now = self.now;
        self.tell(|| format!("{now:?} {input:?}"));
        inside(|| self.engine.handle(self.now, input));
        self.drain();
    }

    fn drain(&mut self) {
        let mut fuel = 0;
        while let Some(effect) = inside(|| self.engine.poll_effect()) {
            fuel += 1;
            assert!(fuel < 200, "effects without end");
            self.record.effect(self.now, &effect);
            self.effect(effect);
        }
        let due = self.engine.poll_timeout();
        self.record.state(due, || self.engine.counts());
        self.check();
    }

    pub(crate) fn begin(&mut self) {
        let ticket = self.tickets.add(Kind::Begin, 0, None);
        if self.model.mode == Mode::New {
            self.model.mode = Mode::Beginning;
            let now = self.now;
            let with_group = |entry: &&mut Entry| entry.first_start == FirstStart::WithGroup;
            for entry in self.model.entries.iter_mut().filter(with_group) {
                entry.pending = Some((Origin::Begin, now));
            }
        }
        let ticket = Waiter(ticket);
        self.feed(Input::Begin { ticket });
    }

    pub(crate) fn ask(&mut self, kind: Kind, role: usize) {
        let spec = (kind == Kind::Start).then(|| spec(&mut self.rng));
        let ticket = self
            .tickets
            .add(kind, role, spec.as_ref().map(SimSpec::kept));
        let ticket = Waiter(ticket);
        let request = match (kind, spec) {
            (Kind::Start, Some(spec)) => Request::Start { spec, ticket },
            (Kind::Stop, _) => Request::Stop { ticket },
            (Kind::Restart, _) => Request::Restart { ticket },
            _ => Request::Delete { ticket },
        };
        let id = Arc::clone(&self.roles[role]);
        self.feed(Input::Asked { id, request });
    }

    /// Where nobody has to wait for a turn, a stop of a child of which something is left has been
    /// taken: it comes to rest for good.
    pub(crate) fn join_stops(&mut self, before: Ticket) {
        if self.model.busy(&self.runs) || self.model.mode == Mode::New {
            return;
        }
        for caller in self.tickets.0.iter_mut().take(before) {
            let waits = caller.kind == Kind::Stop && !caller.answered && caller.joined.is_none();
            let Some(at) = self.model.position(caller.role).filter(|_| waits) else {
                continue;
            };
            let entry = &mut self.model.entries[at];
            let Some(index) = entry.run.filter(|&run| !self.runs[run].gone()) else {
                continue;
            };
            caller.joined = Some(self.now);
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
        let new = within.map(|within| self.now.after(within));
        let old = self.model.deadline;
        self.model.deadline = old.into_iter().chain(new).min();
        if self.model.deadline != old {
            self.model.deadline_set = self.now;
        }
    }

    fn lose_if_stopping(&mut self) {
        if self.model.stopping() {
            self.lose();
        }
    }

    /// What lies in an event that nobody reads any more is gone.
    pub(crate) fn lose(&mut self) {
        if self.over {
            for run in &mut self.runs {
                if run.lost() {
                    run.stage = Stage::Gone;
                }
            }
        }
    }

    fn start_failed(&mut self, index: usize, failure: &Failure) {
        let run = &self.runs[index];
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
        self.model.launch_failed(self.now, index, &self.runs);
    }

    pub(crate) fn mark_of(&self, index: usize) -> Mark {
        match self.runs[index].life.0.mark.get() {
            Mark::GaveUp => Mark::Orderly,
            mark => mark,
        }
    }
}

impl History for Sim {
    fn new(seed: u64, trace: Trace) -> Self {
        Waiter::all_are_there();
        let mut rng = Rng::new(seed);
        let settings = GroupSettings {
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
            rng,
            engine: Group::new(settings, children),
            model,
            now: Moment::START,
            runs: Vec::new(),
            active: Vec::new(),
            tickets: Tickets::default(),
            over: false,
            finished: false,
            report: None,
            stuck_answers: Vec::new(),
            times: BTreeMap::new(),
            promised: None,
            actors: 0,
            roles,
            record: Record::new(trace),
        };
        sim.tell(|| format!("{settings:?}"));
        sim
    }

    fn play(&mut self) {
        history::run(self);
    }

    fn record(&self) -> &Record {
        &self.record
    }

    fn parts(&mut self) -> Parts<'_> {
        Parts {
            rng: &mut self.rng,
            now: &mut self.now,
            runs: &mut self.runs,
            active: &self.active,
            actors: &mut self.actors,
            over: self.over,
        }
    }

    fn poll_timeout(&self) -> Option<Moment> {
        self.engine.poll_timeout()
    }

    fn timeout(&mut self) {
        let now = self.now;
        self.tell(|| format!("{now:?} timeout"));
        inside(|| self.engine.handle_timeout(self.now));
        self.drain();
    }

    fn edge(&mut self) -> Option<Moment> {
        history::edge(self)
    }

    fn deliver(&mut self, index: usize, deed: Deed) {
        let run = &mut self.runs[index];
        let key = run.life.0.key;
        self.tell(|| format!("  run {}: {deed:?}", index + 1));
        let run = &mut self.runs[index];
        match deed {
            Deed::Silent => {}
            Deed::Claim => {
                if let Some(ticket) = run.ticket {
                    self.tickets.answer(ticket);
                }
            }
            Deed::Started => {
                run.reported = true;
                run.started = self.now;
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
                    run.cancelled = Some(self.now);
                    let role = run.id;
                    let launched = &mut self.model.launched[index];
                    launched.retried = !matches!(self.model.mode, Mode::Stopping);
                    if launched.origin == Origin::Begin {
                        self.model.failed_start = Some(role);
                        self.will_stop(StopCause::FailedStart);
                    }
                }
                self.feed(Input::StartOutlived { key, failure });
                let run = &self.runs[index];
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
                let run = &self.runs[index];
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
        let run = &mut self.runs[index];
        let actor = run.life.0.actor.get().expect("it had an actor");
        // Judged within the input, so the world must already know that it was read.
        run.event = Event::Handled;
        let id = None;
        self.feed(Input::Exited { id, actor, seen });
    }

    fn stop_supervisor(&mut self, within: Option<Duration>) {
        let ticket = self.tickets.add(Kind::Supervisor, 0, None);
        if !self.finished {
            self.deadline(within);
            self.will_stop(StopCause::Requested);
        }
        let ticket = Waiter(ticket);
        self.feed(Input::StopSupervisor { within, ticket });
    }

    fn loop_ended(&mut self) {
        self.over = true;
        self.will_stop(StopCause::Foreign);
        self.lose_if_stopping();
        self.feed(Input::LoopEnded);
    }

    fn root_gone(&mut self) {
        for index in self.active.clone() {
            // ractor kills what runs and is linked, without asking the engine.
            let run = &mut self.runs[index];
            if matches!(run.stage, Stage::Alive) && run.linked {
                run.told_to_die = true;
            }
        }
        self.over = true;
        if !self.finished {
            self.deadline(Some(Duration::ZERO));
        }
        self.will_stop(StopCause::Killed);
        self.lose_if_stopping();
        self.feed(Input::RootGone);
    }
}
