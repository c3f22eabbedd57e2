//! Callers that go away, and callers that come second.

use std::future::Future;
use std::sync::Arc;
use std::task::Context;
use std::time::Duration;

use session_supervisor::error::StopError;
use session_supervisor::{Exit, Options, SessionState, SessionSupervisor};
use tokio::sync::Semaphore;

use crate::support::{Order, Probe, Tie, answered, ask_and_go, asked, names_of, supervisor};

#[tokio::test(start_paused = true)]
async fn a_start_whose_caller_went_away_is_made_all_the_same() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Arc::new(Semaphore::new(0));
    let open = Arc::clone(&gate);
    let gated = probe.script().pre_start(move |_, _| {
        let open = Arc::clone(&open);
        async move {
            open.acquire().await?.forget();
            Ok(())
        }
    });
    ask_and_go(sessions.start_session("at once", probe.spec())).await;
    ask_and_go(sessions.ensure_session("ensured", probe.spec())).await;
    ask_and_go(sessions.start_session("gated", gated.spec())).await;
    probe.until(|tally| tally.ready == 2).await;
    assert!(sessions.is_running("at once") && sessions.is_running("ensured"));
    let gated = sessions.session_info("gated").await.unwrap().unwrap();
    assert_eq!(gated.state, SessionState::Starting);
    gate.add_permits(1);
    probe.until(|tally| tally.ready == 3).await;
    assert!(sessions.is_running("gated"));
    assert_eq!(sessions.stop().await.unwrap().stopped, 3);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_waited_its_turn_is_dropped_when_its_caller_has_gone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions
        .start_session("a", probe.slow_to_stop(Duration::from_secs(1)))
        .await
        .unwrap();
    let stop = asked(sessions.stop_session("a")).await;
    ask_and_go(sessions.start_session("a", probe.spec())).await;
    assert_eq!(stop.await.unwrap(), Ok(Exit::Shutdown));
    // D3: its caller has gone.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(probe.starts(), 1);
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    // Those who come after it do not wait for it.
    sessions.start_session("a", probe.spec()).await.unwrap();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_whose_caller_went_away_is_made_all_the_same() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (tie, remains) = Tie::new();
    let slow = probe.script().post_stop(move |_, _| {
        let tie = tie.clone();
        async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            drop(tie);
            Ok(())
        }
    });
    sessions.start_session("a", slow.spec()).await.unwrap();
    ask_and_go(sessions.stop_session("a")).await;
    remains.gone().await;
    assert_eq!((probe.stops(), probe.alive()), (1, 0));
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    assert_eq!(probe.starts(), 1);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_restart_whose_caller_went_away_is_made_all_the_same() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let first = sessions.start_session("a", probe.spec()).await.unwrap();
    ask_and_go(sessions.restart_session("a")).await;
    probe.until(|tally| tally.ready == 2).await;
    let second = sessions.find_session("a").unwrap();
    assert_ne!(first.get_id(), second.get_id());
    let info = sessions.session_info("a").await.unwrap().unwrap();
    assert_eq!((info.incarnation, info.restarts), (2, 0));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_supervisors_stop_whose_caller_went_away_is_made_all_the_same() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions
        .start_session("a", probe.slow_to_stop(Duration::from_secs(1)))
        .await
        .unwrap();
    ask_and_go(sessions.stop()).await;
    answered("the end", sessions.get_cell().wait(None))
        .await
        .unwrap();
    assert_eq!((probe.stops(), probe.alive()), (1, 0));
    assert_eq!(names_of(sessions.name()), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_never_polled_is_never_asked() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let running = sessions.start_session("runs", probe.spec()).await.unwrap();
    drop(sessions.start_session("a", probe.spec()));
    drop(sessions.ensure_session("b", probe.spec()));
    drop(sessions.stop_session("runs"));
    drop(sessions.restart_session("runs"));
    drop(sessions.stop());
    drop(sessions.stop_within(Duration::ZERO));
    drop(SessionSupervisor::start(
        Options::new().name("never polled"),
    ));
    tokio::time::sleep(Duration::from_secs(10)).await;
    let list = sessions.list_sessions().await.unwrap();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0].cell.as_ref().unwrap().get_id(), running.get_id());
    assert_eq!((probe.starts(), probe.stops()), (1, 0));
    assert!(ractor::registry::where_is("never polled").is_none());
    sessions.stop().await.unwrap();
}

