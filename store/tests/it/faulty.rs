//! A store that fails, blocks or panics.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use ractor::call;
use session_supervisor_store::error::{SaveError, StartError, StopError, WriteError};
use session_supervisor_store::{Decided, DurableSupervisor, MemoryStore, SessionStore, StoreError};

use super::support::{Msg, chat, open, said, say, start, topic, writes_by};

/// What a write does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Writes,
    /// Nothing is written, and that is told.
    Fails,
    /// All is written, and it is told that it is not.
    Lies,
    Panics,
    /// It waits until it is let go.
    Blocks,
}

#[derive(Clone)]
struct Faulty {
    store: MemoryStore,
    does: Arc<Mutex<Does>>,
    /// Tells that a write has begun to block.
    blocks: Sender<()>,
    goes_on: Arc<Mutex<Receiver<()>>>,
}

impl Faulty {
    fn new() -> (Self, Receiver<()>, Sender<()>) {
        let (blocks, blocked) = channel();
        let (go_on, goes_on) = channel();
        let faulty = Self {
            store: MemoryStore::new(),
            does: Arc::new(Mutex::new(Does::Writes)),
            blocks,
            goes_on: Arc::new(Mutex::new(goes_on)),
        };
        (faulty, blocked, go_on)
    }

    fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    fn ids(&self) -> Vec<String> {
        super::support::ids(&self.store)
    }

    fn write(&self, store: &mut MemoryStore, changes: &[Decided]) -> Result<(), StoreError> {
        let does = *self.does.lock().unwrap();
        match does {
            Does::Writes => {}
            Does::Fails => return Err(StoreError::Full("no room".into())),
            Does::Lies => {
                store.apply(changes)?;
                return Err(StoreError::Failed("who knows".into()));
            }
            Does::Panics => panic!("the store is broken"),
            Does::Blocks => {
                self.blocks.send(()).unwrap();
                self.goes_on.lock().unwrap().recv().unwrap();
            }
        }
        store.apply(changes)
    }
}

