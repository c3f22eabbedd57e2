//! How a store is given back: when it was opened in vain, and when it does not write at the end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};

use session_supervisor::{Options, SessionSupervisor};
use session_supervisor_store::error::{OpenError, WriteError};
use session_supervisor_store::{
    Decided, DurableSupervisor, Entry, MemoryStore, Part, SavedState, SessionStore, SqliteStore,
    StoreError,
};

use super::support::{Msg, chat, folder, kinds, open, said, start};

/// A store that refuses so many writes.
#[derive(Clone)]
pub(super) struct Refuses(pub(super) MemoryStore, pub(super) Arc<AtomicU32>);

impl SessionStore for Refuses {
    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        self.0.load(part, found)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        self.0.entry(id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        self.0.state(id, slot)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        let less = |left: u32| left.checked_sub(1);
        match self
            .1
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
        {
            Ok(_) => Err(StoreError::Locked("a backup".into())),
            Err(_) => self.0.apply(changes),
        }
    }
}

#[tokio::test]
async fn a_file_that_is_locked_when_the_supervisor_stops_is_tried_again() {
    let (store, refusals) = (MemoryStore::new(), Arc::new(AtomicU32::new(0)));
    let durable = open(Refuses(store.clone(), Arc::clone(&refusals))).await;
    start(&durable, "a").await;
    refusals.store(3, Ordering::SeqCst);
    chat(&durable, "a")
        .cast(Msg::Note("one".to_owned()))
        .unwrap();
    said(&durable, "a").await;
    durable.stop().await.expect("it is written in the end");
    assert_eq!(refusals.load(Ordering::SeqCst), 0);
    let durable = open(store).await;
    durable.restored().await.unwrap();
    assert_eq!(said(&durable, "a").await.1, ["one"]);
    durable.stop().await.unwrap();
}

#[tokio::test]
async fn a_store_that_never_writes_again_is_given_back_with_an_error() {
    let (store, refusals) = (MemoryStore::new(), Arc::new(AtomicU32::new(0)));
    let durable = open(Refuses(store.clone(), Arc::clone(&refusals))).await;
    start(&durable, "a").await;
    refusals.store(u32::MAX, Ordering::SeqCst);
    chat(&durable, "a")
        .cast(Msg::Note("one".to_owned()))
        .unwrap();
    said(&durable, "a").await;
    let stopped = durable.stop().await;
    assert!(matches!(stopped, Err(WriteError::Store(_))), "{stopped:?}");
    let again = durable.stop().await;
    assert!(matches!(again, Err(WriteError::Down)), "{again:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_open_that_fails_gives_the_store_back() {
    let file = folder().join("sessions.db");
    let holder = SessionSupervisor::start(Options::new().unique_name()).await;
    let holder = holder.expect("it starts");
    for _ in 0..20 {
        let store = SqliteStore::open(&file).expect("it is free");
        let options = Options::new().name(holder.name());
        let opened = DurableSupervisor::open(options, kinds(), store).await;
        assert!(matches!(opened, Err(OpenError::Start(_))), "{opened:?}");
    }
    holder.stop().await.expect("it stops");
}

/// A store that tells when it is given back.
struct Told(MemoryStore, mpsc::Sender<()>);

impl Drop for Told {
    fn drop(&mut self) {
        let _nobody = self.1.send(());
    }
}

impl SessionStore for Told {
    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        self.0.load(part, found)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        self.0.entry(id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        self.0.state(id, slot)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        self.0.apply(changes)
    }
}

#[test]
fn a_runtime_that_is_dropped_loses_nothing_that_was_saved() {
    let (store, (given_back, told)) = (MemoryStore::new(), mpsc::channel());
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let first = runtime();
    first.block_on(async {
        // Also one that is chosen while the program runs.
        let chosen: Box<dyn SessionStore> = Box::new(Told(store.clone(), given_back));
        let durable = open(chosen).await;
        start(&durable, "a").await;
        for line in ["one", "two"] {
            let session = chat(&durable, "a");
            session.cast(Msg::Note(line.to_owned())).expect("it runs");
        }
        said(&durable, "a").await;
    });
    drop(first);
    told.recv().expect("the thread ends");
    runtime().block_on(async {
        let durable = open(store).await;
        durable.restored().await.expect("it is done");
        assert_eq!(said(&durable, "a").await.1, ["one", "two"]);
        durable.stop().await.expect("it is written");
    });
}
