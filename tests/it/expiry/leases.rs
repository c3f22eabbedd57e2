//! `SessionSupervisor::lease`.

use session_supervisor::error::LeaseError;
use session_supervisor::{ChildSpec, Lease, Options, SessionSupervisor, Shutdown};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{ENDS_THEN, SECOND, TICK, TIMEOUT, runs_for};
use crate::support::{Gate, Order, Probe, Worker, ask_and_go, asked, back, died, end, supervisor};

fn spec(probe: &Probe) -> ChildSpec<Worker> {
    probe.spec().idle_timeout(TIMEOUT)
}

async fn started(options: Options) -> (SessionSupervisor, Probe) {
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    sessions.start_session("a", spec(&probe)).await.unwrap();
    (sessions, probe)
}

/// "While it exists, the session is not ended for being idle." "When the last one is dropped, the
/// idle time begins anew."
#[tokio::test(start_paused = true)]
async fn a_leased_session_is_not_ended_and_the_time_counts_from_the_return() {
    let (sessions, probe) = started(Options::new()).await;
    let one = sessions.lease("a").await.unwrap();
    let two = sessions.lease("a").await.unwrap();
    assert_eq!((one.id().as_str(), two.id().as_str()), ("a", "a"));
    sleep(60 * SECOND).await;
    drop(one);
    sleep(60 * SECOND).await;
    assert!(sessions.is_running("a"));
    drop(two);
    assert_eq!(runs_for(&sessions, "a", TIMEOUT).await, ENDS_THEN);
    assert_eq!((probe.starts(), probe.stops()), (1, 1));
}

/// "It holds over the session's restarts".
#[tokio::test(start_paused = true)]
async fn a_lease_holds_over_crashes_and_restarts_by_hand() {
    let (sessions, probe) = started(Options::new()).await;
    let lease = sessions.lease("a").await.unwrap();
    for _ in 0..3 {
        let session = back(&sessions, "a").await;
        end(&session, Order::Crash).await;
        sleep(60 * SECOND).await;
        sessions.restart_session("a").await.unwrap();
        sleep(60 * SECOND).await;
        assert!(sessions.is_running("a"));
    }
    drop(lease);
    assert_eq!(runs_for(&sessions, "a", TIMEOUT).await, ENDS_THEN);
    assert_eq!(probe.starts(), 7);
}

/// "A session that is starting or restarting can be leased too. The answer waits for no session."
#[tokio::test(start_paused = true)]
async fn one_that_is_starting_can_be_leased() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let slow = probe.script().pre_start(gate.holds()).spec();
    let start = asked(sessions.start_session("a", slow.idle_timeout(TIMEOUT))).await;
    let lease = sessions.lease("a").await.unwrap();
    gate.open();
    start.await.unwrap().unwrap();
    sleep(60 * SECOND).await;
    assert!(sessions.is_running("a"));
    drop(lease);
    assert_eq!(runs_for(&sessions, "a", TIMEOUT).await, ENDS_THEN);
}

#[tokio::test(start_paused = true)]
async fn a_session_without_an_idle_timeout_can_be_leased() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    drop(sessions.lease("a").await.unwrap());
    sleep(60 * SECOND).await;
    assert!(sessions.is_running("a"));
}

#[tokio::test(start_paused = true)]
async fn each_refusal_says_why() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let refused = async |id: &str| sessions.lease(id).await.unwrap_err();
    assert_eq!(refused("a").await, LeaseError::NotFound);
    assert_eq!(refused("").await, LeaseError::NotFound);
    // It ends: since it was idle, and since a caller stops it.
    for stopped in [false, true] {
        let slow = probe.slow_to_stop(SECOND).idle_timeout(TIMEOUT);
        let session = sessions.start_session("a", slow).await.unwrap();
        if stopped {
            ask_and_go(sessions.stop_session("a")).await;
        }
        sleep(TIMEOUT + TICK).await;
        assert_eq!(refused("a").await, LeaseError::Stopping);
        died(&session.get_cell()).await;
        assert_eq!(refused("a").await, LeaseError::NotFound);
    }
    let parks = spec(&probe).restart_limit(0, SECOND);
    let session = sessions.start_session("a", parks).await.unwrap();
    end(&session, Order::Crash).await;
    assert_eq!(refused("a").await, LeaseError::Parked);
    sessions.stop().await.unwrap();
    assert_eq!(refused("a").await, LeaseError::SupervisorDown);
    assert_eq!(refused("").await, LeaseError::SupervisorDown);
}

