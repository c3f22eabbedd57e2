//! Sessions that block their thread, so that a kill does not reach them. Here the kill bound passes
//! in real time; the event that ends a blocked thread is a sender that the test drops.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::task::Poll;
use std::time::Duration;

use ractor::ActorRef;
use session_supervisor::error::{StartError, StopError};
use session_supervisor::{
    ChildSpec, Exit, KILL_BOUND, Options, Restart, SessionState, SessionSupervisor, Shutdown, names,
};

use super::ways::{Held, info, ms};
use crate::support::{Order, Probe, Worker, asked, died, poll, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

/// A running session whose handler blocks its thread until the sender is dropped.
async fn blocked(
    sessions: &SessionSupervisor,
    id: &str,
    spec: ChildSpec<Worker>,
) -> (ActorRef<Order>, Sender<()>) {
    let session = sessions.start_session(id, spec).await.unwrap();
    let probe = Probe::default();
    let note = probe.clone();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let block = Order::run(move |_| async move {
        note.note("blocked");
        released.recv().ok();
        Ok(())
    });
    session.cast(block).unwrap();
    probe.until(|tally| tally.notes.len() == 1).await;
    (session, release)
}

/// Both kill at once, but only a session that was to be asked has been told to stop: ractor takes
/// one stop and refuses a second at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_092_no_grace_means_a_stop_and_then_a_kill() {
    for shutdown in [Shutdown::Timeout(Duration::ZERO), Shutdown::BrutalKill] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let spec = probe.spec().shutdown(shutdown);
        let (session, release) = blocked(&sessions, "a", spec).await;
        let stop = asked(sessions.stop_session("a")).await;
        assert_eq!(info(&sessions, "a").await.state, SessionState::Stopping);
        let mut another = Box::pin(session.stop_and_wait(None, None));
        let another = poll(another.as_mut()).await;
        match shutdown {
            Shutdown::BrutalKill => assert!(another.is_pending(), "{another:?}"),
            _ => assert!(matches!(another, Poll::Ready(Err(_))), "{another:?}"),
        }
        drop(release);
        assert_eq!(stop.await.unwrap(), Ok(Exit::Killed), "{shutdown:?}");
        assert_eq!((probe.stops(), probe.alive()), (0, 0));
        sessions.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_218_a_session_that_survives_its_kill_is_stuck_until_it_ends() {
    let sessions = supervisor(Options::new().max_sessions(2)).await;
    let probe = Probe::default();
    let held = Arc::new(Held::new(&probe));
    let script = probe.script().launch(move |_| {
        held.touch();
        async { Ok(true) }
    });
    let spec = script.spec().shutdown(Shutdown::BrutalKill);
    let (stuck, release) = blocked(&sessions, "a", spec).await;
    let other = sessions.start_session("other", probe.spec()).await.unwrap();
    assert_eq!(sessions.stop_session("a").await, Err(StopError::Stuck));
    assert_eq!(sessions.stop_session("a").await, Err(StopError::Stuck));
    let start = sessions.start_session("a", probe.spec()).await;
    assert!(matches!(start, Err(StartError::Stuck)), "{start:?}");
    let start = sessions.start_session("b", probe.spec()).await;
    assert!(
        matches!(start, Err(StartError::MaxSessions { max: 2 })),
        "{start:?}"
    );
    let list = sessions.list_sessions().await.unwrap();
    let states: Vec<_> = list.iter().map(|info| (&*info.id, info.state)).collect();
    let expected = [("a", SessionState::Stuck), ("other", SessionState::Running)];
    assert_eq!(states, expected);
    assert_eq!(list[0].cell.as_ref().unwrap().get_id(), stuck.get_id());
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.stuck, counts.active, counts.specs), (1, 1, 2));
    assert_eq!(ractor::call!(other, Order::Echo, 4).unwrap(), 4);
    drop(release);
    // The spec is dropped when the stuck session has been forgotten.
    Held::dropped(&probe).await;
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    let name = names::session(sessions.name(), "a");
    assert!(ractor::registry::where_is(name).is_none());
    sessions
        .start_session("a", probe.spec())
        .await
        .expect("the id is free");
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_218_in_a_mass_stop_the_verdict_waits_while_others_end() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().shutdown(Shutdown::BrutalKill);
    let (_, release) = blocked(&sessions, "stuck", spec).await;
    // Its end is real time that is not waited for by the test, but measured by the supervisor.
    let pause = ms(300);
    let slow = probe.slow_to_stop(pause).shutdown(Shutdown::Infinity);
    sessions.start_session("slow", slow).await.unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stuck, report.stopped, report.killed), (1, 1, 0));
    let earliest = pause + KILL_BOUND;
    assert!(
        report.took >= earliest,
        "counts from the last end: {report:?}"
    );
    assert_eq!(probe.alive(), 1);
    drop(release);
    probe.until(|tally| tally.alive == 0).await;
}

/// A session that was killed has had its grace: what is left of it is a drop.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_218_a_killed_session_that_is_stuck_in_its_drop_is_not_waited_for_by_its_own_rule() {
    for all in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = std::sync::Mutex::new(released);
        let script = probe.script().on_drop(move |_| {
            released.lock().expect("no panic").recv().ok();
        });
        let spec = script.spec().restart(Restart::Temporary);
        let spec = spec.shutdown(Shutdown::Infinity);
        let session = sessions.start_session("a", spec).await.unwrap();
        session.kill();
        died(&session.get_cell()).await;
        if all {
            let report = sessions.stop().await.unwrap();
            assert_eq!((report.stuck, report.killed), (1, 0), "{report:?}");
        } else {
            assert_eq!(sessions.stop_session("a").await, Err(StopError::Stuck));
        }
        drop(release);
        sessions.stop().await.ok();
    }
}
