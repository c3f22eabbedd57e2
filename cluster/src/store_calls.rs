//! The call of the session store that is under way. The store calls block one after another, so a call
//! that does not return holds up all that comes after it, and the store itself tells nobody.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use session_supervisor_store::{Decided, Entry, Part, SavedState, SessionStore, StoreError};

use crate::clock::Clock;
use crate::engine::{BootTime, Shard, Shards};

/// How long a call may take before it is told. A database that is well answers in milliseconds, and a restore
/// of many sessions reads for some seconds.
pub(crate) const LATE: Duration = Duration::from_secs(5);

/// How many shards a text names.
const NAMED: usize = 8;

/// A call of a [`SessionStore`], named as its methods are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StoreCall {
    /// Reads the records of one shard.
    Load,
    /// Reads the records of several shards.
    LoadMany,
    /// Reads one record.
    Entry,
    /// Reads what one session has saved.
    State,
    /// Reads what several sessions have saved.
    States,
    /// Writes.
    Apply,
}

/// A call of the session store that has not returned for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LateCall {
    /// Which one since the node was started.
    pub(crate) number: u64,
    pub(crate) call: StoreCall,
    pub(crate) shards: Vec<Shard>,
    pub(crate) waited: Duration,
}

/// The call that is under way. It is read at any time, and waits for no call.
#[derive(Debug)]
pub(crate) struct StoreCalls {
    clock: Clock,
    shards: Shards,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    begun: u64,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    call: StoreCall,
    shards: BTreeSet<Shard>,
    since: BootTime,
}

/// A store whose calls are noted.
pub(crate) struct Noted<S> {
    store: S,
    calls: Arc<StoreCalls>,
}

/// A call is under way until this is dropped, also if it panics.
struct UnderWay<'a>(&'a StoreCalls);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.lock().running = None;
    }
}

impl StoreCalls {
    pub(crate) fn new(clock: Clock, shards: Shards) -> Arc<Self> {
        Arc::new(Self {
            clock,
            shards,
            state: Mutex::default(),
        })
    }

    /// The call that has been under way for [`LATE`] or longer.
    pub(crate) fn late(&self) -> Option<LateCall> {
        let state = self.lock();
        let running = state.running.as_ref()?;
        let waited = self.clock.now().since(running.since);
        (waited >= LATE).then(|| LateCall {
            number: state.begun,
            call: running.call,
            shards: running.shards.iter().copied().collect(),
            waited,
        })
    }

    fn begin(&self, call: StoreCall, shards: impl Iterator<Item = Shard>) -> UnderWay<'_> {
        let running = Running {
            call,
            shards: shards.collect(),
            since: self.clock.now(),
        };
        let mut state = self.lock();
        state.begun += 1;
        state.running = Some(running);
        UnderWay(self)
    }

    fn of_parts(&self, call: StoreCall, parts: &[Part]) -> UnderWay<'_> {
        let shards = parts
            .iter()
            .filter_map(|part| self.shards.get(part.number()));
        self.begin(call, shards)
    }

    fn of_ids<'a>(&self, call: StoreCall, ids: impl Iterator<Item = &'a str>) -> UnderWay<'_> {
        self.begin(call, ids.map(|id| self.shards.of(id)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: SessionStore> Noted<S> {
    pub(crate) const fn new(store: S, calls: Arc<StoreCalls>) -> Self {
        Self { store, calls }
    }
}

/// `bind` and `shards` are asked before the node has joined, when there is no status that could tell of them.
impl<S: SessionStore> SessionStore for Noted<S> {
    fn bind(&mut self, cluster: &str) -> Result<(), StoreError> {
        self.store.bind(cluster)
    }

    fn shards(&self) -> Option<u32> {
        self.store.shards()
    }

    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let _under_way = self.calls.of_parts(StoreCall::Load, &[part]);
        self.store.load(part, found)
    }

    fn load_many(
        &mut self,
        parts: &[Part],
        found: &mut dyn FnMut(Entry),
    ) -> Result<Vec<(Part, StoreError)>, StoreError> {
        let _under_way = self.calls.of_parts(StoreCall::LoadMany, parts);
        self.store.load_many(parts, found)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        let _under_way = self.calls.of_ids(StoreCall::Entry, [id].into_iter());
        self.store.entry(id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        let _under_way = self.calls.of_ids(StoreCall::State, [id].into_iter());
        self.store.state(id, slot)
    }

    fn states(
        &mut self,
        ids: &[&str],
        slot: &str,
        found: &mut dyn FnMut(usize, Option<SavedState>),
    ) -> Result<(), StoreError> {
        let _under_way = self.calls.of_ids(StoreCall::States, ids.iter().copied());
        self.store.states(ids, slot, found)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        let ids = changes.iter().map(|decided| &**decided.change.id());
        let _under_way = self.calls.of_ids(StoreCall::Apply, ids);
        self.store.apply(changes)
    }
}

impl StoreCall {
    /// Its stable name: that of the method.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::LoadMany => "load_many",
            Self::Entry => "entry",
            Self::State => "state",
            Self::States => "states",
            Self::Apply => "apply",
        }
    }
}

impl fmt::Display for StoreCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The sentence of a call that does not return.
pub(crate) fn not_answered(call: StoreCall, shards: &[Shard], waited: Duration) -> String {
    let (shards, seconds) = (named(shards), waited.as_secs());
    format!("the session store has not answered `{call}` of {shards} for {seconds} s")
}

