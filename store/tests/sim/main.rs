//! What is still to be written, simulated: random changes, writes that succeed, fail, or fail although
//! they were made, and the end of the process at any point. A model says what must be on the disk.
//!
//! ```sh
//! SIM_HISTORIES=1000000 cargo test --release -p session-supervisor-store --test sim
//! SIM_SEED=4711 cargo test -p session-supervisor-store --test sim
//! ```

mod disk;
mod lives;

use std::collections::HashMap;
use std::sync::Arc;

use session_supervisor_store::engine::{Backlog, Found, Outcome, Scope};
use session_supervisor_store::{Change, Decided, MemoryStore, Record, SessionStore};

use disk::{Promise, Session, copy, sessions, state, wanted};

const IDS: [&str; 3] = ["a", "b", "c"];
const SLOTS: [&str; 2] = ["", "x"];

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::try_from(self.below(all.len() as u64)).expect("few")]
    }
}

struct History {
    random: Random,
    backlog: Backlog<usize>,
    disk: MemoryStore,
    flight: Option<Vec<Decided>>,
    /// What all changes make, one after another.
    want: HashMap<&'static str, Session>,
    /// What each waiter waits for. None: it was told.
    waiters: Vec<Option<(&'static str, Promise)>>,
    /// What holds, until something later is asked for.
    promised: Vec<(&'static str, Promise)>,
    /// All sessions that there were.
    past: Vec<(&'static str, u64)>,
    revision: u64,
    value: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        Self {
            random: Random(seed),
            backlog: Backlog::bounded(64),
            disk: MemoryStore::new(),
            flight: None,
            want: HashMap::new(),
            waiters: Vec::new(),
            promised: Vec::new(),
            past: Vec::new(),
            revision: 0,
            value: 0,
        }
    }

    fn add(&mut self, id: &'static str, change: Change, promise: Option<Promise>) {
        let waiter = promise.map(|promise| {
            self.waiters.push(Some((id, promise)));
            self.waiters.len() - 1
        });
        let wants = wanted(self.want.get(id), &change);
        let is_save = matches!(change, Change::Save { .. });
        match self.backlog.add(change, waiter) {
            Ok(()) => {}
            Err((_, waiter)) => {
                assert!(is_save, "only a state is refused");
                if let Some(waiter) = waiter {
                    self.waiters[waiter] = None;
                }
                return;
            }
        }
        match wants {
            Some(session) => drop(self.want.insert(id, session)),
            None => drop(self.want.remove(id)),
        }
        // What was promised of an earlier session holds no longer.
        let now = self.want.get(id);
        self.promised
            .retain(|(of, promise)| *of != id || promise.holds(now));
    }

    /// Of the session that is there, or of one that is gone.
    fn some_revision(&mut self, id: &str, current: Option<u64>) -> Option<u64> {
        let past: Vec<_> = self.past.iter().filter(|(of, _)| *of == id).collect();
        match (self.random.below(5), current) {
            (1.., Some(revision)) => Some(revision),
            _ if past.is_empty() => None,
            _ => Some(self.random.of(&past).1),
        }
    }

    fn step(&mut self) {
        let id = self.random.of(&IDS);
        let current = self.want.get(id).map(|session| session.revision);
        let waits = self.random.below(2) == 0;
        match self.random.below(14) {
            0..=2 if current.is_none() => {
                self.revision += 1;
                let revision = self.revision;
                self.past.push((id, revision));
                let change = Change::Remember(Record::new(id, "k", "{}", revision, 0));
                // A new record is always waited for.
                self.add(id, change, Some(Promise::There(revision)));
            }
            0..=5 => {
                let Some(revision) = self.some_revision(id, current) else {
                    return;
                };
                self.value += 1;
                let (slot, value) = (self.random.of(&SLOTS), self.value);
                let promise = Promise::Saved(revision, slot.into(), value);
                let state = state(slot, value);
                let change = Change::Save {
                    id: id.into(),
                    revision,
                    state,
                };
                self.add(id, change, waits.then_some(promise));
            }
            6 | 7 => {
                let revision = match (self.random.below(3), current) {
                    (0, _) | (_, None) => self.random.below(self.revision + 1),
                    (_, Some(revision)) => revision,
                };
                let change = Change::Forget {
                    id: id.into(),
                    revision,
                };
                self.add(id, change, waits.then_some(Promise::Gone(revision)));
            }
            12 | 13 => {
                let Some(revision) = self.some_revision(id, current) else {
                    return;
                };
                let id_of: Arc<str> = id.into();
                if self.random.below(2) == 0 {
                    let change = Change::Rest {
                        id: id_of,
                        revision,
                    };
                    self.add(id, change, None);
                } else {
                    let change = Change::Wake {
                        id: id_of,
                        revision,
                    };
                    self.add(id, change, waits.then_some(Promise::Awake(revision)));
                }
            }
            8 if self.random.below(4) == 0 => {
                let change = Change::Discard { id: id.into() };
                self.add(id, change, waits.then_some(Promise::Gone(self.revision)));
            }
            8 | 9 => {
                if self.flight.is_none() {
                    self.flight = self.backlog.begin();
                }
            }
            _ => self.finish(),
        }
        // It counts, and checks itself.
        let _counted = self.backlog.is_awaited();
        self.check_states();
    }

    /// The write under way comes to its end.
    fn finish(&mut self) {
        let Some(changes) = self.flight.take() else {
            return;
        };
        let how = self.random.below(4);
        // Of one that failed nobody knows whether it was made.
        if how != 1 {
            self.disk.apply(&changes).expect("in memory");
        }
        let told = match how {
            0 | 1 => {
                for decided in &changes {
                    if let Change::Remember(record) = &decided.change {
                        let id = IDS.into_iter().find(|id| **id == *record.id).expect("one");
                        if self
                            .want
                            .get(id)
                            .is_some_and(|now| now.revision == record.revision)
                        {
                            self.want.remove(id);
                        }
                    }
                }
                let scope = self.random.of(&[Scope::Store, Scope::Unknown]);
                self.backlog.failed(scope)
            }
            _ => self.backlog.written(),
        };
        for (waiter, outcome) in told {
            let (id, promise) = self.waiters[waiter].take().expect("it is told once");
            if outcome != Outcome::Written {
                assert!(outcome != Outcome::Failed || how < 2);
                continue;
            }
            assert!(how >= 2, "it is durable");
            if promise.holds(self.want.get(id)) {
                self.promised.push((id, promise));
            }
        }
    }

    /// What is read is what was saved last.
    fn check_states(&mut self) {
        for (id, session) in &self.want {
            let Session {
                revision, states, ..
            } = session;
            for slot in SLOTS {
                let found = match self.backlog.find(id, slot, *revision) {
                    Found::State(state) => Some(state),
                    Found::Nothing => None,
                    _ => self.disk.state(id, slot).expect("in memory"),
                };
                let expected = states.get(slot).map(|value| state(slot, *value));
                assert_eq!(found, expected, "state {slot:?} of {id}");
            }
        }
    }

    /// The process ends here, whatever is under way.
    fn crash(&mut self) {
        let mut disk = MemoryStore::new();
        copy(&self.disk, &mut disk);
        if let Some(changes) = &self.flight
            && self.random.below(2) == 0
        {
            disk.apply(changes).expect("in memory");
        }
        let there = sessions(&disk);
        for (id, promise) in &self.promised {
            let found = there.get(*id);
            assert!(
                promise.holds(found),
                "{id}: {promise:?} was promised, there is {found:?}"
            );
        }
    }

    /// All is written.
    fn end(&mut self) {
        loop {
            self.flight = match self.flight.take() {
                Some(changes) => Some(changes),
                None => self.backlog.begin(),
            };
            let Some(changes) = self.flight.take() else {
                break;
            };
            self.disk.apply(&changes).expect("in memory");
            for (waiter, _) in self.backlog.written() {
                self.waiters[waiter].take().expect("it is told once");
            }
        }
        assert!(
            self.waiters.iter().all(Option::is_none),
            "somebody was not told"
        );
        assert_eq!((self.backlog.len(), self.backlog.bytes()), (0, 0));
        let want = self
            .want
            .drain()
            .map(|(id, session)| (id.to_owned(), session));
        assert_eq!(sessions(&self.disk), want.collect(), "the disk at the end");
    }
}

fn play(seed: u64) {
    let mut history = History::new(seed);
    let steps = 10 + history.random.below(120);
    for _ in 0..steps {
        history.step();
        history.crash();
    }
    history.end();
}

fn setting(name: &str) -> Option<u64> {
    let set = std::env::var(name).ok()?;
    Some(set.parse().expect("a number"))
}

#[test]
fn what_is_acknowledged_is_there_after_a_crash_at_any_point() {
    if let Some(seed) = setting("SIM_SEED") {
        return play(seed);
    }
    for seed in 0..setting("SIM_HISTORIES").unwrap_or(5_000) {
        let played = std::panic::catch_unwind(|| play(seed));
        assert!(
            played.is_ok(),
            "history {seed}: play it again with SIM_SEED={seed}"
        );
    }
}
