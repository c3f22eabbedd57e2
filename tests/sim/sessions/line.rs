//! How many launches are under way at once: random histories with a small limit, in which launches
//! take long, fail and time out, callers stop, restart and go away.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use session_supervisor::engine::{
    Discard, Effect, Engine, EventKind, Failure, Input, Key, Mark, Moment, Policy, Recall, Request,
    Restart, Seen, SessionState, Settings,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::drops::{cause, inside};
use crate::oracle::Hash;
use crate::rng::Rng;
use crate::rules::{Pauses, ms};
use crate::told::{Told, launches_for, told, untold};

const IDS: usize = 12;

struct Launched {
    life: SimLife,
    id: usize,
    cancelled: bool,
}

struct Line {
    engine: Engine<SimDomain>,
    rng: Rng,
    now: Moment,
    max: usize,
    /// The launches under way.
    launching: Vec<Launched>,
    /// The sessions that run.
    running: Vec<Launched>,
    /// Starts of ids that were free, in the order in which they were asked.
    starts: Vec<(usize, usize)>,
    /// Restarts whose turn to be launched has come.
    restarts: BTreeSet<usize>,
    callers: usize,
    /// Those who share launches, and of which id.
    ensures: BTreeMap<usize, usize>,
    answered: BTreeMap<usize, &'static str>,
    gone: BTreeSet<usize>,
    hash: Hash,
}

impl Line {
    fn new(seed: u64) -> Self {
        Waiter::all_are_there();
        let mut rng = Rng::new(seed);
        let max = 1 + rng.below(3);
        let settings = Settings {
            max_launches: max,
            seed,
            ..Settings::default()
        };
        Self {
            engine: Engine::new(settings),
            rng,
            now: Moment::START,
            max,
            launching: Vec::new(),
            running: Vec::new(),
            starts: Vec::new(),
            restarts: BTreeSet::new(),
            callers: 0,
            ensures: BTreeMap::new(),
            answered: BTreeMap::new(),
            gone: BTreeSet::new(),
            hash: Hash::new(),
        }
    }

    fn caller(&mut self) -> usize {
        self.callers += 1;
        self.callers - 1
    }

    fn ask(&mut self, id: usize, request: Request<SimDomain>) {
        let id = Arc::from(id.to_string());
        self.feed(Input::Asked { id, request });
    }

    fn feed(&mut self, input: Input<SimDomain>) {
        inside(|| self.engine.handle(self.now, input));
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(effect) = inside(|| self.engine.poll_effect()) {
            self.hash.effect(self.now, &effect);
            self.effect(effect);
        }
        self.hash
            .state(self.engine.poll_timeout(), self.engine.counts());
        let busy = self.launching.len();
        assert!(busy <= self.max, "{busy} launches at once");
        let due = self.engine.poll_timeout();
        for id in (0..IDS).filter(|_| busy < self.max && due.is_none_or(|at| at > self.now)) {
            let info = self.engine.info(&id.to_string());
            let starts = info.is_some_and(|info| info.state == SessionState::Starting);
            let launching = self.launching.iter().any(|launched| launched.id == id);
            assert!(!starts || launching, "{id} waits, and there is room");
        }
    }

    fn effect(&mut self, effect: Effect<SimDomain>) {
        match effect {
            Effect::Launch {
                context,
                life,
                caller,
                ..
            } => {
                let id: usize = context.id.parse().unwrap();
                assert!(
                    self.launching.iter().all(|launched| launched.id != id),
                    "two launches of one id"
                );
                if context.incarnation == 1 {
                    let next = self.restarts.first();
                    assert_eq!(next, None, "a start before a restart");
                    let there = |caller: &usize| !self.gone.contains(caller);
                    let first = caller.as_ref().map(launches_for);
                    let wanted = first.is_some_and(|caller| there(&caller))
                        || (0..self.callers).any(|caller| {
                            let shares = self.ensures.get(&caller) == Some(&id);
                            shares && there(&caller) && !self.answered.contains_key(&caller)
                        });
                    assert!(wanted, "a launch without a caller");
                    let place = self.starts.iter().position(|(first, _)| *first == id);
                    // Those before it have gone away or were stopped, or it is not their turn.
                    if let Some(place) = place {
                        let left: Vec<_> = self.starts.drain(..=place).collect();
                        for (other, caller) in &left[..left.len() - 1] {
                            let over =
                                self.answered.contains_key(caller) || self.gone.contains(caller);
                            assert!(over, "the start of {other} is overtaken by that of {id}");
                        }
                    }
                } else {
                    self.restarts.remove(&id);
                }
                self.launching.push(Launched {
                    life,
                    id,
                    cancelled: false,
                });
            }
            Effect::Cancel { life, .. } => {
                let key = life.0.key;
                let launched = self.launching.iter_mut().find(|l| l.life.0.key == key);
                launched.expect("it is launching").cancelled = true;
            }
            Effect::Stop { life, .. } | Effect::Kill { life } => {
                let place = self.running.iter().position(|l| l.life.0.key == life.0.key);
                let ended = self.running.swap_remove(place.expect("it runs"));
                self.end(&ended, Mark::Orderly);
            }
            Effect::Answer(reply) => {
                let (ticket, told) = told(&reply);
                let kind = match told {
                    Told::Joined(_) => "joined",
                    _ => "answered",
                };
                self.starts.retain(|(_, caller)| *caller != ticket);
                let before = self.answered.insert(ticket, kind);
                assert_eq!(before, None, "answered twice");
            }
            Effect::Discard(Discard::Caller(caller)) => {
                let ticket = untold(&caller);
                assert!(self.gone.contains(&ticket), "dropped, and it waits");
                self.starts.retain(|(_, caller)| *caller != ticket);
                let before = self.answered.insert(ticket, "dropped");
                assert_eq!(before, None, "answered before");
            }
            Effect::Note {
                kind: EventKind::StartTimedOut { .. },
                ..
            } => {}
            _ => {}
        }
    }

