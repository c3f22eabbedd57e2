//! Calls that come while the sessions are restored, and sessions that others start with our tags.

use std::num::NonZeroU64;

use session_supervisor::{ChildSpec, Drain, Options};
use session_supervisor_store::error::StartError;
use session_supervisor_store::{
    DurableSupervisor, Kept, MemoryStore, Record, SessionStore, Standing,
};
use tokio::task::JoinSet;

use super::support::{ids, kinds, open, start, topic, wrote};

fn waiting(count: u64) -> MemoryStore {
    let mut store = MemoryStore::new();
    for at in 1..=count {
        let record = Record::new(format!("s{at}"), "chat", r#"{"topic":""}"#, at, at);
        wrote(&mut store, record);
    }
    store
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_while_it_is_restored_stops_and_forgets_it() {
    for _ in 0..5 {
        let store = waiting(400);
        let durable = open(store.clone()).await;
        let mut stops = JoinSet::new();
        for at in 1..=400 {
            stops.spawn(durable.stop_session(&format!("s{at}")));
        }
        for stopped in stops.join_all().await {
            stopped.expect("it is remembered, so it is there to be stopped");
        }
        let report = durable.restored().await.expect("it is done");
        assert_eq!((report.failed.len(), report.left), (0, 0), "{report:?}");
        assert_eq!(durable.list_remembered(), []);
        assert_eq!(ids(&store), Vec::<String>::new());
        let counts = durable.sessions().count_sessions().await.expect("it runs");
        assert_eq!(counts.active, 0);
        durable.stop().await.expect("it is written");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_and_ensures_while_it_is_restored_make_one_session_of_each_id() {
    let store = waiting(300);
    let durable = open(store.clone()).await;
    let (mut ensures, mut starts) = (JoinSet::new(), JoinSet::new());
    for at in (1..=300).rev() {
        let id = format!("s{at}");
        ensures.spawn(durable.ensure_session(&id, "once", &topic("")));
        starts.spawn(durable.start_session(&id, "once", &topic("")));
    }
    for ensured in ensures.join_all().await {
        ensured.expect("it is there");
    }
    for started in starts.join_all().await {
        assert!(
            matches!(
                started,
                Err(StartError::Remembered(_) | StartError::Session(_))
            ),
            "{started:?}"
        );
    }
    let report = durable.restored().await.expect("it is done");
    assert_eq!(
        (report.restored, report.failed.len()),
        (300, 0),
        "{report:?}"
    );
    let counts = durable.sessions().count_sessions().await.expect("it runs");
    assert_eq!(counts.active, 300);
    durable.stop().await.expect("it is written");
    assert_eq!(ids(&store).len(), 300);
}

#[tokio::test]
async fn the_end_of_a_session_with_the_same_tag_forgets_nobody_else() {
    let store = MemoryStore::new();
    let durable = open(store.clone()).await;
    start(&durable, "a").await;
    let Some(Standing::Running { tag, .. }) = durable.remembered("a") else {
        panic!("it runs");
    };
    let others = ChildSpec::task(|_, _| std::future::pending());
    let others = others.tag(NonZeroU64::new(tag).expect("a tag"));
    let sessions = durable.sessions();
    sessions
        .start_session("b", others)
        .await
        .expect("it starts");
    sessions.stop_session("b").await.expect("it stops");
    durable.flush().await.expect("it is written");
    assert_eq!(ids(&store), ["a"]);
    assert!(matches!(
        durable.remembered("a"),
        Some(Standing::Running { .. })
    ));
    durable.stop().await.expect("it is written");
}

#[tokio::test]
async fn what_there_is_no_place_for_is_shown_as_not_started() {
    let options = Options::new().unique_name().max_sessions(1);
    let opened = DurableSupervisor::open(options, kinds(), waiting(2)).await;
    let durable = opened.expect("it opens");
    let report = durable.restored().await.expect("it is done");
    assert_eq!((report.restored, report.failed.len()), (1, 1), "{report:?}");
    let id = &report.failed[0].id;
    let limit = Kept::NotStarted("session limit of 1 reached".into());
    assert_eq!(durable.remembered(id), Some(Standing::Kept(limit)));
    let start = durable.start_session(id, "chat", &topic("")).await;
    let text = start.expect_err("it is remembered").to_string();
    assert!(text.ends_with("session limit of 1 reached"), "{text}");
    durable.stop().await.expect("it is written");
}

#[tokio::test]
async fn a_drain_and_a_restart_by_hand_forget_nothing() {
    let store = MemoryStore::new();
    let durable = open(store.clone()).await;
    start(&durable, "a").await;
    let sessions = durable.sessions();
    sessions.restart_session("a").await.expect("it starts");
    durable.flush().await.expect("it is written");
    assert_eq!(ids(&store), ["a"]);
    let within = std::time::Duration::from_secs(10);
    let drained = sessions.drain(Drain::within(within)).await;
    drained.expect("it is drained");
    durable.stop().await.expect("it is written");
    assert_eq!(ids(&store), ["a"]);
}

#[tokio::test]
async fn a_revision_that_leaves_no_room_is_set_aside() {
    let mut store = MemoryStore::new();
    wrote(
        &mut store,
        Record::new("a", "chat", r#"{"topic":""}"#, u64::MAX, 1),
    );
    let durable = open(store.clone()).await;
    let report = durable.restored().await.expect("it is done");
    assert!(report.set_aside[0].why.contains("revision"), "{report:?}");
    start(&durable, "b").await;
    durable
        .start_anew("a", "chat", &topic(""))
        .await
        .expect("it starts");
    durable.stop().await.expect("it is written");
    assert!(store.entry("a").expect("it is read").is_some());
}
