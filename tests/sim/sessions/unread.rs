//! What is told where nobody reads details: warnings and errors alone; and where there is no log:
//! nothing. All else is done as it is, and an error that an event would have carried out of the engine
//! leaves it all the same, unless the engine keeps it as that of a last exit.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use session_supervisor::engine::{
    Discard, Effect, Engine, EventKind, Exit, Failure, Input, Key, Limit, Listening, Mark, Moment,
    OwnLimit, Policy, Recall, Request, Restart, Settings, Severity,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::drops::{cause, inside};
use crate::rules::{Pauses, ms};

/// What came out.
#[derive(Debug, Default)]
struct Told {
    kinds: Vec<EventKind>,
    errors: Vec<String>,
    others: Vec<String>,
}

struct Scene {
    engine: Engine<SimDomain>,
    lives: BTreeMap<String, SimLife>,
    told: Told,
}

impl Scene {
    fn feed(&mut self, input: Input<SimDomain>) {
        inside(|| self.engine.handle(Moment::START, input));
        while let Some(effect) = inside(|| self.engine.poll_effect()) {
            match effect {
                Effect::Note { kind, error, .. } => {
                    self.told.kinds.push(kind);
                    let errors = error.map(|error| error.to_string());
                    self.told.errors.extend(errors);
                }
                Effect::Discard(
                    Discard::Failure(Failure::Failed(error))
                    | Discard::Exit(Exit::Failed { cause: error }),
                ) => self.told.errors.push(error.to_string()),
                effect => {
                    self.told.others.push(format!("{effect:?}"));
                    if let Effect::Launch { context, life, .. } = effect {
                        self.lives.insert(context.id.to_string(), life);
                    }
                }
            }
        }
    }

    fn start(&mut self, id: &str, caller: usize) {
        let limit = Limit::new(1, ms(1_000)).expect("longer than zero");
        let policy = Policy {
            restart: Restart::Permanent,
            limit: OwnLimit::Own(limit),
            ..Policy::default()
        };
        let request = Request::Start {
            spec: SimSpec::new(policy, Pauses::NONE),
            ticket: Waiter(caller),
        };
        let id = Arc::from(id);
        self.feed(Input::Asked { id, request });
    }

    fn key(&self, id: &str) -> Key {
        self.lives[id].0.key
    }

    fn started(&mut self, id: &str) {
        let (key, recall) = (self.key(id), Recall::InTime);
        self.lives[id].0.actor.set(Some(key.launch.0));
        self.feed(Input::Started { key, recall });
    }

    fn crash(&mut self, id: &str, error: &'static str) {
        let (key, life) = (self.key(id), &self.lives[id].0);
        life.cause.replace(Some(cause(error)));
        life.mark.set(Mark::Failed);
        self.feed(Input::Ended { key });
        self.feed(Input::Released { key });
    }

    fn stopped(&mut self, id: &str) {
        let key = self.key(id);
        self.lives[id].0.mark.set(Mark::Orderly);
        self.feed(Input::Ended { key });
        self.feed(Input::Released { key });
    }
}

/// The error of a session that is parked.
const LAST: &str = "a last crash";

/// One session fails until it is parked, one does not start, and one is stopped.
fn played(listening: Listening) -> Told {
    Waiter::all_are_there();
    let mut engine = Engine::new(Settings::default());
    engine.listen(listening);
    let (lives, told) = (BTreeMap::new(), Told::default());
    let mut scene = Scene {
        engine,
        lives,
        told,
    };
    scene.start("a", 1);
    scene.started("a");
    scene.crash("a", "a crash");
    scene.started("a");
    scene.crash("a", LAST);
    scene.start("b", 2);
    let (key, failure) = (scene.key("b"), Failure::Failed(cause("no start")));
    scene.feed(Input::StartFailed { key, failure });
    scene.start("c", 3);
    scene.started("c");
    let (id, ticket) = (Arc::from("c"), Waiter(4));
    let request = Request::Stop { ticket };
    scene.feed(Input::Asked { id, request });
    scene.stopped("c");
    scene.told
}

#[test]
fn where_nobody_reads_details_only_they_are_not_told() {
    let (all, few) = (played(Listening::Off), played(Listening::Warnings));
    let grave = |kind: &&EventKind| kind.severity() != Severity::Detail;
    let expected: Vec<_> = all.kinds.iter().filter(grave).cloned().collect();
    assert_eq!(few.kinds, expected);
    assert!(expected.len() >= 2 && expected.len() < all.kinds.len());
    check_the_rest(few, all);
}

#[test]
fn where_nobody_reads_anything_nothing_is_told() {
    let none = played(Listening::Nobody);
    assert_eq!(none.kinds, []);
    check_the_rest(none, played(Listening::Off));
}

/// What is no event leaves the engine in any case, and the errors of the events do too, but for the one
/// that is shown with the parked session.
fn check_the_rest(told: Told, all: Told) {
    assert_eq!(told.others, all.others);
    let each = |errors: Vec<String>| BTreeSet::from_iter(errors);
    let mut out = each(told.errors);
    out.insert(LAST.to_owned());
    assert_eq!(out, each(all.errors));
}
