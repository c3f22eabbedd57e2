//! What the histories of both engines have in common: how an engine is driven, how the runs of the
//! world move, how time goes on, and how a supervisor comes to its end. Requests and verdicts are
//! each engine's own.

use std::time::Duration;

use session_supervisor::engine::{
    Counts, Discard, Effect, Engine, Input, Moment, OrderedEngine, Seen, ShutdownReport,
};

use crate::checkpoints::{Checkpoints, perhaps_save};
use crate::domain::{SimDomain, Ticket};
use crate::drops::inside;
use crate::record::{Record, Trace};
use crate::rng::Rng;
use crate::rules::ms;
use crate::told::untold;
use crate::world::{Deed, Event, Mood, Run};

/// What a history has, whichever engine it is about, beside the engine and its model.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) rng: Rng,
    pub(crate) now: Moment,
    pub(crate) runs: Vec<Run>,
    /// The runs of which something is left, or whose event is still on its way.
    pub(crate) active: Vec<usize>,
    /// How many actors there were.
    pub(crate) actors: u64,
    /// No supervision event is read any more.
    pub(crate) over: bool,
    /// The engine has said that the supervisor's stop is finished.
    pub(crate) finished: bool,
    pub(crate) report: Option<ShutdownReport>,
    /// Of whom it was said that they are stuck, before the log was told.
    pub(crate) stuck_answers: Vec<usize>,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) record: Record,
}

impl World {
    pub(crate) fn new(rng: Rng, trace: Trace) -> Self {
        Self {
            rng,
            now: Moment::START,
            runs: Vec::new(),
            active: Vec::new(),
            actors: 0,
            over: false,
            finished: false,
            report: None,
            stuck_answers: Vec::new(),
            checkpoints: Checkpoints::default(),
            record: Record::new(trace),
        }
    }
}

/// An engine, as a history drives it.
pub(crate) trait Driven {
    fn handle(&mut self, now: Moment, input: Input<SimDomain>);
    fn handle_timeout(&mut self, now: Moment);
    fn poll_effect(&mut self) -> Option<Effect<SimDomain>>;
    fn poll_timeout(&self) -> Option<Moment>;
    fn counts(&self) -> Counts;
    fn take_apart(&mut self) -> Vec<Discard<SimDomain>>;
    /// A start that need not wait for its turn; what is none is handed back.
    fn handle_if_new(&mut self, now: Moment, input: Input<SimDomain>) -> Option<Input<SimDomain>>;
}

/// Both engines have these calls.
macro_rules! driven {
    ($engine:ty, $handle_if_new:expr) => {
        impl Driven for $engine {
            fn handle(&mut self, now: Moment, input: Input<SimDomain>) {
                Self::handle(self, now, input);
            }
            fn handle_timeout(&mut self, now: Moment) {
                Self::handle_timeout(self, now);
            }
            fn poll_effect(&mut self) -> Option<Effect<SimDomain>> {
                Self::poll_effect(self)
            }
            fn poll_timeout(&self) -> Option<Moment> {
                Self::poll_timeout(self)
            }
            fn counts(&self) -> Counts {
                Self::counts(self)
            }
            fn take_apart(&mut self) -> Vec<Discard<SimDomain>> {
                Self::take_apart(self)
            }
            fn handle_if_new(
                &mut self,
                now: Moment,
                input: Input<SimDomain>,
            ) -> Option<Input<SimDomain>> {
                $handle_if_new(self, now, input)
            }
        }
    };
}

driven!(Engine<SimDomain>, Self::handle_if_new);
driven!(OrderedEngine<SimDomain>, |_, _, input| Some(input));

/// One history under way.
pub(crate) trait History: Sized {
    type Engine: Driven;

    fn new(rng: Rng, trace: Trace) -> Self;

    /// From the beginning to the end of the supervisor.
    fn play(&mut self);

    fn world(&mut self) -> &mut World;

    fn engine(&self) -> &Self::Engine;

    /// The engine, and what it is driven in.
    fn parts(&mut self) -> (&mut Self::Engine, &mut World);

    /// Carries out an effect, and holds it against the model.
    fn effect(&mut self, effect: Effect<SimDomain>);

    /// What must hold after every step.
    fn check(&mut self);

    /// What can be asked of the engine, to see whether something has changed.
    fn picture(&mut self) -> String;

    /// The next step begins.
    fn before(&mut self) {}

    /// Feeds an input and carries out what the engine makes of it.
    fn feed(&mut self, input: Input<SimDomain>) {
        self.before();
        let (engine, world) = self.parts();
        let now = world.now;
        world.record.tell(|| format!("{now:?} {input:?}"));
        // A start of a new id goes straight in half of the time. Nothing tells the two ways apart.
        let left = if engine.counts().specs % 2 == 0 {
            inside(|| engine.handle_if_new(now, input))
        } else {
            Some(input)
        };
        if let Some(input) = left {
            inside(|| engine.handle(now, input));
        }
        self.drain();
    }

    fn timeout(&mut self) {
        self.go_off();
    }

    /// What is due is carried out.
    fn go_off(&mut self) {
        self.before();
        let (engine, world) = self.parts();
        let now = world.now;
        world.record.tell(|| format!("{now:?} timeout"));
        inside(|| engine.handle_timeout(now));
        self.drain();
    }

