//! Sessions that are ended by themselves (D26): a world of its own, with messages, leases and
//! lifetimes, held against a model after every step.
//!
//! The model knows when each session was last in use, which leases hold, and how long each
//! incarnation has lived. It holds:
//! 1. a session that is leased, in use, or was in use within its idle timeout is never ended for
//!    being idle, whatever was asked before of an earlier session of its id;
//! 2. one that is idle is ended when its timeout is over, and not one step of the clock later;
//! 3. no incarnation outlives its lifetime, and none is ended for that before 90 % of it;
//! 4. one that is ended so is drained, in the time of its shutdown rule, and forgotten;
//! 5. a lease is granted exactly if the session may go on, and one of a session that is gone
//!    changes nothing;
//! 6. those who wait for the end of one that has expired are told of that, and so are those who
//!    follow (D39).

mod checks;
mod ends;
mod many;
mod model;
mod random;
mod scenes;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    Discard, Effect, Engine, Failure, Input, Key, Mark, Moment, Policy, Recall, Request, Seen,
    Settings, Shutdown, Spec, StopWay, Use,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::drops::{cause, inside};
use crate::oracle::Hash;
use crate::rules::{Pauses, ms};
use crate::told::{Told, told, untold};
use ends::Ends;
use model::{Lease, Session, Stage, gently, name};

/// A timer may be late by so much.
const STEP: Duration = ms(1);

struct World {
    engine: Engine<SimDomain>,
    now: Moment,
    sessions: BTreeMap<&'static str, Session>,
    callers: usize,
    answers: BTreeMap<usize, Told>,
    gone: BTreeSet<usize>,
    /// What ended while the engine was busy, and is still to be reported.
    ended: Vec<Key>,
    serving: bool,
    hash: Hash,
    /// Who waits for the ends of the sessions, if that is looked at.
    ends: Option<Ends>,
}

impl World {
    fn new(settings: Settings) -> Self {
        Waiter::all_are_there();
        Self {
            engine: Engine::new(settings),
            now: Moment::START,
            sessions: BTreeMap::new(),
            callers: 0,
            answers: BTreeMap::new(),
            gone: BTreeSet::new(),
            ended: Vec::new(),
            serving: true,
            hash: Hash::new(),
            ends: None,
        }
    }

    fn caller(&mut self) -> Waiter {
        self.callers += 1;
        Waiter(self.callers - 1)
    }

    fn ask(&mut self, id: &'static str, request: Request<SimDomain>) {
        let id = Arc::from(id);
        self.feed(Input::Asked { id, request });
    }

    fn start(&mut self, id: &'static str, policy: Policy) {
        let (spec, ticket) = (SimSpec::new(policy, Pauses::NONE), self.caller());
        self.ask(id, Request::Start { spec, ticket });
    }

    /// A start that is over at once.
    fn run(&mut self, id: &'static str, policy: Policy) {
        self.start(id, policy);
        self.launched(id);
        self.done(id);
    }

    fn launched(&mut self, id: &'static str) {
        let session = &self.sessions[id];
        let key = session.key();
        session.life.0.actor.set(Some(key.launch.0));
        let recall = match session.cancelled {
            true => Recall::TooLate,
            false => Recall::InTime,
        };
        self.feed(Input::Started { key, recall });
    }

    fn launch_failed(&mut self, id: &'static str) {
        let session = self.sessions.get_mut(id).expect("it is launching");
        session.stage = Stage::Down;
        let key = session.key();
        let failure = match session.cancelled {
            true => Failure::Cancelled,
            false => Failure::Failed(cause("no start")),
        };
        self.feed(Input::StartFailed { key, failure });
    }

    /// A message comes to a session, and is being handled from now on.
    fn message(&mut self, id: &'static str) {
        self.sessions[id].life.0.used.set(Use::Now);
    }

    /// It has been handled.
    fn done(&mut self, id: &'static str) {
        let now = self.now;
        let session = self.sessions.get_mut(id).expect("it runs");
        session.life.0.used.set(Use::Until(now));
        session.used = now;
    }

    fn lease(&mut self, id: &'static str) -> (Lease, Told) {
        let ticket = self.caller();
        let (caller, lease) = (ticket.0, Lease::of(id, &ticket));
        let may = self.may_be_leased(id);
        self.ask(id, lease.request(ticket));
        let told = self.answers[&caller].clone();
        let leased = matches!(told, Told::Leased);
        let session = self.sessions.get_mut(id);
        if may.is_none()
            && let Some(session) = session
        {
            session.comes_back = Some(leased);
        }
        assert!(may.is_none_or(|may| may == leased), "{id}: {told:?}");
        if leased {
            let session = self.sessions.get_mut(id).expect("it was leased");
            session.leases.insert(lease.number);
        }
        (lease, told)
    }

