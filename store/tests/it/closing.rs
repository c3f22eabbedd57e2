//! How a store is given back: when it was opened in vain, and when it does not write at the end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};

use session_supervisor::{Options, SessionSupervisor};
use session_supervisor_store::error::{OpenError, WriteError};
use session_supervisor_store::{DurableSupervisor, MemoryStore, SessionStore, SqliteStore};

use super::support::{Msg, chat, folder, kinds, open, refuses, said, start, writes_by};

#[tokio::test]
async fn a_file_that_is_locked_when_the_supervisor_stops_is_tried_again() {
    let (store, refusals) = (MemoryStore::new(), Arc::new(AtomicU32::new(0)));
    let durable = open(refuses(&store, &refusals)).await;
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
    let durable = open(refuses(&store, &refusals)).await;
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
    let options = || Options::new().name(holder.name());
    let store = || SqliteStore::open(&file).expect("it is free");
    for _ in 0..20 {
        let alone = DurableSupervisor::open(options(), kinds(), store()).await;
        assert!(matches!(alone, Err(OpenError::Start(_))), "{alone:?}");
        let shared = DurableSupervisor::open_shared(options(), kinds(), store()).await;
        assert!(matches!(shared, Err(OpenError::Start(_))), "{shared:?}");
    }
    drop(store());
    holder.stop().await.expect("it stops");
}

#[test]
fn a_runtime_that_is_dropped_loses_nothing_that_was_saved() {
    let (store, (kept, is_kept)) = (MemoryStore::new(), mpsc::channel::<()>());
    let runtime = || tokio::runtime::Runtime::new().expect("a runtime");
    let first = runtime();
    first.block_on(async {
        // Also one that is chosen while the program runs.
        let chosen: Box<dyn SessionStore> = Box::new(writes_by(&store, move |store, changes| {
            let _as_long_as_the_store_is = &kept;
            store.apply(changes)
        }));
        let durable = open(chosen).await;
        start(&durable, "a").await;
        for line in ["one", "two"] {
            let session = chat(&durable, "a");
            session.cast(Msg::Note(line.to_owned())).expect("it runs");
        }
        said(&durable, "a").await;
    });
    drop(first);
    is_kept.recv().expect_err("the thread ends");
    runtime().block_on(async {
        let durable = open(store).await;
        durable.restored().await.expect("it is done");
        assert_eq!(said(&durable, "a").await.1, ["one", "two"]);
        durable.stop().await.expect("it is written");
    });
}