/// "The lease is void, and a later session of the same id knows nothing of it."
#[tokio::test(start_paused = true)]
async fn a_lease_of_a_session_that_is_gone_is_void() {
    let (sessions, probe) = started(Options::new()).await;
    let lease = sessions.lease("a").await.unwrap();
    sessions.stop_session("a").await.unwrap();
    sessions.start_session("a", spec(&probe)).await.unwrap();
    assert_eq!(runs_for(&sessions, "a", TIMEOUT).await, ENDS_THEN);
    sessions.start_session("a", spec(&probe)).await.unwrap();
    let newer = sessions.lease("a").await.unwrap();
    drop(lease);
    sleep(60 * SECOND).await;
    assert!(sessions.is_running("a"), "it is leased");
    drop(newer);
}

/// "Dropped at any time, it leaves no lease behind."
#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_no_lease() {
    let (sessions, _) = started(Options::new()).await;
    // Never polled, polled once, and answered without being looked at again.
    drop(sessions.lease("a"));
    ask_and_go(sessions.lease("a")).await;
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        callers.spawn(sessions.lease("a"));
    }
    tokio::task::yield_now().await;
    callers.abort_all();
    while callers.join_next().await.is_some() {}
    let answered = asked(sessions.lease("a")).await;
    sleep(TICK).await;
    answered.abort();
    drop(answered.await);
    sleep(TIMEOUT + 3 * TICK).await;
    assert!(!sessions.is_running("a"), "a lease is left");
}

/// "It can be dropped anywhere, also after the end of the supervisor: a drop waits for nothing."
#[tokio::test(start_paused = true)]
async fn a_lease_can_be_dropped_anywhere() {
    fn is_send_and_sync<T: Send + Sync + 'static>() {}
    is_send_and_sync::<Lease>();
    let (sessions, probe) = started(Options::new()).await;
    // On a thread that knows of no runtime.
    let lease = sessions.lease("a").await.unwrap();
    std::thread::spawn(move || drop(lease)).join().unwrap();
    assert_eq!(runs_for(&sessions, "a", TIMEOUT).await, ENDS_THEN);
    // In the session itself, with its state and its messages.
    let session = sessions.start_session("a", spec(&probe)).await.unwrap();
    let lease = sessions.lease("a").await.unwrap();
    let holds = Order::run(move |_| async move {
        sleep(SECOND).await;
        drop(lease);
        Ok(())
    });
    session.cast(holds).unwrap();
    sleep(SECOND).await;
    assert_eq!(runs_for(&sessions, "a", TIMEOUT).await, ENDS_THEN);
    // Of a supervisor that has ended.
    sessions.start_session("a", spec(&probe)).await.unwrap();
    let lease = sessions.lease("a").await.unwrap();
    sessions.stop().await.unwrap();
    drop(lease);
    // Of a runtime that is shut down.
    let lease = std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let (sessions, _) = started(Options::new()).await;
            sessions.lease("a").await.unwrap()
        })
    });
    drop(lease.join().unwrap());
}

/// A lease does not hold up a stop, of the session or of all.
#[tokio::test(start_paused = true)]
async fn a_leased_session_is_stopped_as_any_other() {
    let (sessions, probe) = started(Options::new()).await;
    let spec = spec(&probe).shutdown(Shutdown::Timeout(Duration::from_secs(5)));
    sessions.start_session("b", spec).await.unwrap();
    let leases = (sessions.lease("a").await, sessions.lease("b").await);
    sessions.stop_session("a").await.unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed), (1, 0));
    drop(leases);
}
