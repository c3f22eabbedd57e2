//! Many callers of one id: of those who have gone away no more are kept than of those who wait, and
//! however many have the same answer, one step gives a bounded number of them.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use session_supervisor::engine::{
    Backoff, Discard, Effect, Engine, Failure, Input, Key, Limit, Mark, Moment, OwnLimit, Policy,
    Recall, Request, Restart, Settings,
};

use crate::domain::{SimDomain, SimLife, SimSpec, Waiter};
use crate::drops::inside;
use crate::rng::Rng;
use crate::rules::{Pauses, ms};
use crate::told::{launches_for, told, untold};

/// Its start hangs, it waits for its restart, its stop takes long, it is parked.
const IDS: [&str; 4] = ["hangs", "pauses", "stops", "parked"];
const LISTS: usize = 5;
/// How many effects one step may have, besides those of what it decides: an answer and the spec of
/// who is answered, for each of 1,000.
const STEP: usize = 2_100;
const LONG: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Start,
    Ensure,
    Restart,
    Stop,
    AwaitRunning,
    AwaitGone,
}

struct Crowd {
    engine: Engine<SimDomain>,
    now: Moment,
    lives: Vec<SimLife>,
    /// Whose callers they are.
    callers: Vec<usize>,
    gone: BTreeSet<usize>,
    waiting: BTreeSet<usize>,
    /// The most effects of one step.
    most: usize,
    finished: bool,
}

impl Crowd {
    fn new() -> Self {
        Waiter::all_are_there();
        let settings = Settings {
            park_trial: None,
            ..Settings::default()
        };
        Self {
            engine: Engine::new(settings),
            now: Moment::START,
            lives: Vec::new(),
            callers: Vec::new(),
            gone: BTreeSet::new(),
            waiting: BTreeSet::new(),
            most: 0,
            finished: false,
        }
    }

    /// All ids are where their callers wait.
    fn begun() -> Self {
        let mut crowd = Self::new();
        for id in 0..IDS.len() {
            crowd.ask(id, Ask::Start);
        }
        for id in 1..IDS.len() {
            let key = crowd.runs(id);
            if id != 2 {
                crowd.lives[id].0.mark.set(Mark::Failed);
                crowd.feed(Input::Ended { key });
            }
            if id == 1 {
                crowd.feed(Input::Released { key });
            }
        }
        crowd.ask(2, Ask::Stop);
        crowd
    }

    fn runs(&mut self, life: usize) -> Key {
        let life = &self.lives[life].0;
        life.actor.set(Some(life.key.launch.0));
        let key = life.key;
        let recall = Recall::InTime;
        self.waiting
            .remove(&usize::try_from(key.launch.0 - 1).unwrap());
        self.feed(Input::Started { key, recall });
        key
    }

    fn ask(&mut self, id: usize, ask: Ask) -> usize {
        let caller = self.callers.len();
        self.callers.push(id);
        self.waiting.insert(caller);
        let ticket = Waiter(caller);
        let policy = Policy {
            restart: Restart::Permanent,
            start_timeout: LONG,
            backoff: Some(Backoff::exponential(LONG, LONG)),
            limit: match IDS[id] {
                "parked" => OwnLimit::Own(Limit::new(0, ms(1_000)).unwrap()),
                _ => OwnLimit::Unlimited,
            },
            ..Policy::default()
        };
        let pauses = Pauses {
            first: LONG,
            max: LONG,
            doubles: false,
            jitter: false,
        };
        let spec = SimSpec::new(policy, pauses);
        let request = match ask {
            Ask::Start => Request::Start { spec, ticket },
            Ask::Ensure => Request::Ensure { spec, ticket },
            Ask::Restart => Request::Restart { ticket },
            Ask::Stop => Request::Stop { ticket },
            Ask::AwaitRunning => Request::AwaitRunning { ticket },
            Ask::AwaitGone => Request::AwaitGone { of: None, ticket },
        };
        let id = IDS[id].into();
        self.feed(Input::Asked { id, request });
        caller
    }

    fn goes(&mut self, caller: usize) {
        Waiter::goes(caller);
        self.gone.insert(caller);
    }

    fn feed(&mut self, input: Input<SimDomain>) {
        inside(|| self.engine.handle(self.now, input));
        self.drain();
    }

    fn drain(&mut self) {
        let mut effects = 0;
        while let Some(effect) = inside(|| self.engine.poll_effect()) {
            effects += 1;
            match effect {
                Effect::Launch { life, caller, .. } => {
                    self.lives.push(life);
                    if let Some(caller) = caller {
                        launches_for(&caller);
                    }
                }
                Effect::Cancel { life, .. } => {
                    let launch = usize::try_from(life.0.key.launch.0 - 1).unwrap();
                    self.waiting.remove(&launch);
                }
                Effect::Answer(reply) => {
                    let (caller, _) = told(&reply);
                    assert!(self.waiting.remove(&caller), "answered twice");
                }
                Effect::Discard(Discard::Caller(caller)) => {
                    let caller = untold(&caller);
                    assert!(self.gone.contains(&caller), "dropped, and it waits");
                    assert!(self.waiting.remove(&caller), "answered before");
                }
                Effect::Finished { .. } => self.finished = true,
                _ => {}
            }
        }
        self.most = self.most.max(effects);
    }

