//! Sessions whose time is over: they rest until they are used.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ractor::call;
use session_supervisor::{ChildSpec, Ensured, Exit, Options};
use session_supervisor_store::error::StartError;
use session_supervisor_store::{
    Change, DurableSupervisor, Entry, Kept, Kinds, MemoryStore, Record, Remembered, SavedState,
    SessionStore, Standing,
};

use super::support::{Args, Chat, Msg, as_stored, ids, refuses, topic, wrote};

/// Both kinds end soon, if at all.
fn kinds(time: Option<Duration>) -> Kinds {
    let spec = |args: Args, remembered: Remembered| {
        ChildSpec::new(move |start| (Chat, (args.clone(), remembered.clone(), start)))
    };
    Kinds::new()
        .kind("idle", move |args: Args, remembered| match time {
            Some(time) => spec(args, remembered).idle_timeout(time),
            None => spec(args, remembered),
        })
        .kind("brief", move |args: Args, remembered| match time {
            Some(time) => spec(args, remembered).max_lifetime(time),
            None => spec(args, remembered),
        })
}

async fn open(store: &MemoryStore, time: Option<Duration>) -> DurableSupervisor {
    let options = Options::new().unique_name();
    let opened = DurableSupervisor::open(options, kinds(time), store.clone()).await;
    opened.expect("it opens")
}

/// A store with a session that has saved a line.
fn with_one(kind: &str) -> MemoryStore {
    let mut store = MemoryStore::new();
    wrote(
        &mut store,
        Record::new("a", kind, r#"{"topic":"tea"}"#, 1, 1),
    );
    let (id, state) = ("a".into(), SavedState::new("", 0, *br#"["one"]"#, 2));
    let save = Change::Save {
        id,
        revision: 1,
        state,
    };
    store.apply(&[save.into()]).expect("it is written");
    store
}

fn is_resting(store: &MemoryStore) -> bool {
    match store.clone().entry("a").expect("it is read") {
        Some(Entry::Record(record)) => record.resting,
        other => panic!("{other:?}"),
    }
}

/// It runs until its time is over.
async fn rested(store: &MemoryStore) {
    let durable = open(store, Some(Duration::from_millis(20))).await;
    durable.restored().await.expect("it is done");
    // It may have ended before this.
    drop(durable.sessions().wait_end("a").await);
    durable.flush().await.expect("it is written");
    let resting = Standing::Kept(Kept::Resting);
    assert_eq!(durable.remembered("a"), Some(resting));
    assert!(is_resting(store));
    let start = durable.start_session("a", "idle", &topic("")).await;
    assert!(
        matches!(start, Err(StartError::Remembered(Kept::Resting))),
        "{start:?}"
    );
    durable.stop().await.expect("it is written");
}

#[tokio::test]
async fn a_session_whose_time_is_over_rests_until_it_is_used() {
    for kind in ["idle", "brief"] {
        let store = with_one(kind);
        rested(&store).await;
        // It does not start with the others.
        let durable = open(&store, None).await;
        let report = durable.restored().await.expect("it is done");
        assert_eq!((report.restored, report.resting), (0, 1));
        assert!(!durable.sessions().is_running("a"));
        let used = durable.ensure_session("a", kind, &topic("milk")).await;
        let Ok(Ensured::Created(cell)) = used else {
            panic!("{used:?}");
        };
        // From then on it is restored.
        assert!(!is_resting(&store));
        let said = call!(ractor::ActorRef::from(cell), Msg::Said).expect("it answers");
        assert_eq!(said, ("tea".to_owned(), vec!["one".to_owned()]));
        let killed = as_stored(&store);
        durable.stop().await.expect("it is written");
        let durable = open(&killed, None).await;
        let report = durable.restored().await.expect("it is done");
        assert_eq!((report.restored, report.resting), (1, 0));
        durable.stop().await.expect("it is written");
    }
}

#[tokio::test]
async fn one_that_rests_is_resumed_or_forgotten_by_its_id() {
    let store = with_one("idle");
    rested(&store).await;
    let durable = open(&store, None).await;
    durable.resume_session("a").await.expect("it starts");
    assert!(!is_resting(&store));
    durable.stop().await.expect("it is written");
    rested(&store).await;
    let durable = open(&store, None).await;
    let stop = durable.stop_session("a").await;
    assert_eq!(stop.expect("it is there"), Exit::NotRunning);
    assert_eq!(ids(&store), Vec::<String>::new());
    durable.stop().await.expect("it is written");
}

#[tokio::test]
async fn a_wake_that_is_not_written_is_told_and_written_before_the_next_one_is() {
    let (store, refusals) = (with_one("idle"), Arc::new(AtomicU32::new(0)));
    rested(&store).await;
    let options = Options::new().unique_name();
    let refuses = refuses(&store, &refusals);
    let opened = DurableSupervisor::open(options, kinds(None), refuses).await;
    let durable = opened.expect("it opens");
    // The second one is that of the try which follows, before the caller is told.
    refusals.store(2, Ordering::SeqCst);
    let ensured = durable.ensure_session("a", "idle", &topic("")).await;
    assert!(matches!(ensured, Err(StartError::Store(_))), "{ensured:?}");
    assert!(!durable.sessions().is_running("a"));
    assert!(is_resting(&store));
    durable
        .ensure_session("a", "idle", &topic(""))
        .await
        .expect("it starts");
    assert!(!is_resting(&store));
    durable.stop().await.expect("it is written");
}