/// Shards by their numbers, the first ones alone if there are many.
pub(crate) fn named(shards: &[Shard]) -> String {
    let first = shards.iter().take(NAMED).map(ToString::to_string);
    let first = first.collect::<Vec<_>>().join(", ");
    match (shards.len(), shards.len().saturating_sub(NAMED)) {
        (0, _) => "no shard".to_owned(),
        (1, _) => format!("shard {first}"),
        (_, 0) => format!("shards {first}"),
        (_, more) => format!("shards {first} and {more} others"),
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Arc, Mutex};

    use session_supervisor_store::{
        Change, Decided, Entry, Part, SavedState, SessionStore, StoreError,
    };

    use super::{LATE, LateCall, Noted, StoreCall, StoreCalls, named};
    use crate::clock::{Clock, Offset};
    use crate::engine::Shards;

    const SHARDS: u32 = 16;

    /// A store whose calls take long by the clock of its node, and that looks at what is told meanwhile.
    struct Slow {
        calls: Arc<StoreCalls>,
        offset: Offset,
        told: Arc<Mutex<Vec<LateCall>>>,
    }

    impl Slow {
        fn takes_long(&self) {
            assert_eq!(self.calls.late(), None, "it has just begun");
            self.offset.forward(LATE);
            let mut told = self.told.lock().expect("no test has failed");
            told.extend(self.calls.late());
        }
    }

    impl SessionStore for Slow {
        fn load(&mut self, _: Part, _: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
            self.takes_long();
            Ok(())
        }

        fn load_many(
            &mut self,
            _: &[Part],
            _: &mut dyn FnMut(Entry),
        ) -> Result<Vec<(Part, StoreError)>, StoreError> {
            self.takes_long();
            Ok(Vec::new())
        }

        fn entry(&mut self, _: &str) -> Result<Option<Entry>, StoreError> {
            self.takes_long();
            Ok(None)
        }

        fn state(&mut self, _: &str, _: &str) -> Result<Option<SavedState>, StoreError> {
            self.takes_long();
            Err(StoreError::Failed("an error is an answer too".into()))
        }

        fn states(
            &mut self,
            _: &[&str],
            _: &str,
            _: &mut dyn FnMut(usize, Option<SavedState>),
        ) -> Result<(), StoreError> {
            self.takes_long();
            Ok(())
        }

        fn apply(&mut self, _: &[Decided]) -> Result<(), StoreError> {
            self.takes_long();
            panic!("as a store of a user may");
        }
    }

    #[test]
    fn each_call_is_told_of_while_it_takes_long_and_not_after_it() {
        let shards = Shards::new(SHARDS).expect("a count");
        let (clock, offset) = Clock::movable();
        let calls = StoreCalls::new(clock, shards);
        let told = Arc::default();
        let slow = Slow {
            calls: Arc::clone(&calls),
            offset,
            told: Arc::clone(&told),
        };
        let mut store = Noted::new(slow, Arc::clone(&calls));
        let part = |shard| Part::shard(shard, SHARDS, 7).expect("a shard");
        let change = |id: &str| {
            let (id, revision) = (id.into(), 1);
            Decided::under(7, Change::Rest { id, revision })
        };
        drop(store.load(part(3), &mut |_| {}));
        drop(store.load_many(&[part(5), part(4)], &mut |_| {}));
        drop(store.entry("a"));
        drop(store.state("a", "slot"));
        drop(store.states(&["a", "b", "a"], "slot", &mut |_, _| {}));
        assert_eq!(calls.late(), None, "all have returned");
        let changes = [change("b"), change("a")];
        let apply = AssertUnwindSafe(|| drop(store.apply(&changes)));
        assert!(catch_unwind(apply).is_err());
        assert_eq!(calls.late(), None, "a panic is the end of it too");

        let told = told.lock().expect("no test has failed");
        let of = |id: &str| shards.of(id).index();
        let both = [of("a").min(of("b")), of("a").max(of("b"))];
        let expected = [
            (1, StoreCall::Load, vec![3]),
            (2, StoreCall::LoadMany, vec![4, 5]),
            (3, StoreCall::Entry, vec![of("a")]),
            (4, StoreCall::State, vec![of("a")]),
            (5, StoreCall::States, both.to_vec()),
            (6, StoreCall::Apply, both.to_vec()),
        ];
        let told: Vec<_> = told
            .iter()
            .map(|late| {
                assert!(late.waited >= LATE);
                let shards = late.shards.iter().map(|shard| shard.index());
                (late.number, late.call, shards.collect::<Vec<_>>())
            })
            .collect();
        assert_eq!(told, expected);
    }

    #[test]
    fn many_shards_are_named_by_the_first_ones() {
        let all: Vec<_> = Shards::new(SHARDS).expect("a count").all().collect();
        assert_eq!(named(&all[..0]), "no shard");
        assert_eq!(named(&all[3..4]), "shard 3");
        assert_eq!(named(&all[..8]), "shards 0, 1, 2, 3, 4, 5, 6, 7");
        let text = "shards 0, 1, 2, 3, 4, 5, 6, 7 and 8 others";
        assert_eq!(named(&all), text);
    }
}