    /// Carries out what is due now.
    fn due(&mut self) {
        for _ in 0..10_000 {
            if self.engine.poll_timeout().is_none_or(|at| at > self.now) {
                return;
            }
            inside(|| self.engine.proceed(self.now));
            self.drain();
        }
        panic!("what is due does not come to an end");
    }

    fn kept(&self, id: usize) -> (usize, usize) {
        let of_id = |caller: &&usize| self.callers[**caller] == id;
        let all = self.waiting.iter().filter(of_id).copied();
        let (gone, there): (Vec<_>, Vec<_>) = all.partition(|caller| self.gone.contains(caller));
        (gone.len(), there.len())
    }

    /// Everything that is left of the sessions ends.
    fn end(&mut self) {
        self.feed(Input::StopSupervisor {
            within: None,
            ticket: Waiter(usize::MAX),
        });
        for _ in 0..100 {
            self.due();
            for life in std::mem::take(&mut self.lives) {
                let key = life.0.key;
                if life.0.actor.get().is_none() {
                    let failure = Failure::Cancelled;
                    self.feed(Input::StartFailed { key, failure });
                    continue;
                }
                self.feed(Input::Ended { key });
                self.feed(Input::Released { key });
            }
            if self.finished {
                return;
            }
        }
        panic!("the supervisor does not end");
    }
}

const ASKS: [&[Ask]; 4] = [
    &[
        Ask::Start,
        Ask::Ensure,
        Ask::Restart,
        Ask::AwaitRunning,
        Ask::AwaitGone,
    ],
    &[Ask::Start, Ask::Ensure, Ask::AwaitRunning, Ask::AwaitGone],
    &[
        Ask::Start,
        Ask::Ensure,
        Ask::Restart,
        Ask::Stop,
        Ask::AwaitRunning,
        Ask::AwaitGone,
    ],
    &[Ask::Restart, Ask::AwaitGone],
];

/// The invariant: of one list no more than four are kept, or than twice as many as ever waited in
/// it at once.
#[test]
fn of_callers_that_have_gone_no_more_are_kept_than_wait() {
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let mut crowd = Crowd::begun();
        let mut most_there: BTreeMap<usize, usize> = BTreeMap::new();
        let leave = 30 + rng.below(65);
        for _ in 0..600 {
            let id = rng.below(IDS.len());
            let caller = crowd.ask(id, rng.pick(ASKS[id]));
            let (_, there) = crowd.kept(id);
            let most = most_there.entry(id).or_default();
            *most = there.max(*most);
            if rng.below(100) < leave {
                crowd.goes(caller);
            }
            let (gone, there) = crowd.kept(id);
            let bound = LISTS * 4 + 2 * *most + 3;
            assert!(
                gone + there <= bound,
                "seed {seed}: {gone} gone, {there} there"
            );
        }
        crowd.end();
        let left: Vec<_> = crowd.waiting.difference(&crowd.gone).collect();
        assert!(left.is_empty(), "seed {seed}: {left:?} are never answered");
    }
}

const MANY: usize = 10_000;

#[test]
fn ten_thousand_that_have_gone_leave_nothing() {
    for (id, asks) in ASKS.iter().enumerate() {
        for ask in *asks {
            let mut crowd = Crowd::begun();
            for _ in 0..MANY {
                let caller = crowd.ask(id, *ask);
                crowd.goes(caller);
            }
            let (gone, _) = crowd.kept(id);
            assert!(
                gone <= 8,
                "{gone} are kept: {ask:?} of one that {}",
                IDS[id]
            );
        }
    }
}

/// Nobody waits for more than a part of those who have the same answer.
#[test]
fn ten_thousand_that_wait_are_answered_a_thousand_at_a_time() {
    for (id, asks) in ASKS.iter().enumerate() {
        for ask in *asks {
            let mut crowd = Crowd::begun();
            let callers: Vec<_> = (0..MANY).map(|_| crowd.ask(id, *ask)).collect();
            let waits = |crowd: &Crowd| {
                let waiting = callers
                    .iter()
                    .filter(|caller| crowd.waiting.contains(caller));
                waiting.count()
            };
            if waits(&crowd) < MANY - 1 {
                // They were answered at once.
                continue;
            }
            crowd.most = 0;
            crowd.end();
            let most = crowd.most;
            assert!(
                most <= STEP,
                "{most} effects: {ask:?} of one that {}",
                IDS[id]
            );
            assert_eq!(waits(&crowd), 0, "{ask:?} of one that {}", IDS[id]);
        }
    }
}

/// They wait for an id that is free in the end, and the first of them is started. A stop that comes
/// before all have had their turn is for all of them.
#[test]
fn those_who_wait_for_an_id_have_their_turns_when_it_is_free() {
    for stopped in [false, true] {
        let mut crowd = Crowd::new();
        crowd.ask(2, Ask::Start);
        let key = crowd.runs(0);
        crowd.ask(2, Ask::Stop);
        for _ in 0..MANY {
            crowd.ask(2, Ask::Restart);
        }
        let start = crowd.ask(2, Ask::Start);
        crowd.most = 0;
        crowd.feed(Input::Ended { key });
        crowd.feed(Input::Released { key });
        if stopped {
            crowd.ask(2, Ask::Stop);
        }
        crowd.due();
        assert!(crowd.most <= STEP, "{}", crowd.most);
        assert_eq!(crowd.lives.len(), if stopped { 1 } else { 2 });
        let left: Vec<_> = crowd.waiting.iter().copied().collect();
        assert_eq!(left, if stopped { vec![] } else { vec![start] });
    }
}
