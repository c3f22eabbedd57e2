//! The end of exactly one start, and the times of a session.

use std::time::{Duration, SystemTime};

use session_supervisor::error::WaitEndError;
use session_supervisor::{EndReason, Exit, Options};

use crate::support::{Order, Probe, answered, asked, end, supervisor};

/// "If that session is over already this is `None` at once, also if its id has been started anew
/// since."
#[tokio::test(start_paused = true)]
async fn the_end_of_a_start_is_not_that_of_another_one() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let first = sessions.start_session("a", probe.spec()).await.unwrap();
    let first = first.get_cell();
    let waiting = asked(sessions.wait_end_of(&first)).await;
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
    let ended = waiting.await.unwrap().unwrap().expect("it was known");
    assert_eq!(ended.to_string(), "shutdown; stopped by a caller");
    // Nothing of the id is known.
    assert_eq!(sessions.wait_end_of(&first).await, Ok(None));
    // Another session has the id: it starts, runs, and is restarted.
    let gate = crate::support::Gate::closed();
    let held = gate.clone();
    let slow = probe.script().launch(move |_| {
        let gate = held.clone();
        async move {
            gate.pass().await;
            Ok(true)
        }
    });
    let start = asked(sessions.start_session("a", slow.spec())).await;
    assert_eq!(sessions.wait_end_of(&first).await, Ok(None));
    gate.open();
    let second = answered("the start", start).await.unwrap().unwrap();
    let gone = |cell: &ractor::ActorCell| sessions.wait_end_of(cell);
    assert_eq!(gone(&first).await, Ok(None));
    // A restart is no end, whichever incarnation is meant.
    let by_first = asked(gone(&second.get_cell())).await;
    for _ in 0..2 {
        let now = sessions.await_session::<Order>("a").await.unwrap();
        end(&now, Order::Crash).await;
    }
    let third = sessions.await_session::<Order>("a").await.unwrap();
    let late = asked(gone(&second.get_cell())).await;
    let last = asked(gone(&third.get_cell())).await;
    assert_eq!(gone(&first).await, Ok(None));
    sessions.stop_session("a").await.unwrap();
    for waiting in [by_first, late, last] {
        let ended = waiting.await.unwrap().unwrap().expect("it was known");
        assert_eq!(ended.why, EndReason::Requested);
    }
    // What is no session of this supervisor.
    let root = sessions.get_cell();
    assert_eq!(gone(&root).await, Err(WaitEndError::NotFound));
    sessions.stop().await.unwrap();
    assert_eq!(gone(&first).await, Err(WaitEndError::SupervisorDown));
}

#[tokio::test(start_paused = true)]
async fn a_session_tells_when_it_was_started_first_and_last() {
    const MINUTE: Duration = Duration::from_secs(60);
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let times = |info: session_supervisor::SessionInfo| (info.first_started, info.started);
    let info = async |id: &str| sessions.session_info(id).await.unwrap().unwrap();
    tokio::time::sleep(MINUTE).await;
    let alice = sessions.start_session("alice", probe.spec()).await.unwrap();
    let (first, last) = times(info("alice").await);
    assert!(first.is_some() && first == last);
    // It is the machine's clock, with what has passed of the test's.
    let from_now = first.unwrap().duration_since(SystemTime::now());
    assert!(from_now.is_ok_and(|ahead| ahead <= MINUTE));
    for n in 1..3 {
        tokio::time::sleep(MINUTE).await;
        let now = sessions.await_session::<Order>("alice").await.unwrap();
        end(&now, Order::Crash).await;
        sessions.await_session::<Order>("alice").await.unwrap();
        let (again, last) = times(info("alice").await);
        assert_eq!(again, first);
        let later = last.unwrap().duration_since(first.unwrap()).unwrap();
        assert!(later >= n * MINUTE && later < (n + 1) * MINUTE, "{later:?}");
    }
    let listed = sessions.list_sessions().await.unwrap().remove(0);
    assert_eq!(times(listed), times(info("alice").await));
    drop(alice);
    // One that does not run has no present time.
    let pause = session_supervisor::Backoff::constant(MINUTE);
    let bob = sessions.start_session("bob", probe.spec().backoff(pause));
    end(&bob.await.unwrap(), Order::Crash).await;
    let (first, last) = times(info("bob").await);
    assert!(first.is_some() && last.is_none());
    sessions.stop().await.unwrap();
}
