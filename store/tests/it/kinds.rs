//! Functions of kinds, and arguments, that do what they should not.

use serde::{Deserialize, Deserializer, Serialize};
use session_supervisor::{ChildSpec, Launch, Options, StartContext, Task};
use session_supervisor_store::error::StartError;
use session_supervisor_store::{
    DurableSupervisor, Kept, Kinds, MemoryStore, Record, Remembered, Standing,
};

use super::support::{Args, Chat, ids, wrote};

/// Nobody reads it twice.
#[derive(Serialize)]
struct Explosive;

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("it explodes")
    }
}

fn idle() -> ChildSpec<Task> {
    ChildSpec::task(|_, _| std::future::pending())
}

fn kinds() -> Kinds {
    Kinds::new()
        .kind("explosive", |_: Explosive, _| idle())
        .kind("panics", |(): (), _| -> ChildSpec<Task> {
            panic!("no spec today")
        })
        .kind("bad spec", |(): (), _| idle().label(""))
        .kind("start panics", |(): (), _| {
            ChildSpec::new(|_| -> (Chat, (Args, Remembered, StartContext)) {
                panic!("no start today")
            })
        })
        .kind("number", |_: f64, _| idle())
        .kind("nested", |_: serde_json::Value, _| idle())
}

async fn open(store: &MemoryStore) -> DurableSupervisor {
    let options = Options::new().unique_name();
    let opened = DurableSupervisor::open(options, kinds(), store.clone()).await;
    opened.expect("it opens")
}

#[tokio::test]
async fn what_a_kind_does_wrong_is_told_and_leaves_nothing() {
    let store = MemoryStore::new();
    let durable = open(&store).await;
    let text = |error: StartError| error.to_string();
    let start = durable.start_session("a", "explosive", &Explosive).await;
    let told = text(start.expect_err("it panics"));
    assert_eq!(
        told,
        r#"the function of kind "explosive" panicked: it explodes"#
    );
    let start = durable.start_session("a", "panics", &()).await;
    let told = text(start.expect_err("it panics"));
    assert_eq!(
        told,
        r#"the function of kind "panics" panicked: no spec today"#
    );
    for kind in ["bad spec", "start panics"] {
        let start = durable.start_session("a", kind, &()).await;
        assert!(matches!(start, Err(StartError::Session(_))), "{start:?}");
    }
    // JSON has no word for it, so it could not be read again.
    let start = durable.start_session("a", "number", &f64::NAN).await;
    assert!(
        matches!(start, Err(StartError::Arguments { .. })),
        "{start:?}"
    );
    let mut deep = serde_json::Value::Null;
    for _ in 0..200 {
        deep = serde_json::Value::Array(vec![deep]);
    }
    let start = durable.start_session("a", "nested", &deep).await;
    assert!(
        matches!(start, Err(StartError::Arguments { .. })),
        "{start:?}"
    );
    assert_eq!(durable.list_remembered(), []);
    assert_eq!(ids(&store), Vec::<String>::new());
    durable.stop().await.expect("it is written");
}

#[tokio::test]
async fn what_a_kind_does_wrong_when_it_is_restored_is_told_and_kept() {
    let mut store = MemoryStore::new();
    let names = ["explosive", "panics", "bad spec", "start panics"];
    for (revision, kind) in (1..).zip(names) {
        wrote(&mut store, Record::new(kind, kind, "null", revision, 1));
    }
    let durable = open(&store).await;
    let report = durable.restored().await.expect("it is done");
    assert_eq!((report.restored, report.failed.len()), (0, 3), "{report:?}");
    let aside = &report.set_aside[0];
    assert!(aside.why.ends_with("panicked: it explodes"), "{aside:?}");
    for failed in &report.failed {
        let standing = durable.remembered(&failed.id);
        assert!(
            matches!(standing, Some(Standing::Kept(Kept::NotStarted(_)))),
            "{standing:?}"
        );
    }
    durable.stop().await.expect("it is written");
    assert_eq!(ids(&store).len(), names.len());
}

#[tokio::test]
async fn the_name_of_a_kind_is_refused_with_its_rule() {
    let long = "k".repeat(129);
    for name in ["", "a\nb", &long] {
        let kinds = Kinds::new().kind(name, |(): (), _| idle());
        let options = Options::new().unique_name();
        let opened = DurableSupervisor::open(options, kinds, MemoryStore::new()).await;
        assert_eq!(
            opened.expect_err("it is no name").to_string(),
            format!("bad kind {name:?}: must have 1 to 128 bytes and no control characters")
        );
    }
}

/// What a session was given, and what became of a checkpoint that was opened with it elsewhere.
type Leaked = std::sync::Arc<std::sync::Mutex<Option<Remembered>>>;

struct Nothing;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Nothing {}

/// Starts a session of nobody's that opens the checkpoint of another one, and saves in it. Answers why
/// that fails.
async fn steals(durable: &DurableSupervisor, id: &str, leaked: &Leaked) -> String {
    let leaked = leaked.clone();
    let thief = ChildSpec::from_fn(move |start: StartContext| {
        let remembered = leaked.lock().expect("it is whole").clone();
        async move {
            let remembered = remembered.ok_or("nothing has leaked")?;
            let (checkpoint, _) = remembered.checkpoint::<u32>(&start).await?;
            checkpoint.save_durably(&7).await?;
            Ok(Launch::Actor(Nothing, ()))
        }
    });
    let started = durable.sessions().start_session(id, thief).await;
    let error = started.expect_err("it may not");
    std::error::Error::source(&error)
        .expect("its cause")
        .to_string()
}

#[tokio::test]
async fn a_checkpoint_is_opened_and_saved_in_by_its_own_session_alone() {
    let leaked = Leaked::default();
    let leaks = leaked.clone();
    let kinds = Kinds::new().kind("leaks", move |(): (), remembered| {
        leaks.lock().expect("it is whole").replace(remembered);
        idle()
    });
    let options = Options::new().unique_name();
    let opened = DurableSupervisor::open(options, kinds, MemoryStore::new()).await;
    let durable = opened.expect("it opens");
    durable
        .start_session("a", "leaks", &())
        .await
        .expect("it starts");
    assert_eq!(
        steals(&durable, "b", &leaked).await,
        "session a is not the one that is started"
    );
    durable.stop_session("a").await.expect("it stops");
    // Another session of its id, which nobody remembers, is told that nothing is durable.
    assert_eq!(steals(&durable, "a", &leaked).await, "session a has ended");
    durable.stop().await.expect("it is written");
}
