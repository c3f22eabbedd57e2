//! Very many sessions whose idle time is over in the same instant.
//!
//! One step ends a bounded number of them, and what callers ask in between is handled before the
//! rest, so that nobody waits for all of these ends.

use session_supervisor::engine::{
    Effect, Engine, Input, Moment, Policy, Recall, Request, Settings, Span, StopWay,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::rules::{Pauses, ms};

const SESSIONS: usize = 20_000;

/// How many sessions end in one step at most.
const STEP: usize = 1_000;

struct Crowd {
    engine: Engine<SimDomain>,
    spec: SimSpec,
    started: usize,
}

impl Crowd {
    fn new() -> Self {
        let policy = Policy {
            idle_timeout: Span::new(ms(40)),
            ..Policy::default()
        };
        let pauses = Pauses::NONE;
        let settings = Settings {
            session_limit: None,
            ..Settings::default()
        };
        Self {
            engine: Engine::new(settings),
            spec: SimSpec::new(policy, pauses),
            started: 0,
        }
    }

    /// A caller starts the next session. Answers its launch.
    fn ask(&mut self, now: Moment) -> SimLife {
        let request = Request::Start {
            spec: self.spec.clone(),
            ticket: Waiter(self.started),
        };
        let id = self.started.to_string().into();
        self.started += 1;
        self.engine.handle(now, Input::Asked { id, request });
        let (launched, ended) = self.effects();
        assert_eq!(ended, 0, "a start ends none");
        launched.expect("it is launched in the step in which it is asked")
    }

    fn runs(&mut self, now: Moment, life: &SimLife) {
        life.0.actor.set(Some(life.0.key.launch.0));
        let (key, recall) = (life.0.key, Recall::InTime);
        self.engine.handle(now, Input::Started { key, recall });
        self.effects();
    }

    /// What was launched, and how many were asked to end.
    fn effects(&mut self) -> (Option<SimLife>, usize) {
        let (mut launched, mut ended) = (None, 0);
        while let Some(effect) = self.engine.poll_effect() {
            match effect {
                Effect::Launch { life, .. } => launched = Some(life),
                Effect::Stop { way, .. } => {
                    assert_eq!(way, StopWay::Drain);
                    ended += 1;
                }
                _ => {}
            }
        }
        (launched, ended)
    }
}

#[test]
fn one_step_ends_a_thousand_of_them_and_a_start_in_between_is_launched_at_once() {
    let mut crowd = Crowd::new();
    for _ in 0..SESSIONS {
        let life = crowd.ask(Moment::START);
        crowd.runs(Moment::START, &life);
    }
    let now = Moment::new(ms(40));
    let (mut steps, mut ended) = (0, 0);
    while crowd.engine.poll_timeout().is_some_and(|due| due <= now) {
        crowd.engine.handle_timeout(now);
        let (_, in_this_step) = crowd.effects();
        assert!(in_this_step <= STEP, "{in_this_step} ends in one step");
        ended += in_this_step;
        steps += 1;
        // It is there before the rest of them is asked to end.
        crowd.ask(now);
        assert!(steps <= SESSIONS / STEP + 1, "it comes to an end");
    }
    assert_eq!(ended, SESSIONS);
    assert!(steps >= SESSIONS / STEP, "{steps} steps");
}
