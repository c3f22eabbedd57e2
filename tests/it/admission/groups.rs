//! The function that says of which group a session is, however it behaves; and what is told of the
//! groups.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};

use session_supervisor::Options;
use session_supervisor::error::{ErrorKind, StartError};
use session_supervisor::names::{MAX_LENGTH, NameError};

use super::{SECOND, full_group, rejected, tenant};
use crate::support::{Order, Probe, ask_and_go, back, end, supervisor};

/// "It is called for each start, also if that finds the session there, in the caller's own task and
/// before anything is asked."
#[tokio::test(start_paused = true)]
async fn it_is_called_in_the_callers_task_and_before_anything_is_asked() {
    tokio::task_local! {
        static CALLER: u8;
    }
    let calls = Arc::new(Mutex::new(Vec::new()));
    let called = Arc::clone(&calls);
    let group_of = move |id: &str| {
        let caller = CALLER.try_with(|caller| *caller).ok();
        called.lock().unwrap().push((id.to_owned(), caller));
        None::<String>
    };
    let sessions = supervisor(Options::new().quota(group_of, 1)).await;
    let probe = Probe::default();
    let start = sessions.start_session("a", probe.spec());
    assert_eq!(calls.lock().unwrap().len(), 0, "it is not polled");
    CALLER.scope(7, start).await.unwrap();
    let ensure = sessions.ensure_session("a", probe.spec());
    CALLER.scope(8, ensure).await.unwrap();
    let expected = [("a".to_owned(), Some(7)), ("a".to_owned(), Some(8))];
    assert_eq!(*calls.lock().unwrap(), expected);
    // Nothing else calls it.
    end(&back(&sessions, "a").await, Order::Crash).await;
    back(&sessions, "a").await;
    sessions.restart_session("a").await.unwrap();
    sessions.stop_session("a").await.unwrap();
    let before = calls.lock().unwrap().len();
    sessions.start_session("", probe.spec()).await.unwrap_err();
    let bad = probe.spec().start_timeout(std::time::Duration::ZERO);
    sessions.start_session("b", bad).await.unwrap_err();
    assert_eq!(calls.lock().unwrap().len(), before, "bad input comes first");
    sessions.stop().await.unwrap();
}

/// "A start for which it panics is `Failed`, and nothing is asked."
#[tokio::test(start_paused = true)]
async fn a_start_for_which_it_panics_has_failed_and_nothing_else_happens() {
    struct PanicsToo;
    impl Drop for PanicsToo {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("once more");
            }
        }
    }
    let group_of = |id: &str| match id {
        "bad" => panic!("no such tenant"),
        "worse" => std::panic::panic_any(PanicsToo),
        id => tenant(id),
    };
    let options = Options::new().quota(group_of, 1).start_rate(1, SECOND);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    for (id, text) in [("bad", "no such tenant"), ("worse", "no text")] {
        for _ in 0..3 {
            let error = sessions.start_session(id, probe.spec()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Failed);
            let StartError::Failed { id: failed, cause } = error else {
                panic!("{error:?}");
            };
            assert_eq!(failed, id);
            let cause = cause.to_string();
            assert!(
                cause.contains("group function") && cause.contains(text),
                "{cause}"
            );
            sessions.ensure_session(id, probe.spec()).await.unwrap_err();
        }
    }
    assert_eq!(probe.starts(), 0);
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    // They have taken nothing of the rate.
    sessions
        .start_session("acme/a", probe.spec())
        .await
        .unwrap();
    rejected(sessions.start_session("globex/a", probe.spec()).await);
    sessions.stop().await.unwrap();
}

