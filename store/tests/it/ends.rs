//! What forgets a session, and what does not.

use session_supervisor::{Exit, SessionState};
use session_supervisor_store::error::{StartError, StopError};
use session_supervisor_store::{Kept, MemoryStore, Record, Standing};

use super::support::{Args, Msg, chat, crash, ids, open, said, say, start, topic, until, wrote};

#[tokio::test]
async fn a_stop_by_a_caller_forgets_before_it_answers() {
    let store = MemoryStore::new();
    let durable = open(store.clone()).await;
    start(&durable, "a").await;
    start(&durable, "b").await;
    say(&durable, "a", "one").await;
    assert_eq!(ids(&store), ["a", "b"]);
    assert_eq!(durable.stop_session("a").await.unwrap(), Exit::Shutdown);
    assert_eq!(ids(&store), ["b"]);
    assert!(matches!(
        durable.stop_session("a").await,
        Err(StopError::NotFound)
    ));
    // Also by one who knows nothing of a store.
    durable.sessions().stop_session("b").await.unwrap();
    durable.flush().await.unwrap();
    assert_eq!(ids(&store), Vec::<String>::new());
    start(&durable, "a").await;
    assert_eq!(said(&durable, "a").await.1, Vec::<String>::new());
    durable.stop().await.unwrap();
}

#[tokio::test]
async fn a_normal_end_forgets_and_a_crash_does_not() {
    let store = MemoryStore::new();
    let durable = open(store.clone()).await;
    for id in ["normal", "crash", "kill"] {
        durable.start_session(id, "once", &topic("")).await.unwrap();
    }
    for id in ["normal", "crash", "kill"] {
        let session = chat(&durable, id);
        let end = || match id {
            "normal" => session.cast(Msg::End).unwrap(),
            "crash" => session.cast(Msg::Crash).unwrap(),
            _ => session.get_cell().kill(),
        };
        until(&durable, id, "gone", end).await;
    }
    durable.flush().await.unwrap();
    assert_eq!(ids(&store), ["crash", "kill"]);
    assert_eq!(durable.remembered("normal"), None);
    let killed = Standing::Kept(Kept::Crashed("killed".into()));
    assert_eq!(durable.remembered("kill"), Some(killed));
    assert_eq!(
        durable.stop_session("kill").await.unwrap(),
        Exit::NotRunning
    );
    assert_eq!(ids(&store), ["crash"]);
    durable
        .resume_session("crash")
        .await
        .expect("it runs again");
    durable.stop().await.unwrap();
    assert_eq!(ids(&store), ["crash"]);
}

#[tokio::test]
async fn a_parked_session_is_remembered_and_a_stop_of_it_forgets() {
    let store = MemoryStore::new();
    let durable = open(store.clone()).await;
    start(&durable, "a").await;
    for _ in 0..3 {
        crash(&durable, "a").await;
    }
    let session = chat(&durable, "a");
    until(&durable, "a", "exited", || {
        session.cast(Msg::Crash).unwrap()
    })
    .await;
    let info = durable.sessions().session_info("a").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Parked);
    durable.flush().await.unwrap();
    assert_eq!(ids(&store), ["a"]);
    assert_eq!(durable.stop_session("a").await.unwrap(), Exit::NotRunning);
    assert_eq!(ids(&store), Vec::<String>::new());
    durable.stop().await.unwrap();
}

#[tokio::test]
async fn a_start_that_fails_leaves_nothing_and_a_resume_that_fails_leaves_all() {
    let store = MemoryStore::new();
    let durable = open(store.clone()).await;
    let fails = Args {
        topic: String::new(),
        fails: true,
    };
    let failed = durable.start_session("a", "chat", &fails).await;
    assert!(matches!(failed, Err(StartError::Session(_))), "{failed:?}");
    assert_eq!(ids(&store), Vec::<String>::new());
    assert_eq!(durable.remembered("a"), None);
    // What the supervisor refuses is not even written.
    durable
        .start_session("b", "chat", &topic("tea"))
        .await
        .unwrap();
    let changes = durable.stats().writes.changes;
    let taken = durable.start_session("c", "chat", &topic("tea")).await;
    assert!(matches!(taken, Err(StartError::Session(_))), "{taken:?}");
    assert_eq!(durable.stats().writes.changes, changes);
    durable.stop().await.unwrap();

    let record = Record::new("a", "chat", r#"{"topic":"","fails":true}"#, 99, 1);
    wrote(&mut store.clone(), record);
    let durable = open(store.clone()).await;
    let report = durable.restored().await.unwrap();
    assert_eq!((report.restored, report.failed.len()), (1, 1));
    assert!(
        report.failed[0].why.contains("it was told to fail"),
        "{report:?}"
    );
    assert_eq!(ids(&store), ["a", "b"]);
    durable.stop().await.unwrap();
    assert_eq!(ids(&store), ["a", "b"]);
}

#[tokio::test]
async fn the_end_of_the_supervisor_forgets_nothing() {
    let store = MemoryStore::new();
    for kill in [true, false] {
        let durable = open(store.clone()).await;
        durable.restored().await.unwrap();
        durable
            .ensure_session("a", "chat", &topic(""))
            .await
            .unwrap();
        durable
            .ensure_session("b", "once", &topic(""))
            .await
            .unwrap();
        if kill {
            durable.sessions().get_cell().kill();
            durable.sessions().wait().await;
        }
        durable.stop().await.unwrap();
        assert_eq!(ids(&store), ["a", "b"]);
    }
}
