//! An engine whose sessions do what a scene says.

use std::collections::BTreeMap;
use std::sync::Arc;

use session_supervisor::engine::{
    Discard, Effect, Engine, Failure, Input, Limit, Mark, Moment, OwnLimit, Policy, Recall,
    Rejection, Request, SessionState, Settings,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Ticket, Waiter};
use crate::drops::{cause, inside};
use crate::rules::{Pauses, ms};
use crate::told::{Told, told, untold};

/// An engine, the sessions that it has launched, and what its callers were told.
pub(crate) struct World {
    pub(crate) engine: Engine<SimDomain>,
    pub(crate) now: Moment,
    pub(crate) lives: BTreeMap<String, SimLife>,
    pub(crate) callers: usize,
    pub(crate) answers: BTreeMap<Ticket, Told>,
    pub(crate) dropped: Vec<Ticket>,
}

/// A spec without pauses.
pub(crate) fn spec(policy: Policy, group: Option<&str>) -> SimSpec {
    let pauses = Pauses::NONE;
    SimSpec::new(policy, pauses).of_group(group.map(Arc::from))
}

/// Parked after its first crash.
fn parks() -> Policy {
    Policy {
        limit: OwnLimit::Own(Limit::new(0, ms(1_000)).unwrap()),
        ..Policy::default()
    }
}

impl World {
    pub(crate) fn new(settings: Settings) -> Self {
        Waiter::all_are_there();
        Self {
            engine: Engine::new(settings),
            now: Moment::START,
            lives: BTreeMap::new(),
            callers: 0,
            answers: BTreeMap::new(),
            dropped: Vec::new(),
        }
    }

    pub(crate) fn feed(&mut self, input: Input<SimDomain>) {
        inside(|| self.engine.handle(self.now, input));
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
        while let Some(effect) = inside(|| self.engine.poll_effect()) {
            match effect {
                Effect::Launch { context, life, .. } => {
                    life.0.actor.set(Some(life.0.key.launch.0));
                    self.lives.insert(context.id.to_string(), life.kept());
                }
                Effect::Answer(reply) => {
                    let (ticket, told) = told(&reply);
                    assert!(self.answers.insert(ticket, told).is_none());
                }
                Effect::Discard(Discard::Caller(caller)) => {
                    self.dropped.push(untold(&caller));
                }
                _ => {}
            }
        }
    }

    pub(crate) fn ask(
        &mut self,
        id: &str,
        request: impl FnOnce(Waiter) -> Request<SimDomain>,
    ) -> Ticket {
        let ticket = self.callers;
        self.callers += 1;
        let (id, request) = (Arc::from(id), request(Waiter(ticket)));
        // As the shell does.
        let input = Input::Asked { id, request };
        let left = inside(|| self.engine.handle_if_new(self.now, input));
        self.drain();
        if let Some(input) = left {
            self.feed(input);
        }
        ticket
    }

    pub(crate) fn ask_start(&mut self, id: &str, group: Option<&str>, policy: Policy) -> Ticket {
        let spec = spec(policy, group);
        self.ask(id, |ticket| Request::Start { spec, ticket })
    }

    /// A start. Answers what its caller is told at once; nothing if it is launched or waits.
    pub(crate) fn start(&mut self, id: &str, group: Option<&str>) -> Option<Told> {
        let ticket = self.ask_start(id, group, Policy::default());
        self.answers.remove(&ticket)
    }

    /// Why a start is rejected.
    pub(crate) fn rejected(&mut self, id: &str, group: Option<&str>) -> Rejection {
        match self.start(id, group) {
            Some(Told::Rejected(rejection)) => rejection,
            other => panic!("{id} is not rejected: {other:?}"),
        }
    }

    /// A start of a session that runs then.
    pub(crate) fn run(&mut self, id: &str, group: Option<&str>) {
        assert!(self.start(id, group).is_none(), "{id} is not started");
        self.runs(id);
    }

    pub(crate) fn runs(&mut self, id: &str) {
        let key = self.lives[id].0.key;
        let recall = Recall::InTime;
        self.feed(Input::Started { key, recall });
    }

    pub(crate) fn start_fails(&mut self, id: &str) {
        let key = self.lives[id].0.key;
        let failure = Failure::Failed(cause("no start"));
        self.feed(Input::StartFailed { key, failure });
    }

    pub(crate) fn ends(&mut self, id: &str, mark: Mark) {
        let life = &self.lives[id].0;
        life.mark.set(mark);
        let key = life.key;
        self.feed(Input::Ended { key });
    }

    pub(crate) fn is_released(&mut self, id: &str) {
        let key = self.lives[id].0.key;
        self.feed(Input::Released { key });
    }

    /// It crashes and is parked.
    pub(crate) fn park(&mut self, id: &str, group: Option<&str>) {
        let ticket = self.ask_start(id, group, parks());
        assert!(!self.answers.contains_key(&ticket));
        self.runs(id);
        self.ends(id, Mark::Failed);
        self.is_released(id);
        assert_eq!(self.state(id), Some(SessionState::Parked));
    }

    pub(crate) fn stop(&mut self, id: &str) -> Ticket {
        self.ask(id, |ticket| Request::Stop { ticket })
    }

    /// A session that runs is stopped, and gone.
    pub(crate) fn end(&mut self, id: &str) {
        self.stop(id);
        self.ends(id, Mark::Orderly);
        self.is_released(id);
        assert_eq!(self.state(id), None);
    }

    pub(crate) fn restart(&mut self, id: &str) -> Option<Told> {
        let ticket = self.ask(id, |ticket| Request::Restart { ticket });
        self.answers.remove(&ticket)
    }

    pub(crate) fn state(&self, id: &str) -> Option<SessionState> {
        Some(self.engine.info(id)?.state)
    }

    /// Time goes on to this moment, and every timer until then goes off when it is due.
    pub(crate) fn goes_on_to(&mut self, to: Moment) {
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= to) {
            self.now = self.now.max(due);
            inside(|| self.engine.handle_timeout(self.now));
            self.drain();
        }
        self.now = to;
    }
}
