//! A reader that waits, and a launch that does.

use std::time::Duration;

use session_supervisor::{Options, SessionState};

use super::{listed, names, next, shown, so_far};
use crate::support::{Gate, Probe, answered, asked, supervisor};

/// A reader that waits is woken, and a wait that is given up takes nothing.
#[tokio::test(start_paused = true)]
async fn a_reader_that_waits_is_woken() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    let given_up = tokio::time::timeout(Duration::from_secs(1), feed.next()).await;
    assert!(given_up.is_err(), "nothing has happened");
    let reader = tokio::spawn(async move {
        let first = next(&mut feed).await;
        (first.kind.name(), next(&mut feed).await.kind.name())
    });
    tokio::task::yield_now().await;
    sessions.start_session("a", probe.spec()).await.unwrap();
    let read = answered("the reader", reader).await.unwrap();
    assert_eq!(read, ("launching", "started"));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_waits_in_line_is_told() {
    let sessions = supervisor(Options::new().max_concurrent_launches(1)).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    let mut snapshot = feed.take_snapshot().unwrap();
    let gate = Gate::closed();
    let holds = probe.script().pre_start(gate.holds());
    let first = asked(sessions.start_session("a", holds.spec())).await;
    let second = asked(sessions.start_session("b", probe.spec())).await;
    let list = listed(&sessions).await;
    assert_eq!(list.get("b"), Some(&(SessionState::Starting, 0)));
    let events = so_far(&mut feed);
    events.iter().for_each(|event| snapshot.apply(event));
    assert_eq!(names(&events, "b"), ["queued"]);
    assert_eq!(shown(&snapshot), list);
    gate.open();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(names(&so_far(&mut feed), "b"), ["launching", "started"]);
    sessions.stop().await.unwrap();
}
