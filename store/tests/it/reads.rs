//! How often a store is asked when sessions are restored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_supervisor::Options;
use session_supervisor_store::{
    Change, Decided, DurableSupervisor, Entry, MAX_VALUE, MemoryStore, Part, Record, SavedState,
    SessionStore, StoreError,
};

use super::support::{crash, ids, kinds, open, said, say};

/// It counts what it is asked.
#[derive(Clone, Default)]
struct Counted {
    store: MemoryStore,
    loads: Arc<AtomicUsize>,
    entries: Arc<AtomicUsize>,
    states: Arc<AtomicUsize>,
    states_of_many: Arc<AtomicUsize>,
}

impl SessionStore for Counted {
    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.store.load(part, found)
    }

    fn load_many(
        &mut self,
        parts: &[Part],
        found: &mut dyn FnMut(Entry),
    ) -> Result<Vec<(Part, StoreError)>, StoreError> {
        self.loads.fetch_add(1, Ordering::Relaxed);
        self.store.load_many(parts, found)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        self.entries.fetch_add(1, Ordering::Relaxed);
        self.store.entry(id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        self.states.fetch_add(1, Ordering::Relaxed);
        self.store.state(id, slot)
    }

    fn states(
        &mut self,
        ids: &[&str],
        slot: &str,
        found: &mut dyn FnMut(usize, Option<SavedState>),
    ) -> Result<(), StoreError> {
        assert!(ids.len() <= 64, "{} at once", ids.len());
        self.states_of_many.fetch_add(1, Ordering::Relaxed);
        self.store.states(ids, slot, found)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        self.store.apply(changes)
    }
}

impl Counted {
    /// With so many sessions, whose arguments have about so many bytes each.
    fn with(sessions: u64, bytes: usize) -> Self {
        let mut store = MemoryStore::new();
        for number in 0..sessions {
            let arguments = format!("{{\"topic\":\"\",\"rest\":\"{}\"}}", "x".repeat(bytes));
            let id = format!("s{number}");
            let record = Record::new(id, "chat", arguments, number + 1, number);
            let remember = Decided::under(0, Change::Remember(record));
            store.apply(&[remember]).expect("in memory");
        }
        Self {
            store,
            ..Self::default()
        }
    }

    fn asked(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&self.loads), of(&self.entries))
    }

    /// How often for the state of one session, and for those of several.
    fn asked_for_states(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&self.states), of(&self.states_of_many))
    }

    /// Each of its sessions has said something.
    fn said(mut self) -> Self {
        for number in 0.. {
            let id: Arc<str> = format!("s{number}").into();
            if self.store.entry(&id).expect("in memory").is_none() {
                return self;
            }
            let state = SavedState::new("", 0, format!("[\"{id}\"]").into_bytes(), number);
            let revision = number + 1;
            let save = Change::Save {
                id,
                revision,
                state,
            };
            self.store.apply(&[save.into()]).expect("in memory");
        }
        self
    }
}

#[tokio::test]
async fn each_session_is_read_once() {
    let store = Counted::with(300, 10);
    let durable = super::support::open(store.clone()).await;
    let report = durable.restored().await.expect("it runs");
    assert_eq!(report.restored, 300, "{report:?}");
    assert_eq!(store.asked(), (1, 0));
    durable.stop().await.expect("it stops");
    assert_eq!(ids(&store.store).len(), 300);
}

#[tokio::test]
async fn the_states_of_64_sessions_are_read_at_once() {
    let store = Counted::with(300, 10).said();
    let durable = open(store.clone()).await;
    let report = durable.restored().await.expect("it runs");
    assert_eq!(report.restored, 300, "{report:?}");
    assert_eq!(store.asked_for_states(), (0, 5));
    for id in ["s0", "s150", "s299"] {
        assert_eq!(said(&durable, id).await.1, [id]);
        // What a later incarnation is given is what was saved by then.
        say(&durable, id, "more").await;
        crash(&durable, id).await;
        assert_eq!(said(&durable, id).await.1, [id, "more"]);
    }
    assert_eq!(store.asked_for_states(), (3, 5));
    durable.stop().await.expect("it stops");
}

