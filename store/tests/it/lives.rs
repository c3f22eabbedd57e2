//! From a start to the next process: what is there again.

use ractor::call;
use session_supervisor::{Ensured, Exit, Options};
use session_supervisor_store::error::{DiscardError, SaveError, StartError, StopError};
use session_supervisor_store::{
    Change, DurableSupervisor, Kept, MAX_VALUE, MemoryStore, Record, SessionStore, SqliteStore,
    Standing, contract,
};

use super::support::{
    Msg, as_stored, chat, crash, entries, folder, kinds, open, said, say, start, topic, until,
    wrote,
};

#[test]
fn the_stores_hold_the_contract() {
    contract::check(|| {
        let store = MemoryStore::new();
        move || store.clone()
    });
    contract::check(|| {
        let file = folder().join("sessions.db");
        move || SqliteStore::open(&file).expect("it opens")
    });
    contract::check_shared(|| {
        let store = MemoryStore::new();
        move || store.clone()
    });
}

#[tokio::test]
async fn what_ran_runs_again_with_what_it_has_saved() {
    let file = folder().join("sessions.db");
    let durable = open(SqliteStore::open(&file).expect("it opens")).await;
    durable
        .start_session("alice", "chat", &topic("tea"))
        .await
        .expect("it starts");
    durable
        .start_session("bob", "chat", &topic(""))
        .await
        .expect("it starts");
    say(&durable, "alice", "one").await;
    say(&durable, "alice", "two").await;
    durable.stop().await.expect("it is written");

    let durable = open(SqliteStore::open(&file).expect("it is free")).await;
    let report = durable.restored().await.expect("it is done");
    assert_eq!(
        (report.restored, report.failed.len(), report.set_aside.len()),
        (2, 0, 0)
    );
    let lines = vec!["one".to_owned(), "two".to_owned()];
    assert_eq!(said(&durable, "alice").await, ("tea".to_owned(), lines));
    assert_eq!(said(&durable, "bob").await.1, Vec::<String>::new());
    let info = durable
        .sessions()
        .session_info("alice")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(info.label.as_deref(), Some("tea"));
    assert_eq!(info.claims[0].value(), "tea");
    durable.stop().await.expect("it is written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_that_has_returned_is_on_the_disk() {
    let store = MemoryStore::new();
    let durable = open(store.clone()).await;
    durable
        .start_session("alice", "chat", &topic("tea"))
        .await
        .expect("it starts");
    say(&durable, "alice", "one").await;
    // The first process is still there; the second sees only what is durable.
    let second = open(as_stored(&store)).await;
    assert_eq!(second.restored().await.unwrap().restored, 1);
    assert_eq!(said(&second, "alice").await.1, ["one"]);
    second.stop().await.unwrap();
    durable.stop().await.unwrap();
}

#[tokio::test]
async fn a_state_outlives_a_crash_and_an_older_incarnation_saves_no_more() {
    let durable = open(MemoryStore::new()).await;
    start(&durable, "alice").await;
    let first = chat(&durable, "alice");
    chat(&durable, "alice")
        .cast(Msg::Note("one".to_owned()))
        .unwrap();
    let old = call!(first, Msg::Checkpoint).unwrap();
    crash(&durable, "alice").await;
    assert_eq!(said(&durable, "alice").await.1, ["one"]);
    let late = old.save(&vec!["late".to_owned()]);
    assert!(
        matches!(late, Err(SaveError::Superseded { .. })),
        "{late:?}"
    );
    assert!(old.save_durably(&Vec::new()).await.is_err());
    assert_eq!(said(&durable, "alice").await.1, ["one"]);
    let last = call!(chat(&durable, "alice"), Msg::Checkpoint).unwrap();
    durable.stop_session("alice").await.unwrap();
    assert!(matches!(
        last.save(&Vec::new()),
        Err(SaveError::Gone { .. })
    ));
    durable.stop().await.unwrap();
}

#[tokio::test]
async fn bad_input_is_told_before_anything_is_written() {
    let durable = open(MemoryStore::new()).await;
    let bad = durable.start_session("a", "tea", &topic("")).await;
    assert!(
        matches!(bad, Err(StartError::UnknownKind { .. })),
        "{bad:?}"
    );
    let bad = durable.start_session("a", "chat", &7).await;
    assert!(matches!(bad, Err(StartError::Arguments { .. })), "{bad:?}");
    let bad = durable.start_session("", "chat", &topic("")).await;
    assert!(matches!(bad, Err(StartError::Session(_))), "{bad:?}");
    let bad = durable
        .start_session("a", "chat", &topic(&"x".repeat(1 << 20)))
        .await;
    assert_eq!(
        bad.unwrap_err().to_string(),
        "the arguments have 1048602 bytes, more than 1048576"
    );
    assert_eq!(durable.list_remembered(), []);

    start(&durable, "a").await;
    let checkpoint = call!(chat(&durable, "a"), Msg::Checkpoint).unwrap();
    let large = checkpoint.save(&vec!["x".repeat(1 << 20)]);
    assert!(
        matches!(
            large,
            Err(SaveError::TooLarge {
                size: 1_048_580,
                ..
            })
        ),
        "{large:?}"
    );
    let taken = durable.start_session("a", "chat", &topic("")).await;
    assert!(matches!(taken, Err(StartError::Session(_))), "{taken:?}");
    assert_eq!(durable.stats().writes.changes, 1);
    // To the byte.
    let filled = |more: usize| vec!["x".repeat(MAX_VALUE - 4 + more)];
    checkpoint
        .save_durably(&filled(0))
        .await
        .expect("1 MiB is taken");
    let large = checkpoint.save_durably(&filled(1)).await.unwrap_err();
    assert_eq!(
        large.to_string(),
        "the state of session a has 1048577 bytes, more than 1048576"
    );
    let filled = |more: usize| topic(&"x".repeat(MAX_VALUE - 26 + more));
    let large = durable.start_session("b", "once", &filled(1)).await;
    assert!(
        matches!(large, Err(StartError::TooLarge { size: 1_048_577 })),
        "{large:?}"
    );
    durable
        .start_session("b", "once", &filled(0))
        .await
        .expect("1 MiB is taken");
    durable.stop().await.unwrap();

    let twice = kinds().kind("chat", |_: u8, _| kinds_of_nothing());
    let opened = DurableSupervisor::open(Options::new(), twice, MemoryStore::new()).await;
    assert_eq!(
        opened.unwrap_err().to_string(),
        r#"bad kind "chat": is registered twice"#
    );
}

fn kinds_of_nothing() -> session_supervisor::ChildSpec<session_supervisor::Task> {
    session_supervisor::ChildSpec::task(|_, _| async { Ok(()) })
}

#[tokio::test]
async fn what_cannot_be_read_is_set_aside_until_somebody_decides() {
    let mut store = MemoryStore::new();
    let bad = [
        Record::new("json", "chat", "{", 1, 1),
        Record::new("fields", "chat", "{}", 2, 1),
        Record::new("kind", "tea", "{}", 3, 1),
        Record::new("", "chat", r#"{"topic":""}"#, 4, 1),
        Record::new("good", "chat", r#"{"topic":""}"#, 5, 1),
    ];
    for record in bad {
        wrote(&mut store, record);
    }
    let before = entries(&mut store);
    let durable = open(store.clone()).await;
    let report = durable.restored().await.unwrap();
    assert_eq!(report.restored, 1);
    let mut aside: Vec<_> = report
        .set_aside
        .iter()
        .map(|aside| (&*aside.id, &*aside.why))
        .collect();
    aside.sort_unstable();
    assert_eq!(aside.len(), 4);
    assert!(aside[0].1.contains("session id"), "{aside:?}");
    assert!(aside[1].1.contains("missing field `topic`"), "{aside:?}");
    assert!(aside[2].1.contains("EOF while parsing"), "{aside:?}");
    assert_eq!(aside[3], ("kind", r#"no kind "tea" is registered"#));
    // Nothing replaces it.
    for id in ["json", "fields", "kind"] {
        let start = durable.start_session(id, "chat", &topic("")).await;
        assert!(matches!(start, Err(StartError::SetAside(_))), "{start:?}");
        let ensure = durable.ensure_session(id, "chat", &topic("")).await;
        assert!(matches!(ensure, Err(StartError::SetAside(_))), "{ensure:?}");
        let resume = durable.resume_session(id).await;
        assert!(matches!(resume, Err(StartError::SetAside(_))), "{resume:?}");
        let stop = durable.stop_session(id).await;
        assert!(matches!(stop, Err(StopError::NotFound)), "{stop:?}");
    }
    assert_eq!(entries(&mut store), before);
    assert_eq!(durable.stats().set_aside, 4);
    // Until somebody decides.
    durable.discard("json").await.expect("it is removed");
    durable.discard("").await.expect("it is removed");
    let running = durable.discard("good").await;
    assert!(matches!(running, Err(DiscardError::Running)), "{running:?}");
    let nothing = durable.discard("json").await;
    assert!(
        matches!(nothing, Err(DiscardError::NotFound)),
        "{nothing:?}"
    );
    durable
        .start_session("json", "chat", &topic(""))
        .await
        .expect("its id is free");
    durable
        .start_anew("kind", "chat", &topic(""))
        .await
        .expect("it starts");
    let wrong = durable.start_anew("fields", "chat", &7).await;
    assert!(
        matches!(wrong, Err(StartError::Arguments { .. })),
        "{wrong:?}"
    );
    assert!(matches!(
        durable.remembered("fields"),
        Some(Standing::SetAside(_))
    ));
    durable.stop().await.unwrap();
    assert_eq!(entries(&mut store).len(), 4);
}

#[tokio::test]
async fn a_state_that_is_not_understood_is_never_overwritten() {
    let mut store = MemoryStore::new();
    let record = Record::new("a", "chat", r#"{"topic":""}"#, 1, 1);
    let state = session_supervisor_store::SavedState::new("", 9, *b"old", 2);
    let save = Change::Save {
        id: "a".into(),
        revision: 1,
        state: state.clone(),
    };
    wrote(&mut store, record);
    store.apply(&[save.into()]).unwrap();
    let durable = open(store.clone()).await;
    let report = durable.restored().await.unwrap();
    let why = &report.failed[0].why;
    assert!(why.contains("of format 9, is not understood"), "{why}");
    let start = durable.start_session("a", "chat", &topic("")).await;
    assert!(
        matches!(start, Err(StartError::Remembered(Kept::NotStarted(_)))),
        "{start:?}"
    );
    assert!(
        durable
            .ensure_session("a", "chat", &topic(""))
            .await
            .is_err()
    );
    assert_eq!(store.state("a", "").unwrap(), Some(state));
    // Somebody decides.
    durable
        .start_anew("a", "chat", &topic(""))
        .await
        .expect("it starts");
    assert_eq!(store.state("a", "").unwrap(), None);
    durable.stop().await.unwrap();
}

#[tokio::test]
async fn an_ensure_resumes_what_is_remembered_with_its_own_arguments() {
    let store = MemoryStore::new();
    let durable = open(store.clone()).await;
    let made = durable
        .ensure_session("a", "once", &topic("tea"))
        .await
        .unwrap();
    assert!(matches!(made, Ensured::Created(_)));
    say(&durable, "a", "one").await;
    let session = chat(&durable, "a");
    until(&durable, "a", "gone", || session.cast(Msg::Crash).unwrap()).await;
    durable.flush().await.unwrap();
    let kept = Kept::Crashed("failed: no paper".into());
    assert_eq!(durable.remembered("a"), Some(Standing::Kept(kept.clone())));
    let start = durable.start_session("a", "once", &topic("")).await;
    assert!(matches!(start, Err(StartError::Remembered(why)) if why == kept));
    let (first, second) = tokio::join!(
        durable.ensure_session("a", "chat", &topic("milk")),
        durable.ensure_session("a", "chat", &topic("milk")),
    );
    assert_eq!(
        first.unwrap().into_inner().get_id(),
        second.unwrap().into_inner().get_id()
    );
    assert_eq!(
        said(&durable, "a").await,
        ("tea".to_owned(), vec!["one".to_owned()])
    );
    let again = durable
        .ensure_session("a", "chat", &topic("milk"))
        .await
        .unwrap();
    assert!(matches!(again, Ensured::Existing(_)));
    assert_eq!(durable.stop_session("a").await.unwrap(), Exit::Shutdown);
    durable.stop().await.unwrap();
}

#[tokio::test]
async fn a_supervisor_that_stops_while_it_restores_leaves_the_rest_for_the_next_one() {
    let mut store = MemoryStore::new();
    for at in 1..=500 {
        let id = format!("s{at}");
        let record = Record::new(id, "chat", r#"{"topic":""}"#, at, at);
        wrote(&mut store, record);
    }
    let durable = open(store.clone()).await;
    let restored = durable.restored();
    durable.stop().await.unwrap();
    let report = restored.await.unwrap();
    assert!(
        report.restored < 500 && report.failed.is_empty(),
        "{report:?}"
    );
    assert_eq!(report.restored + report.left, 500, "{report:?}");
    let durable = open(store).await;
    assert_eq!(durable.restored().await.unwrap().restored, 500);
    durable.stop().await.unwrap();
}

#[tokio::test]
async fn what_was_used_last_is_restored_first() {
    let mut store = MemoryStore::new();
    for at in 1..=1_000_u64 {
        let record = Record::new(
            format!("s{at:04}"),
            "chat",
            r#"{"topic":""}"#,
            at,
            at * 7 % 1_009,
        );
        wrote(&mut store, record);
    }
    let durable = open(store.clone()).await;
    durable.restored().await.unwrap();
    let list = durable.sessions().list_sessions().await.unwrap();
    let at = |id: &str| id[1..].parse::<u64>().unwrap() * 7 % 1_009;
    let used: Vec<_> = list.iter().map(|info| at(&info.id)).collect();
    let mut sorted = used.clone();
    sorted.sort_unstable_by(|a, b| b.cmp(a));
    // 64 are started at once, and these in no order.
    let first = &used[..250];
    let right = first.iter().filter(|used| sorted[..250].contains(used));
    assert!(right.count() > 180, "{first:?}");
    durable.stop().await.unwrap();
}