/// "A group has 1 to 512 bytes and no control characters".
#[tokio::test(start_paused = true)]
async fn a_group_that_breaks_a_rule_is_the_error_of_the_start() {
    let group_of = |id: &str| match id {
        "empty" => Some(String::new()),
        "long" => Some("x".repeat(MAX_LENGTH + 1)),
        "control" => Some("a\nb".to_owned()),
        _ => Some("x".repeat(MAX_LENGTH)),
    };
    let sessions = supervisor(Options::new().quota(group_of, 1)).await;
    let probe = Probe::default();
    for (id, broken) in [
        ("empty", NameError::Empty),
        ("long", NameError::TooLong { length: 513 }),
        ("control", NameError::ControlCharacter { at: 1 }),
    ] {
        let error = sessions.start_session(id, probe.spec()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(!error.is_retryable());
        let text = error.to_string();
        assert!(
            text.contains(id) && text.contains("is not a group"),
            "{text}"
        );
        let StartError::InvalidGroup(invalid) = error else {
            panic!("{error:?}");
        };
        assert_eq!((&*invalid.id, invalid.rule), (id, broken));
        assert_eq!(Some(&*invalid.group), group_of(id).as_deref());
    }
    assert_eq!(probe.starts(), 0);
    sessions.start_session("good", probe.spec()).await.unwrap();
    sessions.stop().await.unwrap();
}

/// "So it may take its time without delaying others".
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_that_blocks_delays_its_caller_alone() {
    let (entered, is_entered) = channel();
    let (release, released) = channel::<()>();
    let gates = Mutex::new((entered, released));
    let group_of = move |id: &str| {
        if id == "slow" {
            let gates = gates.lock().unwrap();
            gates.0.send(()).unwrap();
            gates.1.recv().ok();
        }
        tenant(id)
    };
    let sessions = supervisor(Options::new().quota(group_of, 1)).await;
    let probe = Probe::default();
    let slow = tokio::spawn(sessions.start_session("slow", probe.spec()));
    tokio::task::block_in_place(|| is_entered.recv()).unwrap();
    let session = sessions
        .start_session("acme/a", probe.spec())
        .await
        .unwrap();
    assert_eq!(ractor::call!(session, Order::Echo, 1).unwrap(), 1);
    end(&session, Order::Crash).await;
    back(&sessions, "acme/a").await;
    full_group(sessions.start_session("acme/b", probe.spec()).await);
    sessions.stop_session("acme/a").await.unwrap();
    drop(release);
    slow.await.unwrap().unwrap();
    sessions.stop().await.unwrap();
}

/// "A session keeps the group of its first start, whatever the function says later."
#[tokio::test(start_paused = true)]
async fn a_session_keeps_the_group_of_its_first_start() {
    let calls = AtomicUsize::new(0);
    let group_of = move |_: &str| match calls.fetch_add(1, Ordering::SeqCst) {
        0 => Some("first"),
        _ => Some("later"),
    };
    let sessions = supervisor(Options::new().quota(group_of, 1)).await;
    let probe = Probe::default();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    sessions.ensure_session("a", probe.spec()).await.unwrap();
    end(&session, Order::Crash).await;
    back(&sessions, "a").await;
    sessions.start_session("b", probe.spec()).await.unwrap();
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!(info.group.as_deref(), Some("first"));
    let groups = sessions.groups().await.unwrap();
    let groups: Vec<_> = groups.iter().map(|it| (&*it.group, it.count)).collect();
    assert_eq!(groups, [("first", 1), ("later", 1)]);
    full_group(sessions.start_session("c", probe.spec()).await);
    sessions.stop_session("b").await.unwrap();
    sessions.start_session("c", probe.spec()).await.unwrap();
    sessions.stop().await.unwrap();
}

/// "in the order of their names", and more of them than one page has.
#[tokio::test(start_paused = true)]
async fn all_groups_are_told_in_order() {
    const GROUPS: usize = 2_500;
    let sessions = supervisor(Options::new().quota(tenant, 2)).await;
    let probe = Probe::default();
    let spec = probe.spec();
    for n in (0..GROUPS).rev() {
        for session in 0..=n % 2 {
            let id = format!("{n:04}/{session}");
            sessions.start_session(&id, spec.clone()).await.unwrap();
        }
    }
    let groups = sessions.groups().await.unwrap();
    assert_eq!(groups.len(), GROUPS);
    for (n, told) in groups.iter().enumerate() {
        assert_eq!((&*told.group, told.count), (&*format!("{n:04}"), 1 + n % 2));
    }
    assert_eq!(sessions.count_group("0001").await, Ok(2));
    assert_eq!(sessions.count_group("").await, Ok(0));
    ask_and_go(sessions.groups()).await;
    sessions.stop().await.unwrap();
    let down = sessions.count_group("0001").await.unwrap_err();
    assert_eq!(sessions.groups().await, Err(down));
}