/// A caller that goes away before the answer leaves nothing behind; one that has the answer has a
/// handle.
#[tokio::test(start_paused = true)]
async fn a_start_of_a_supervisor_whose_caller_went_away_leaves_none() {
    let name = "went away while it started";
    let answer = tokio::select! {
        biased;
        answer = SessionSupervisor::start(Options::new().name(name)) => Some(answer.unwrap()),
        () = std::future::ready(()) => None,
    };
    if let Some(sessions) = answer {
        sessions.stop().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(names_of(name), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn stops_of_one_session_join_and_get_one_answer() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for (hangs, expected) in [(false, Exit::Shutdown), (true, Exit::Killed)] {
        let spec = probe.slow_to_stop(Duration::from_secs(1));
        let a = sessions.start_session("a", spec).await.unwrap();
        if hangs {
            a.cast(Order::Hang).unwrap();
        }
        let first = asked(sessions.stop_session("a")).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let second = asked(sessions.stop_session("a")).await;
        let third = asked(sessions.stop_session("a")).await;
        assert!(!first.is_finished() && !second.is_finished());
        for stop in [first, second, third] {
            let answer = answered("a stop", stop).await.unwrap();
            assert_eq!(answer, Ok(expected.clone()));
            assert_eq!(probe.alive(), 0);
        }
        assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    }
    assert_eq!(probe.stops(), 1);
    sessions.stop().await.unwrap();
}

/// A crash gives both the same error value.
#[tokio::test(start_paused = true)]
async fn stops_of_a_session_that_fails_meanwhile_get_one_error() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let failing = probe.script().post_stop(|_, _| async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Err("fails while it stops".into())
    });
    sessions.start_session("a", failing.spec()).await.unwrap();
    let first = asked(sessions.stop_session("a")).await;
    let second = asked(sessions.stop_session("a")).await;
    let first = answered("the first", first).await.unwrap().unwrap();
    let second = answered("the second", second).await.unwrap().unwrap();
    assert!(
        matches!(&first, Exit::Failed { cause } if cause.to_string() == "fails while it stops")
    );
    assert_eq!(first, second);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn stops_of_the_supervisor_join_and_get_one_report() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for id in ["a", "b", "c"] {
        let spec = probe.slow_to_stop(Duration::from_secs(1));
        sessions.start_session(id, spec).await.unwrap();
    }
    let first = asked(sessions.stop()).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let second = asked(sessions.stop()).await;
    let third = asked(sessions.stop_within(Duration::from_secs(3_600))).await;
    let report = answered("the first", first).await.unwrap().unwrap();
    assert_eq!((report.stopped, report.took), (3, Duration::from_secs(1)));
    for later in [second, third] {
        assert_eq!(answered("a later one", later).await.unwrap(), Ok(report));
    }
    assert!(sessions.stop().await.is_err());
}

/// An error that panics in its drop.
#[derive(Debug)]
struct Bomb;

impl std::fmt::Display for Bomb {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a bomb")
    }
}

impl std::error::Error for Bomb {}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("the error panics in its drop");
    }
}

/// Tells that an answer has come, without taking it.
#[derive(Default)]
struct Answered(tokio::sync::Notify);

impl std::task::Wake for Answered {
    fn wake(self: Arc<Self>) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_caller_that_gives_up_when_its_answer_has_come_drops_nothing_of_the_users() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let fails = || probe.script().launch(|_| async { Err(Bomb.into()) }).spec();
    let calls: [std::pin::Pin<Box<dyn Future<Output = ()> + Send>>; 2] = [
        Box::pin({
            let start = sessions.start_session("a", fails());
            async move { drop(start.await) }
        }),
        Box::pin({
            let ensure = sessions.ensure_session("b", fails());
            async move { drop(ensure.await) }
        }),
    ];
    for mut call in calls {
        let answered = Arc::new(Answered::default());
        let waker = Arc::clone(&answered).into();
        let asked = call.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(asked.is_pending());
        answered.0.notified().await;
        let dropped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(call)));
        assert!(dropped.is_ok(), "the error was dropped by its caller");
    }
    sessions.stop().await.unwrap();
}
