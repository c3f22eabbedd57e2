//! A supervisor of one session that does what it is told to, and saves when it is told to.

use std::sync::Arc;

use session_supervisor::engine::{
    Discard, Effect, Engine, Failure, Input, Mark, Moment, Policy, Recall, Request, SessionState,
    Settings,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::drops::inside;
use crate::rules::{Pauses, ms};

pub(super) fn at(millis: u64) -> Moment {
    Moment::new(ms(millis))
}

/// A supervisor whose sessions do what they are told to.
pub(super) struct Scene {
    pub(super) engine: Engine<SimDomain>,
    pub(super) now: Moment,
    callers: usize,
    /// All launches so far.
    pub(super) lives: Vec<SimLife>,
    /// What was handed out to be dropped, in that order.
    pub(super) given_up: Vec<Option<u64>>,
}

impl Scene {
    pub(super) fn new(settings: Settings) -> Self {
        Waiter::all_are_there();
        Self {
            engine: Engine::new(settings),
            now: Moment::START,
            callers: 0,
            lives: Vec::new(),
            given_up: Vec::new(),
        }
    }

    pub(super) fn feed(&mut self, input: Input<SimDomain>) {
        inside(|| self.engine.handle(self.now, input));
        self.carry_out();
    }

    pub(super) fn carry_out(&mut self) {
        while let Some(effect) = inside(|| self.engine.poll_effect()) {
            match effect {
                Effect::Launch { life, .. } => self.lives.push(life.kept()),
                Effect::Discard(Discard::Checkpoint(carried)) => {
                    self.given_up.push(carried.close().saved());
                }
                _ => {}
            }
        }
    }

    pub(super) fn ticket(&mut self) -> Waiter {
        self.callers += 1;
        Waiter(self.callers)
    }

    fn ask(&mut self, request: Request<SimDomain>) {
        let id = Arc::from("a");
        self.feed(Input::Asked { id, request });
    }

    pub(super) fn start(&mut self, policy: Policy) {
        let pauses = Pauses::NONE;
        let (spec, ticket) = (SimSpec::new(policy, pauses), self.ticket());
        self.ask(Request::Start { spec, ticket });
    }

    pub(super) fn stop(&mut self) {
        let ticket = self.ticket();
        self.ask(Request::Stop { ticket });
    }

    pub(super) fn restart(&mut self) {
        let ticket = self.ticket();
        self.ask(Request::Restart { ticket });
    }

    fn last(&self) -> &SimLife {
        self.lives.last().expect("a launch")
    }

    /// The last launch succeeds.
    pub(super) fn runs(&mut self) {
        let life = self.last();
        let key = life.0.key;
        life.0.actor.set(Some(key.launch.0));
        let recall = Recall::InTime;
        self.feed(Input::Started { key, recall });
    }

    /// It fails.
    pub(super) fn fails_to_start(&mut self, failure: Failure) {
        let key = self.last().0.key;
        self.feed(Input::StartFailed { key, failure });
    }

    /// Its exit is known.
    pub(super) fn exits(&mut self, mark: Mark) {
        let life = self.last();
        life.0.mark.set(mark);
        let key = life.0.key;
        self.feed(Input::Ended { key });
    }

    /// Nothing of it is left.
    pub(super) fn is_released(&mut self) {
        let key = self.last().0.key;
        self.feed(Input::Released { key });
    }

    pub(super) fn ends(&mut self, mark: Mark) {
        self.exits(mark);
        self.is_released();
    }

    pub(super) fn goes_on_to(&mut self, millis: u64) {
        self.now = at(millis);
        inside(|| self.engine.handle_timeout(self.now));
        self.carry_out();
    }

    /// What is under way goes on.
    pub(super) fn proceeds(&mut self) {
        for _ in 0..5 {
            inside(|| self.engine.proceed(self.now));
            self.carry_out();
        }
    }

    pub(super) fn save(&self, value: u64) {
        let slot = self.last().checkpoint().expect("it runs");
        assert!(slot.is_of(self.last().0.key), "another launch has it");
        slot.save(value);
    }

    /// What the last launch finds.
    pub(super) fn found(&self) -> Option<u64> {
        self.last().slot()?.saved()
    }

    pub(super) fn state(&self) -> Option<SessionState> {
        self.engine.info("a").map(|info| info.state)
    }
}
