//! A whole program with durable sessions.

use session_supervisor::{Application, EndCause, Options};
use session_supervisor_store::{DurableApplication, DurableSupervisor, MemoryStore, SqliteStore};

use super::support::{folder, kinds, said, say, topic};

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
