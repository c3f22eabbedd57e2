//! Histories with callers that only want to know when a session runs, or when it is gone. They
//! change nothing, so the model and its verdicts are the same.

use std::time::Duration;

use session_supervisor::engine::{Effect, Engine, Moment, Seen};

use crate::domain::SimDomain;
use crate::frame::{History, World};
use crate::record::Trace;
use crate::rng::Rng;
use crate::sessions::sim::Sim;
use crate::world::Deed;

#[derive(Debug)]
pub(crate) struct Watched(Sim);

impl History for Watched {
    type Engine = Engine<SimDomain>;

    fn new(rng: Rng, trace: Trace) -> Self {
        let mut sim = Sim::new(rng, trace);
        sim.watched = true;
        Self(sim)
    }

    fn play(&mut self) {
        self.0.play();
    }

    fn world(&mut self) -> &mut World {
        self.0.world()
    }

    fn engine(&self) -> &Self::Engine {
        self.0.engine()
    }

    fn parts(&mut self) -> (&mut Self::Engine, &mut World) {
        self.0.parts()
    }

    fn effect(&mut self, effect: Effect<SimDomain>) {
        self.0.effect(effect);
    }

    fn check(&mut self) {
        self.0.check();
    }

    fn picture(&mut self) -> String {
        self.0.picture()
    }

    fn edge(&mut self) -> Option<Moment> {
        self.0.edge()
    }

    fn deliver(&mut self, index: usize, deed: Deed) {
        self.0.deliver(index, deed);
    }

    fn event(&mut self, index: usize, seen: Seen) {
        self.0.event(index, seen);
    }

    fn stop_supervisor(&mut self, within: Option<Duration>) {
        self.0.stop_supervisor(within);
    }

    fn loop_ended(&mut self) {
        self.0.loop_ended();
    }

    fn root_gone(&mut self) {
        self.0.root_gone();
    }
}
