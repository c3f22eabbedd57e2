//! Histories of which something is more than usual: all else is as in the history within.

use std::marker::PhantomData;
use std::time::Duration;

use session_supervisor::engine::{Effect, Moment, Seen};

use crate::domain::SimDomain;
use crate::frame::{History, World};
use crate::record::Trace;
use crate::rng::Rng;
use crate::world::Deed;

/// What is more of a history.
pub(crate) trait More<H: History> {
    /// Makes it.
    fn make(rng: Rng, trace: Trace) -> H {
        H::new(rng, trace)
    }

    /// It begins.
    fn begin(_history: &mut H) {}

    /// It is over.
    fn end(_history: &mut H) {}
}

/// A history of which something is more.
#[derive(Debug)]
pub(crate) struct With<M, H>(H, PhantomData<M>);

impl<M: More<H>, H: History> History for With<M, H> {
    type Engine = H::Engine;

    fn new(rng: Rng, trace: Trace) -> Self {
        let mut history = M::make(rng, trace);
        M::begin(&mut history);
        Self(history, PhantomData)
    }

    fn play(&mut self) {
        self.0.play();
        M::end(&mut self.0);
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

    fn before(&mut self) {
        self.0.before();
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

    fn is_still(&self) -> bool {
        self.0.is_still()
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
