//! A scene of a few sessions with claims: what is asked and what happens is said step by step.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    Claim, Effect, Engine, Failure, Input, Mark, Moment, Policy, Recall, Request, Seen,
    SessionState, Settings,
};

use super::of;
use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::drops::inside;
use crate::rules::Pauses;
use crate::told::{Told, told};

fn spec(values: &[&str], policy: Policy) -> SimSpec {
    let claims = values.iter().map(|value| of(value)).collect();
    SimSpec::claiming(policy, Pauses::NONE, claims)
}

pub(super) struct Scene {
    engine: Engine<SimDomain>,
    now: Moment,
    callers: usize,
    answers: BTreeMap<usize, Told>,
    /// The last launch of each id.
    lives: BTreeMap<String, SimLife>,
    /// What the engine has said: who has which claim.
    said: BTreeMap<String, String>,
}

impl Scene {
    pub(super) fn new(settings: Settings) -> Self {
        Waiter::all_are_there();
        Self {
            engine: Engine::new(settings),
            now: Moment::START,
            callers: 0,
            answers: BTreeMap::new(),
            lives: BTreeMap::new(),
            said: BTreeMap::new(),
        }
    }

    pub(super) fn plain() -> Self {
        Self::new(Settings::default())
    }

    pub(super) fn caller(&mut self) -> Waiter {
        self.callers += 1;
        Waiter(self.callers - 1)
    }

    pub(super) fn ask(
        &mut self,
        id: &str,
        request: impl FnOnce(Waiter) -> Request<SimDomain>,
    ) -> usize {
        let ticket = self.caller();
        let caller = ticket.0;
        let (id, request) = (Arc::from(id), request(ticket));
        self.feed(Input::Asked { id, request });
        caller
    }

    /// Asks for a start, and answers who asked.
    pub(super) fn start(&mut self, id: &str, values: &[&str], policy: Policy) -> usize {
        let spec = spec(values, policy);
        self.ask(id, |ticket| Request::Start { spec, ticket })
    }

    pub(super) fn ensure(&mut self, id: &str, values: &[&str]) -> usize {
        let spec = spec(values, Policy::default());
        self.ask(id, |ticket| Request::Ensure { spec, ticket })
    }

    /// A start that need not wait for its turn. Answers whether it is made.
    pub(super) fn start_at_once(&mut self, id: &str, values: &[&str]) -> bool {
        let request = Request::Start {
            spec: spec(values, Policy::default()),
            ticket: self.caller(),
        };
        let id = Arc::from(id);
        let input = Input::Asked { id, request };
        let left = inside(|| self.engine.handle_if_new(self.now, input));
        self.flush();
        left.is_none()
    }

    /// A start that is over at once.
    pub(super) fn run(&mut self, id: &str, values: &[&str], policy: Policy) {
        self.start(id, values, policy);
        self.launched(id);
    }

    pub(super) fn stop(&mut self, id: &str) -> usize {
        self.ask(id, |ticket| Request::Stop { ticket })
    }

    pub(super) fn launched(&mut self, id: &str) {
        let life = &self.lives[id];
        let key = life.0.key;
        life.0.actor.set(Some(key.launch.0));
        let recall = Recall::InTime;
        self.feed(Input::Started { key, recall });
    }

    pub(super) fn launch_failed(&mut self, id: &str, failure: Failure) {
        let key = self.lives[id].0.key;
        self.feed(Input::StartFailed { key, failure });
    }

    /// Its exit becomes known, and something of it is left.
    pub(super) fn ends(&mut self, id: &str, mark: Mark) {
        let life = &self.lives[id];
        life.0.mark.set(mark);
        let key = life.0.key;
        if mark == Mark::Missing {
            self.feed(Input::Exited {
                id: Some(Arc::from(id)),
                actor: key.launch.0,
                seen: Seen::Terminated(None),
            });
        } else {
            self.feed(Input::Ended { key });
        }
    }

    pub(super) fn released(&mut self, id: &str) {
        let key = self.lives[id].0.key;
        self.feed(Input::Released { key });
    }

    pub(super) fn end(&mut self, id: &str, mark: Mark) {
        self.ends(id, mark);
        self.released(id);
    }

    pub(super) fn later(&mut self, by: Duration) {
        self.now = self.now.after(by);
        inside(|| self.engine.handle_timeout(self.now));
        self.flush();
    }

    pub(super) fn feed(&mut self, input: Input<SimDomain>) {
        inside(|| self.engine.handle(self.now, input));
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(effect) = inside(|| self.engine.poll_effect()) {
            match effect {
                Effect::Launch { context, life, .. } => {
                    self.lives.insert(context.id.to_string(), life);
                }
                Effect::Claimed { claim, id } => {
                    let before = self.said.insert(claim.value().to_owned(), id.to_string());
                    assert_eq!(before, None, "{claim} was not free");
                }
                Effect::Unclaimed { claim } => {
                    let before = self.said.remove(claim.value());
                    assert!(before.is_some(), "{claim} was free");
                }
                Effect::Answer(reply) => {
                    let (ticket, told) = told(&reply);
                    assert!(self.answers.insert(ticket, told).is_none(), "two answers");
                }
                _ => {}
            }
        }
    }

    /// What a caller is told, if it is by now.
    pub(super) fn told(&self, caller: usize) -> Option<&Told> {
        self.answers.get(&caller)
    }

    /// Who has which claim, as the engine has said.
    pub(super) fn said(&self) -> Vec<(&str, &str)> {
        let said = self.said.iter();
        said.map(|(value, id)| (&**value, &**id)).collect()
    }

    /// What it claims, as its info says.
    pub(super) fn claims(&self, id: &str) -> &[Claim] {
        self.engine.info(id).map_or(&[], |info| info.claims)
    }

    pub(super) fn is_launched(&self, id: &str) -> bool {
        self.lives.contains_key(id)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.engine.ended()
    }

    pub(super) fn state(&self, id: &str) -> Option<SessionState> {
        self.engine.info(id).map(|info| info.state)
    }

    /// Who has a claim, as a start under a new id finds it and as the engine has said.
    pub(super) fn holder(&mut self, value: &str) -> Option<String> {
        let said = self.said.get(value).cloned();
        let caller = self.start("prober", &[value], Policy::default());
        let found = match self.answers.get(&caller) {
            Some(Told::ClaimTaken(taken)) => {
                assert_eq!(taken.claim, of(value));
                Some(taken.holder.to_string())
            }
            None => {
                self.launch_failed("prober", Failure::Ignored);
                None
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(found, said, "what is said of {value}");
        assert_eq!(self.said.get(value).cloned(), said);
        found
    }

    pub(super) fn keeps(&mut self, state: Option<SessionState>) {
        assert_eq!(self.state("a"), state);
        assert_eq!(self.holder("x").as_deref(), Some("a"), "{state:?}");
        assert_eq!(self.holder("y").as_deref(), Some("a"), "{state:?}");
    }

    pub(super) fn has_freed(&mut self) {
        assert_eq!(self.state("a"), None);
        assert_eq!((self.holder("x"), self.holder("y")), (None, None));
    }
}