/// Another process has it for a while, and what was read before that counts no more.
#[tokio::test]
async fn what_was_read_ahead_is_read_again_when_a_part_comes_back() {
    let store = Counted::with(1, 10).said();
    let options = || Options::new().unique_name();
    let shared =
        |store: &Counted| DurableSupervisor::open_shared(options(), kinds(), store.clone());
    let (one, other) = (shared(&store).await, shared(&store).await);
    let (one, other) = (one.expect("it opens"), other.expect("it opens"));
    let take = async |durable: &DurableSupervisor, epoch| {
        let part = Part::shard(0, 1, epoch).expect("a part");
        let taken = durable.take_over(part).await.expect("it is read");
        assert_eq!(taken.restored().await.expect("it runs").restored, 1);
        part
    };
    let within = std::time::Duration::from_secs(5);
    let mut expected = vec!["s0".to_owned()];
    for (durable, epoch) in [(&one, 1), (&other, 2), (&one, 3), (&other, 4)] {
        let part = take(durable, epoch).await;
        assert_eq!(said(durable, "s0").await.1, expected);
        let line = format!("in {epoch}");
        say(durable, "s0", &line).await;
        expected.push(line);
        durable.hand_over(part, within).await.expect("it ends");
    }
    assert_eq!(store.asked_for_states(), (0, 4));
}

/// Each part is told of by itself, and those that are not wanted any more are not known.
#[tokio::test]
async fn of_several_parts_those_are_taken_over_that_are_still_wanted() {
    let store = Counted::with(300, 10);
    let options = Options::new().unique_name();
    let opened = DurableSupervisor::open_shared(options, kinds(), store.clone()).await;
    let durable = opened.expect("it opens");
    let parts: Vec<_> = (0..4)
        .filter_map(|shard| Part::shard(shard, 4, 1))
        .collect();
    let (read, refused) = durable.read_many(parts).await.expect("they are read");
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(durable.list_remembered().len(), 0);
    let taken = read.take_over(|part| part.number() != 2);
    let of = |part: Part| (0..300).filter(|n| part.has(&format!("s{n}"))).count();
    let mut known = 0;
    let mut numbers = Vec::new();
    for (part, taken) in taken {
        let report = taken.restored().await.expect("it runs");
        assert_eq!(report.restored, of(part), "{report:?}");
        known += report.restored;
        numbers.push(part.number());
    }
    assert_eq!(numbers, [0, 1, 3]);
    assert_eq!(durable.list_remembered().len(), known);
    assert_eq!(store.asked(), (1, 0));
    durable.stop().await.expect("it stops");
}

#[tokio::test]
async fn so_is_each_of_several_parts() {
    let store = Counted::with(300, 10);
    let options = Options::new().unique_name();
    let opened = DurableSupervisor::open_shared(options, kinds(), store.clone()).await;
    let durable = opened.expect("it opens");
    let parts = (0..64).filter_map(|shard| Part::shard(shard, 64, 1));
    let (taken, refused) = durable
        .take_over_many(parts.collect())
        .await
        .expect("they are read");
    assert!(refused.is_empty(), "{refused:?}");
    let report = taken.restored().await.expect("it runs");
    assert_eq!(report.restored, 300, "{report:?}");
    assert_eq!(store.asked(), (1, 0));
    durable.stop().await.expect("it stops");
}

#[tokio::test]
async fn what_does_not_fit_into_the_memory_is_read_when_its_turn_comes() {
    // 80 MiB, of which 64 are held.
    let store = Counted::with(160, MAX_VALUE / 2);
    let durable = super::support::open(store.clone()).await;
    let report = durable.restored().await.expect("it runs");
    assert_eq!(report.restored, 160, "{report:?}");
    let (loads, entries) = store.asked();
    assert_eq!(loads, 1);
    assert!((30..=40).contains(&entries), "{entries} of 160 read again");
    durable.stop().await.expect("it stops");
}
