//! Callers that have gone away (D13): what was asked for them is held against nobody, and what was
//! put together for them is not kept.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use session_supervisor::{Options, SessionSupervisor};
use tokio::time::timeout;

use crate::support::{Probe, answered, ask_and_go, asked, supervisor};

const SOON: Duration = Duration::from_millis(100);

/// A supervisor that makes one launch at a time, in which a start hangs and another one waits in
/// line whose caller has gone.
async fn with_a_ghost(options: Options, probe: &Probe) -> SessionSupervisor {
    let sessions = supervisor(options.max_concurrent_launches(1)).await;
    let hangs = probe.script().launch(|_| std::future::pending()).spec();
    let spec = hangs.start_timeout(Duration::from_secs(3_600));
    drop(asked(sessions.start_session("t/hangs", spec)).await);
    ask_and_go(sessions.start_session("t/ghost", probe.spec().claim("k", "v"))).await;
    sessions
}

/// "A start in line whose callers have all gone makes way for one that needs its claim or its
/// place".
#[tokio::test(start_paused = true)]
async fn a_start_that_nobody_wants_any_more_makes_way() {
    let group = |id: &str| Some(id.split_once('/')?.0.to_owned());
    let probe = Probe::default();
    let claimed = with_a_ghost(Options::new(), &probe).await;
    let full = with_a_ghost(Options::new().max_sessions(2), &probe).await;
    let quota = with_a_ghost(Options::new().quota(group, 2), &probe).await;
    for sessions in [claimed, full, quota] {
        let start = sessions.start_session("t/wanted", probe.spec().claim("k", "v"));
        let waits = timeout(SOON, start).await;
        assert!(waits.is_err(), "it is refused for nobody's sake: {waits:?}");
        assert!(sessions.session_info("t/ghost").await.unwrap().is_none());
        sessions.stop_within(SOON).await.ok();
    }
    assert_eq!(probe.starts(), 3, "those that hang");
}

/// One caller that is still there is enough.
#[tokio::test(start_paused = true)]
async fn a_start_that_somebody_shares_is_wanted() {
    let probe = Probe::default();
    let sessions = with_a_ghost(Options::new(), &probe).await;
    let spec = probe.spec().claim("k", "v");
    let shares = asked(sessions.ensure_session("t/ghost", spec.clone())).await;
    let other = sessions.start_session("t/other", spec).await;
    assert!(other.is_err(), "the claim is held");
    sessions.stop_session("t/hangs").await.unwrap();
    answered("the one that shares", shares)
        .await
        .unwrap()
        .unwrap();
    sessions.stop().await.unwrap();
}

/// "It is taken only while its caller waits for it".
#[tokio::test]
async fn lists_for_callers_that_have_gone_delay_nobody() {
    const SESSIONS: usize = 2_000;
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    for n in 0..SESSIONS {
        let start = sessions.start_session(&n.to_string(), probe.spec());
        start.await.unwrap();
    }
    for _ in 0..500 {
        ask_and_go(sessions.list_page(None, SESSIONS)).await;
        ask_and_go(sessions.list_sessions()).await;
    }
    // Lists of both lengths, from many callers at once, are whole.
    let mut all = tokio::task::JoinSet::new();
    for n in 0..50 {
        let sessions = sessions.clone();
        all.spawn(async move {
            let list = sessions.list_sessions().await.unwrap();
            assert_eq!(list.len(), SESSIONS);
            let first = sessions.list_page(None, 10 + n).await.unwrap();
            let rest = sessions.list_page(first.next, SESSIONS).await.unwrap();
            assert_eq!(first.sessions.len() + rest.sessions.len(), SESSIONS);
        });
    }
    while let Some(whole) = answered("the lists", all.join_next()).await {
        whole.unwrap();
    }
    sessions.stop().await.unwrap();
}

/// "It may hold the supervisor's own handle: when the supervisor has ended, the function is
/// dropped".
#[tokio::test]
async fn a_group_function_that_holds_the_handle_is_dropped_at_the_end() {
    for panics in [false, true] {
        struct Held {
            sessions: OnceLock<SessionSupervisor>,
            panics: bool,
            dropped: tokio::sync::mpsc::UnboundedSender<()>,
        }
        impl Drop for Held {
            fn drop(&mut self) {
                self.dropped.send(()).ok();
                assert!(!self.panics, "told to panic");
            }
        }
        let (dropped, mut told) = tokio::sync::mpsc::unbounded_channel();
        let held = Arc::new(Held {
            sessions: OnceLock::new(),
            panics,
            dropped,
        });
        let weak = Arc::downgrade(&held);
        let group_of = move |_: &str| Some(held.sessions.get()?.name().to_owned());
        let sessions = supervisor(Options::new().quota(group_of, 5)).await;
        let set = weak.upgrade().unwrap().sessions.set(sessions.clone());
        assert!(set.is_ok());
        let probe = Probe::default();
        sessions.start_session("a", probe.spec()).await.unwrap();
        assert_eq!(sessions.count_group(sessions.name()).await, Ok(1));
        sessions.stop().await.unwrap();
        answered("its drop", told.recv()).await;
        assert!(weak.upgrade().is_none());
        assert!(sessions.start_session("b", probe.spec()).await.is_err());
    }
}