    /// A lease whose caller goes away before it is granted.
    fn lease_in_vain(&mut self, id: &'static str) {
        let ticket = self.caller();
        let (caller, lease) = (ticket.0, Lease::of(id, &ticket));
        Waiter::goes(caller);
        self.gone.insert(caller);
        self.lease_ends(lease);
        self.ask(id, lease.request(ticket));
        assert!(
            !self.answers.contains_key(&caller),
            "it is granted to nobody"
        );
    }

    fn lease_ends(&mut self, lease: Lease) {
        let Lease { id, number } = lease;
        if let Some(session) = self.sessions.get_mut(id)
            && session.leases.remove(&number)
            && session.leases.is_empty()
        {
            session.returned = self.now;
        }
        self.feed(Input::LeaseEnded {
            id: Arc::from(id),
            lease: number,
        });
    }

    fn restart(&mut self, id: &'static str) {
        let ticket = self.caller();
        self.ask(id, Request::Restart { ticket });
    }

    fn stop(&mut self, id: &'static str) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.comes_back = None;
        }
        let ticket = self.caller();
        self.ask(id, Request::Stop { ticket });
    }

    /// It ends with this mark, if it is there, and nothing of it is left.
    fn end(&mut self, id: &'static str, mark: Mark) {
        let session = self.sessions.get_mut(id).expect("it runs");
        session.stage = Stage::Down;
        let life = session.life.clone();
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
        self.feed(Input::Released { key });
    }

    fn feed(&mut self, input: Input<SimDomain>) {
        inside(|| self.engine.handle(self.now, input));
        self.flush();
    }

    fn timeout(&mut self) {
        inside(|| self.engine.handle_timeout(self.now));
        self.flush();
    }

    fn flush(&mut self) {
        while let Some(effect) = inside(|| self.engine.poll_effect()) {
            self.hash.effect(self.now, &effect);
            self.effect(effect);
        }
        self.hash
            .state(self.engine.poll_timeout(), self.engine.counts());
        self.wait_for_ends();
        while let Some(key) = self.ended.pop() {
            self.feed(Input::Ended { key });
            self.feed(Input::Released { key });
        }
        let known: Vec<_> = self.sessions.keys().copied().collect();
        for id in known {
            if self.engine.info(id).is_none() {
                // Whatever leases it had are void.
                let session = self.sessions.remove(id).expect("it was known");
                let promised = self.serving && session.comes_back == Some(true);
                assert!(!promised, "{id} was leased, and does not come back");
            }
        }
        let due = self.engine.poll_timeout();
        if due.is_none_or(|at| at > self.now) {
            self.check();
        }
    }

    fn effect(&mut self, effect: Effect<SimDomain>) {
        match effect {
            Effect::Launch {
                context,
                life,
                spec,
                ..
            } => {
                let id = name(&context.id);
                let policy = *spec.policy();
                // As the shell has it, until the start is over.
                life.0.used.set(Use::Now);
                if context.incarnation == 1 {
                    assert!(!self.sessions.contains_key(id), "two sessions of {id}");
                    self.sessions.insert(id, Session::new(policy, life));
                    self.begins(id);
                } else {
                    let session = self.sessions.get_mut(id).expect("it was there before");
                    assert_eq!(session.stage, Stage::Down, "two lives of {id}");
                    assert!(!session.expired, "{id} has expired, and comes back");
                    session.begin(life);
                }
            }
            Effect::Cancel { life, .. } => self.session(&life).cancelled = true,
            Effect::Stop { life, way, within } => {
                let serving = self.serving;
                let session = self.session(&life);
                let rule = session.policy.shutdown;
                let (right_way, right_within) = match (session.expired, rule) {
                    (true, rule) => (StopWay::Drain, gently(rule)),
                    (false, Shutdown::Drain(grace)) => (StopWay::Drain, Some(grace)),
                    (false, Shutdown::Timeout(grace)) => (StopWay::AtOnce, Some(grace)),
                    (false, _) => (StopWay::AtOnce, None),
                };
                let right = (right_way, right_within);
                // Else the deadline of the supervisor's stop may be earlier.
                assert!(!serving || (way, within) == right, "{rule:?}: {within:?}");
                session.stage = Stage::Stopping;
            }
            Effect::Kill { life } => {
                let session = self.session(&life);
                session.stage = Stage::Down;
                session.life.0.mark.set(Mark::Missing);
                let key = session.key();
                self.ended.push(key);
            }
            Effect::Answer(reply) => {
                let (ticket, told) = told(&reply);
                self.is_told(ticket, &told);
                let before = self.answers.insert(ticket, told);
                assert!(before.is_none(), "answered twice");
            }
            Effect::Discard(Discard::Caller(caller)) => {
                let gone = self.gone.contains(&untold(&caller));
                assert!(gone, "a caller that waits is dropped");
            }
            Effect::Note { id, kind, .. } => {
                self.happens(name(&id), &kind);
                self.note(name(&id), &kind);
            }
            _ => {}
        }
    }

    fn session(&mut self, life: &SimLife) -> &mut Session {
        let key = life.0.key;
        let mut sessions = self.sessions.values_mut();
        let found = sessions.find(|session| session.key() == key);
        found.expect("a life that is known")
    }
}