    fn drain(&mut self) {
        let mut fuel = 0;
        while let Some(effect) = self.next_effect() {
            fuel += 1;
            assert!(fuel < 200, "effects without end");
            self.effect(effect);
        }
        let (engine, world) = self.parts();
        let due = engine.poll_timeout();
        world.record.state(due, || engine.counts());
        self.check();
    }

    fn next_effect(&mut self) -> Option<Effect<SimDomain>> {
        let (engine, world) = self.parts();
        let effect = inside(|| engine.poll_effect())?;
        world.record.effect(world.now, &effect);
        Some(effect)
    }

    /// An input that means nothing any more must change nothing.
    fn feed_stale(&mut self, input: Input<SimDomain>) {
        let before = self.picture();
        let (engine, world) = self.parts();
        let now = world.now;
        world.record.tell(|| format!("{now:?} stale {input:?}"));
        inside(|| engine.handle(now, input));
        while let Some(effect) = self.next_effect() {
            let harmless = matches!(effect, Effect::Discard(_));
            assert!(harmless, "a stale input leads to {effect:?}");
        }
        assert_eq!(before, self.picture(), "a stale input changed something");
        self.check();
    }

    /// The engine is taken apart in the middle of everything, and drops nothing itself. Answers the
    /// tickets that it hands out.
    fn take_apart(&mut self) -> Vec<Ticket> {
        let (engine, world) = self.parts();
        let values = inside(|| engine.take_apart());
        let ticket = |value| match value {
            Discard::Caller(caller) => Some(untold(&caller)),
            Discard::Checkpoint(carried) => {
                world.checkpoints.apart(carried);
                None
            }
            _ => None,
        };
        values.into_iter().filter_map(ticket).collect()
    }

    fn poll_timeout(&self) -> Option<Moment> {
        self.engine().poll_timeout()
    }

    /// Whether time alone changes nothing any more, although timers go off for ever.
    fn is_still(&self) -> bool {
        false
    }

    /// The moment at which a counted restart is exactly as old as a window, or just older.
    fn edge(&mut self) -> Option<Moment>;

    /// Carries out what a run has done.
    fn deliver(&mut self, index: usize, deed: Deed);

    /// The root reads the event of a run.
    fn event(&mut self, index: usize, seen: Seen);

    fn stop_supervisor(&mut self, within: Option<Duration>);

    fn loop_ended(&mut self);

    fn root_gone(&mut self);

    /// Lets one of the runs do something.
    fn act(&mut self, mood: Mood) {
        let World { rng, active, .. } = self.world();
        if !active.is_empty() {
            let index = active[rng.below(active.len())];
            self.act_on(index, mood);
        }
    }

    fn act_on(&mut self, index: usize, mood: Mood) -> bool {
        let world = self.world();
        if world.runs[index].gone() {
            return false;
        }
        perhaps_save(world, index);
        world.actors += 1;
        let deed = world.runs[index].act(mood, world.over, world.actors, &mut world.rng);
        let acted = deed.is_some();
        if let Some(deed) = deed {
            self.deliver(index, deed);
        }
        acted
    }

    fn advance(&mut self) {
        let due = self.poll_timeout();
        let now = self.world().now;
        let rng = &mut self.world().rng;
        let to = match (rng.below(8), due) {
            (0..=2, Some(at)) => at,
            (3, Some(at)) => Moment::new(at.since_start().saturating_sub(Duration::from_nanos(1))),
            (4 | 5, _) => self.edge().unwrap_or(now),
            (6, _) => now.after(ms(rng.pick(&[1, 10, 20, 90, 300]))),
            (7, _) => now.after(ms(rng.pick(&[1_000, 1_500, 5_000, 12_000]))),
            _ => now.after(ms(1)),
        };
        let world = self.world();
        world.now = now.max(to);
        if world.rng.chance(70) {
            self.timeout();
        }
    }

    /// An event that the release has overtaken.
    fn late_event(&mut self) {
        let world = self.world();
        let late = |run: &Run| run.gone() && matches!(run.event, Event::Sent(_));
        let Some(index) = world.runs.iter().rposition(late).filter(|_| !world.over) else {
            return;
        };
        let event = std::mem::replace(&mut world.runs[index].event, Event::Handled);
        if let Event::Sent(seen) = event {
            self.event(index, seen);
        }
    }

    /// Perhaps the supervisor is ended.
    fn end(&mut self) {
        let World { rng, over, .. } = self.world();
        match rng.below(8) {
            0 | 1 => self.stop_supervisor(None),
            2 => self.stop_supervisor(Some(Duration::ZERO)),
            3 => {
                let within = ms(rng.pick(&[5, 400, 3_000]));
                self.stop_supervisor(Some(within));
            }
            4 if !*over => self.loop_ended(),
            5 => self.root_gone(),
            // Most histories should go on serving.
            _ => {}
        }
    }

    /// Drives everything on until nothing moves.
    fn until_idle(&mut self, mood: Mood) {
        let mut idle = 0;
        for _ in 0..5_000 {
            let mut moved = false;
            for index in self.world().active.clone() {
                moved |= self.act_on(index, mood);
            }
            if moved {
                idle = 0;
                continue;
            }
            idle += 1;
            if idle < 12 {
                continue;
            }
            idle = 0;
            let Some(at) = self.poll_timeout().filter(|_| !self.is_still()) else {
                return;
            };
            let world = self.world();
            world.now = world.now.max(at);
            self.timeout();
        }
        panic!("it does not come to rest");
    }
}
