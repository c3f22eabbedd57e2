//! A whole program with durable sessions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use session_supervisor::{Application, EndCause, Options, Strategy};
use session_supervisor_store::error::{StartError, WriteError};
use session_supervisor_store::{
    DurableApplication, DurableSupervisor, MemoryStore, SessionStore, SqliteStore, Standing,
};

use super::support::{Msg, chat, crash, folder, ids, kinds, said, say, start, topic, writes_by};

fn application(name: &str, store: &MemoryStore) -> Application {
    let store = store.clone();
    Application::new(
        Options::new()
            .name(name)
            .total_restart_limit(1, std::time::Duration::from_secs(60)),
    )
    .unique_name()
    .durable(move || Ok::<_, std::io::Error>(store.clone()), kinds())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_line_makes_an_application_durable() {
    let store = MemoryStore::new();
    let name = "one line";
    let running = application(name, &store).start().await.expect("it starts");
    let durable = DurableSupervisor::where_is(name).expect("it is there");
    durable
        .start_session("a", "chat", &topic("tea"))
        .await
        .unwrap();
    say(&durable, "a", "one").await;
    running.supervisor().stop().await.unwrap();
    assert!(matches!(running.wait().await.cause, EndCause::Stopped));
    assert!(DurableSupervisor::where_is(name).is_none());

    let running = application(name, &store).start().await.expect("it starts");
    let durable = DurableSupervisor::where_is(name).expect("it is there");
    assert_eq!(durable.restored().await.unwrap().restored, 1);
    assert_eq!(said(&durable, "a").await.1, ["one"]);
    running.supervisor().stop().await.unwrap();
    running.wait().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_in_use_ends_the_start_with_its_pid() {
    let file = folder().join("sessions.db");
    let held = SqliteStore::open(&file).unwrap();
    let start = Application::new(Options::new().unique_name())
        .unique_name()
        .durable(move || SqliteStore::open(&file), kinds())
        .start()
        .await;
    let error = start.expect_err("it is in use");
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    let pid = format!("process {} has the session store open", std::process::id());
    assert!(text.contains(&pid), "{text}");
    drop(held);
}

/// The durable supervisor after the next one of this name has ended.
async fn next(durable: DurableSupervisor, name: &str) -> DurableSupervisor {
    durable.sessions().wait().await;
    DurableSupervisor::await_named(name).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_supervisor_that_is_restarted_has_its_sessions_again() {
    let (store, name) = (MemoryStore::new(), "restarted");
    let running = application(name, &store).start().await.expect("it starts");
    let mut durable = DurableSupervisor::where_is(name).expect("it is there");
    start(&durable, "a").await;
    say(&durable, "a", "one").await;
    // As often as the root's own limit permits: each costs one restart.
    for round in 0..3 {
        let before = durable.clone();
        if round == 0 {
            // It uses up its total restart limit.
            crash(&durable, "a").await;
            chat(&durable, "a").cast(Msg::Crash).unwrap();
        } else {
            durable.sessions().get_cell().kill();
        }
        durable = next(durable, name).await;
        let report = durable.restored().await.expect("it is done");
        assert_eq!(report.restored, 1, "{report:?}");
        assert_eq!(said(&durable, "a").await.1, ["one"]);
        // A handle from before says so.
        let start = before.start_session("b", "chat", &topic("")).await;
        assert!(matches!(start, Err(StartError::Session(_))), "{start:?}");
    }
    say(&durable, "a", "two").await;
    running.supervisor().stop().await.unwrap();
    running.wait().await;
    assert_eq!(ids(&store), ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_restarted_with_the_session_supervisor_its_sessions_are_there_again() {
    for (name, strategy) in [
        ("rest for one", Strategy::RestForOne),
        ("one for all", Strategy::OneForAll),
    ] {
        let store = MemoryStore::new();
        let application = application(name, &store)
            .strategy(strategy)
            .without_restart_limit();
        let running = application.start().await.expect("it starts");
        let mut durable = DurableSupervisor::where_is(name).expect("it is there");
        for at in 0..100 {
            start(&durable, &format!("s{at}")).await;
        }
        for _ in 0..5 {
            durable.sessions().get_cell().kill();
            durable = next(durable, name).await;
            let report = durable.restored().await.expect("it is done");
            let kept = durable.list_remembered().into_iter();
            let kept = kept.filter(|known| !matches!(known.standing, Standing::Running { .. }));
            let kept: Vec<_> = kept.collect();
            assert_eq!(report.restored, 100, "{name}: {report:?}, {kept:?}");
            assert_eq!(durable.stats().running, 100, "{name}");
        }
        durable.stop_session("s0").await.expect("it is there");
        running.supervisor().stop().await.unwrap();
        running.wait().await;
        assert_eq!(ids(&store).len(), 99);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_holds_the_durable_supervisor_and_is_killed_forgets_nothing() {
    let (store, name) = (MemoryStore::new(), "holder");
    let running = application(name, &store).start().await.expect("it starts");
    let durable = DurableSupervisor::where_is(name).expect("it is there");
    for id in ["a", "b"] {
        start(&durable, id).await;
    }
    let root = running.supervisor();
    let holder = root.find_child("durable-sessions").expect("it runs");
    holder.kill_and_wait(None).await.expect("it is killed");
    let again = DurableSupervisor::await_named(name).await;
    assert!(again.sessions().is_running("a"));
    again.stop_session("b").await.expect("it is stopped");
    root.stop().await.unwrap();
    running.wait().await;
    assert_eq!(ids(&store), ["a"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_panics_is_opened_again_and_the_sessions_restored_from_it() {
    let (store, panics) = (MemoryStore::new(), Arc::new(AtomicBool::new(false)));
    let panics_now = Arc::clone(&panics);
    let fragile = writes_by(&store, move |store, changes| {
        assert!(!panics_now.swap(false, Ordering::SeqCst), "it is told to");
        store.apply(changes)
    });
    let name = "fragile";
    let application = Application::new(Options::new().name(name))
        .unique_name()
        .durable(move || Ok::<_, std::io::Error>(fragile.clone()), kinds());
    let running = application.start().await.expect("it starts");
    let durable = DurableSupervisor::where_is(name).expect("it is there");
    start(&durable, "a").await;
    say(&durable, "a", "one").await;
    panics.store(true, Ordering::SeqCst);
    let lost = durable.start_session("b", "chat", &topic("")).await;
    // Its supervisor may have been stopped before that was told.
    let lost = lost.expect_err("it is not remembered");
    assert!(
        matches!(
            lost,
            StartError::Store(WriteError::Down) | StartError::Session(_)
        ),
        "{lost:?}"
    );
    let failing = durable.stats().writes.failing;
    assert_eq!(
        failing.as_deref(),
        Some("the store panicked: it is told to")
    );
    let durable = next(durable, name).await;
    let report = durable.restored().await.expect("it is done");
    assert_eq!(report.restored, 1, "{report:?}");
    assert_eq!(said(&durable, "a").await.1, ["one"]);
    start(&durable, "b").await;
    running.supervisor().stop().await.unwrap();
    running.wait().await;
    assert_eq!(ids(&store), ["a", "b"]);
}
