//! How often a store is asked when sessions are restored.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use session_supervisor::Options;
use session_supervisor_store::{
    Change, Decided, DurableSupervisor, Entry, MAX_VALUE, MemoryStore, Part, Record, SavedState,
    SessionStore, StoreError,
};

use super::support::{ids, kinds};

/// It counts what it is asked.
#[derive(Clone, Default)]
struct Counted {
    store: MemoryStore,
    loads: Arc<AtomicUsize>,
    entries: Arc<AtomicUsize>,
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
        self.store.state(id, slot)
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