    /// What ends is reported later, as ractor does.
    fn end(&mut self, ended: &Launched, mark: Mark) {
        ended.life.0.mark.set(mark);
        self.ends(ended.life.0.key);
    }

    fn ends(&mut self, key: Key) {
        // The engine is draining its effects, so the report waits.
        PENDING.with_borrow_mut(|pending| pending.push(key));
    }

    fn report_ends(&mut self) {
        for key in PENDING.take() {
            self.feed(Input::Ended { key });
            self.feed(Input::Released { key });
        }
    }

    fn step(&mut self) {
        let id = self.rng.below(IDS);
        match self.rng.below(12) {
            0..=3 => {
                let caller = self.caller();
                let ticket = Waiter(caller);
                let policy = Policy {
                    restart: Restart::Permanent,
                    start_timeout: ms(100),
                    ..Policy::default()
                };
                let pauses = Pauses::NONE;
                let spec = SimSpec::new(policy, pauses);
                let known = self.engine.info(&id.to_string()).is_some();
                let request = if self.rng.chance(50) {
                    self.ensures.insert(caller, id);
                    Request::Ensure { spec, ticket }
                } else {
                    Request::Start { spec, ticket }
                };
                self.ask(id, request);
                let info = self.engine.info(&id.to_string());
                let starts = info.is_some_and(|info| info.state == SessionState::Starting);
                let launching = self.launching.iter().any(|launched| launched.id == id);
                if !known && starts && !launching {
                    self.starts.push((id, caller));
                }
            }
            4 => {
                let ticket = Waiter(self.caller());
                self.restarts.remove(&id);
                self.ask(id, Request::Stop { ticket });
            }
            5 => {
                let ticket = Waiter(self.caller());
                self.ask(id, Request::Restart { ticket });
            }
            6 if !self.running.is_empty() => {
                let at = self.rng.below(self.running.len());
                let crashed = self.running.swap_remove(at);
                crashed.life.0.mark.set(Mark::Failed);
                let key = crashed.life.0.key;
                self.feed(Input::Exited {
                    id: Some(crashed.id.to_string().into()),
                    actor: key.launch.0,
                    seen: Seen::Failed(cause("crash")),
                });
                self.released(key, crashed.id);
            }
            7 => {
                let waiting: Vec<_> = (0..self.callers)
                    .filter(|caller| !self.answered.contains_key(caller))
                    .collect();
                if !waiting.is_empty() {
                    let caller = self.rng.pick(&waiting);
                    Waiter::goes(caller);
                    self.gone.insert(caller);
                }
            }
            8 => {
                self.now = self.now.after(ms(self.rng.pick(&[1, 60, 200])));
                inside(|| self.engine.handle_timeout(self.now));
                self.drain();
            }
            _ => self.finish_a_launch(),
        }
        self.report_ends();
    }

    /// A restart that finds all launches taken waits in line from now on.
    fn released(&mut self, key: Key, id: usize) {
        if self.launching.len() == self.max {
            self.restarts.insert(id);
        }
        self.feed(Input::Released { key });
        let info = self.engine.info(&id.to_string());
        if info.is_none_or(|info| info.state != SessionState::Restarting) {
            self.restarts.remove(&id);
        }
    }

    fn finish_a_launch(&mut self) {
        if self.launching.is_empty() {
            return;
        }
        let at = self.rng.below(self.launching.len());
        let launched = self.launching.swap_remove(at);
        let key = launched.life.0.key;
        if launched.cancelled || self.rng.chance(30) {
            let failure = if launched.cancelled {
                Failure::Cancelled
            } else {
                Failure::Failed(cause("no start"))
            };
            self.feed(Input::StartFailed { key, failure });
        } else {
            launched.life.0.actor.set(Some(key.launch.0));
            self.running.push(launched);
            let recall = Recall::InTime;
            self.feed(Input::Started { key, recall });
        }
    }

    fn play(&mut self) {
        for _ in 0..150 {
            self.step();
        }
        for _ in 0..2_000 {
            if self.launching.is_empty() {
                let Some(at) = self.engine.poll_timeout() else {
                    break;
                };
                self.now = self.now.max(at);
                inside(|| self.engine.handle_timeout(self.now));
                self.drain();
            }
            self.finish_a_launch();
            self.report_ends();
        }
        let counts = self.engine.counts();
        assert_eq!(counts.starting + counts.restarting, 0, "a request waits");
        for caller in 0..self.callers {
            let answered = self.answered.contains_key(&caller);
            let launched = counts.active > 0;
            assert!(answered || launched, "caller {caller} is never answered");
        }
    }
}

thread_local! {
    static PENDING: std::cell::RefCell<Vec<Key>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[test]
fn never_more_launches_at_once_than_may_be_and_no_request_waits_in_vain() {
    crate::recorded::hold("line.txt", 3_000, |seed| {
        println!("seed {seed}");
        let mut line = Line::new(seed);
        line.play();
        line.hash
    });
}