async fn opened() -> (DurableSupervisor, Faulty, Receiver<()>, Sender<()>) {
    let (faulty, blocked, go_on) = Faulty::new();
    let writes = faulty.clone();
    let store = writes_by(&faulty.store, move |store, changes| {
        writes.write(store, changes)
    });
    (open(store).await, faulty, blocked, go_on)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_told_to_who_waits_and_sessions_go_on() {
    let (durable, faulty, _, _) = opened().await;
    start(&durable, "a").await;
    start(&durable, "b").await;
    faulty.does(Does::Fails);
    let start = durable.start_session("c", "chat", &topic("")).await;
    assert!(
        matches!(start, Err(StartError::Store(WriteError::Store(_)))),
        "{start:?}"
    );
    assert!(!durable.sessions().is_running("c"));
    let saved = call!(chat(&durable, "a"), Msg::Say, "one".to_owned()).unwrap();
    assert!(matches!(saved, Err(SaveError::Store { .. })), "{saved:?}");
    let stop = durable.stop_session("b").await;
    assert!(matches!(stop, Err(StopError::Store(_))), "{stop:?}");
    assert!(durable.flush().await.is_err());
    let stats = durable.stats();
    assert_eq!(
        stats.writes.failing.as_deref(),
        Some("the disk of the store is full: no room")
    );
    assert!(stats.waiting >= 2 && stats.writes.failed >= 3, "{stats:?}");
    // The session goes on, and has what it has saved.
    assert_eq!(said(&durable, "a").await.1, ["one"]);
    super::support::crash(&durable, "a").await;
    assert_eq!(said(&durable, "a").await.1, ["one"]);
    assert_eq!(faulty.ids(), ["a", "b"]);
    faulty.does(Does::Writes);
    durable.flush().await.expect("there is room");
    assert_eq!(faulty.ids(), ["a"]);
    assert_eq!(durable.stats().writes.failing, None);
    durable
        .start_session("c", "chat", &topic(""))
        .await
        .expect("it starts");
    durable.stop().await.unwrap();
    let again = open(faulty.store.clone()).await;
    again.restored().await.unwrap();
    assert_eq!(said(&again, "a").await.1, ["one"]);
    again.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_was_not_remembered_for_sure_does_not_come_back() {
    let (durable, faulty, _, _) = opened().await;
    faulty.does(Does::Lies);
    let start = durable.start_session("a", "chat", &topic("")).await;
    assert!(matches!(start, Err(StartError::Store(_))), "{start:?}");
    faulty.does(Does::Writes);
    durable.flush().await.expect("it is written");
    assert_eq!(faulty.ids(), Vec::<String>::new());
    durable.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_is_not_answered_and_runs_nothing_before_its_record_is_durable() {
    let (durable, faulty, blocked, go_on) = opened().await;
    faulty.does(Does::Blocks);
    let start = tokio::spawn(durable.start_session("a", "chat", &topic("")));
    tokio::task::spawn_blocking(move || {
        blocked.recv().unwrap();
        blocked
    })
    .await
    .unwrap();
    faulty.does(Does::Writes);
    assert!(!start.is_finished());
    assert!(!durable.sessions().is_running("a"));
    // Neither does it hold up another call.
    assert!(durable.sessions().list_sessions().await.unwrap().len() == 1);
    go_on.send(()).unwrap();
    start.await.unwrap().expect("it starts");
    durable.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_leaves_no_session_that_is_not_remembered() {
    let (durable, faulty, blocked, go_on) = opened().await;
    faulty.does(Does::Blocks);
    let start = tokio::spawn(durable.start_session("a", "chat", &topic("")));
    let blocked = tokio::task::spawn_blocking(move || {
        blocked.recv().unwrap();
        blocked
    });
    let _blocked = blocked.await.unwrap();
    start.abort();
    drop(start.await);
    faulty.does(Does::Writes);
    // A stop cancels the launch that waits for the disk; the record is gone before it is answered.
    let stop = tokio::spawn(durable.stop_session("a"));
    go_on.send(()).unwrap();
    stop.await.unwrap().expect("it is stopped");
    assert_eq!(faulty.ids(), Vec::<String>::new());
    assert_eq!(durable.remembered("a"), None);
    durable
        .start_session("a", "chat", &topic(""))
        .await
        .expect("its id is free");
    say(&durable, "a", "one").await;
    assert_eq!(faulty.ids(), ["a"]);
    durable.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_durable_save_whose_caller_goes_away_is_saved_all_the_same() {
    let (durable, faulty, blocked, go_on) = opened().await;
    start(&durable, "a").await;
    let checkpoint = call!(chat(&durable, "a"), Msg::Checkpoint).unwrap();
    faulty.does(Does::Blocks);
    let saved = tokio::spawn(checkpoint.save_durably(&vec!["one".to_owned()]));
    let blocked = tokio::task::spawn_blocking(move || {
        blocked.recv().unwrap();
        blocked
    });
    let _blocked = blocked.await.unwrap();
    // One of them is being written, the other waits; nobody waits for either.
    let never_polled = checkpoint.save_durably(&vec!["two".to_owned()]);
    drop(never_polled);
    saved.abort();
    drop(saved.await);
    faulty.does(Does::Writes);
    go_on.send(()).unwrap();
    durable.stop().await.expect("it is written");
    let again = open(faulty.store.clone()).await;
    again.restored().await.unwrap();
    assert_eq!(said(&again, "a").await.1, ["two"]);
    again.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_panics_leaves_nobody_waiting() {
    let (durable, faulty, _, _) = opened().await;
    start(&durable, "a").await;
    let checkpoint = call!(chat(&durable, "a"), Msg::Checkpoint).unwrap();
    faulty.does(Does::Panics);
    let start = durable.start_session("b", "chat", &topic("")).await;
    assert!(
        matches!(start, Err(StartError::Store(WriteError::Down))),
        "{start:?}"
    );
    faulty.does(Does::Writes);
    let start = durable.start_session("b", "chat", &topic("")).await;
    assert!(
        matches!(start, Err(StartError::Store(WriteError::Down))),
        "{start:?}"
    );
    let saved = checkpoint.save(&Vec::new());
    assert!(
        matches!(
            saved,
            Err(SaveError::Store {
                cause: WriteError::Down,
                ..
            })
        ),
        "{saved:?}"
    );
    assert!(checkpoint.save_durably(&Vec::new()).await.is_err());
    let failing = durable.stats().writes.failing;
    assert_eq!(
        failing.as_deref(),
        Some("the store panicked: the store is broken")
    );
    let stop = durable.stop_session("a").await;
    assert!(
        matches!(stop, Err(StopError::Store(WriteError::Down))),
        "{stop:?}"
    );
    drop(durable.stop().await);
    assert_eq!(faulty.ids(), ["a"]);
}
