//! What becomes of a message while its session does not run.

use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use session_supervisor::error::{CallError, ErrorKind, NotTaken, StopError};
use session_supervisor::{Backoff, Drain, Options, SessionState, Shutdown};
use tokio::runtime::Builder;
use tokio::time::Instant;

use crate::support::{Gate, Order, Probe, answered, asked, end, supervisor};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

fn echo(reply: ractor::RpcReplyPort<u32>) -> Order {
    Order::Echo(7, reply)
}

/// A session that restarts is told from an id that nobody knows.
#[tokio::test(start_paused = true)]
async fn the_error_says_what_the_session_does() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let address = sessions.session_ref::<Order>("a").unwrap();
    let told = |error: &NotTaken| match error {
        NotTaken::Unavailable { state } => Some(*state),
        _ => None,
    };
    let error = address.cast(Order::Panic).await.unwrap_err();
    assert!(matches!(error.reason, NotTaken::NotRunning));
    assert!(!error.is_retryable());
    let paused = probe.spec().backoff(Backoff::constant(SECOND));
    let session = sessions.start_session("a", paused).await.unwrap();
    end(&session, Order::Crash).await;
    let error = address.cast(Order::Panic).await.unwrap_err();
    assert_eq!(told(&error.reason), Some(SessionState::Restarting));
    assert_eq!(error.kind(), ErrorKind::Busy);
    assert!(error.is_retryable());
    assert!(matches!(error.message, Some(Order::Panic)));
    assert_eq!(
        error.to_string(),
        "the message was not taken: the session takes no messages now: it is restarting"
    );
    let called = address.call(echo, MINUTE).await.unwrap_err();
    assert_eq!(called.kind(), ErrorKind::Busy);
    sessions.stop_session("a").await.unwrap();
    let slow = probe.slow_to_stop(SECOND);
    let session = sessions.start_session("a", slow).await.unwrap();
    // By itself, so that the supervisor is told of it when it is over.
    session.stop(None);
    tokio::task::yield_now().await;
    let error = address.cast(Order::Panic).await.unwrap_err();
    assert_eq!(told(&error.reason), Some(SessionState::Stopping));
    sessions.wait_end("a").await.unwrap();
    let gate = Gate::closed();
    let gated = probe.script().pre_start(gate.holds()).spec();
    let start = asked(sessions.start_session("a", gated)).await;
    let error = address.cast(Order::Panic).await.unwrap_err();
    assert_eq!(told(&error.reason), Some(SessionState::Starting));
    gate.open();
    start.await.unwrap().unwrap();
    sessions.stop().await.unwrap();
}

/// One that is not found, and runs by the time that the supervisor is asked what it does, has started in
/// between. Nobody stops it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_just_starting_is_never_told_as_stopping() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for round in 0..3_000 {
        let id = format!("session-{round}");
        let address = sessions.session_ref::<Order>(&id).unwrap();
        let caller = tokio::spawn(async move {
            loop {
                match address.call(echo, MINUTE).await {
                    Ok(answer) => return answer,
                    Err(CallError::NotTaken(
                        NotTaken::NotRunning
                        | NotTaken::Unavailable {
                            state: SessionState::Starting,
                        },
                    )) => {}
                    Err(other) => panic!("{other}"),
                }
            }
        });
        sessions.start_session(&id, probe.spec()).await.unwrap();
        assert_eq!(answered("the caller", caller).await.unwrap(), 7);
    }
    sessions.stop().await.unwrap();
}

/// "A message waits while the session starts, restarts or ends." "It never starts one."
#[tokio::test(start_paused = true)]
async fn a_message_waits_for_a_session_that_is_coming() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let waits = sessions.session_ref::<Order>("a").unwrap().or_wait();
    let error = waits.cast(Order::Panic).await.unwrap_err();
    assert!(matches!(error.reason, NotTaken::NotRunning));
    assert!(matches!(error.message, Some(Order::Panic)));
    assert_eq!(probe.starts(), 0);

    let gate = Gate::closed();
    let gated = probe.script().pre_start(gate.holds()).spec();
    let paused = gated.backoff(Backoff::constant(3 * SECOND));
    let start = asked(sessions.start_session("a", paused)).await;
    let called = asked({
        let waits = waits.clone();
        async move { waits.call(echo, SECOND).await }
    });
    let called = called.await;
    gate.open();
    let session = start.await.unwrap().unwrap();
    assert_eq!(called.await.unwrap().unwrap(), 7);

    end(&session, Order::Crash).await;
    let begin = Instant::now();
    let late = waits.call(echo, SECOND).await;
    assert!(matches!(late, Err(CallError::TimedOut)));
    let called = answered("the call", waits.call(echo, MINUTE)).await;
    assert_eq!(called.unwrap(), 7);
    assert_eq!(begin.elapsed(), 3 * SECOND);
    let session = waits.running().unwrap();
    end(&session, Order::Crash).await;
    let cast = waits.cast(Order::run(|_| async { Ok(()) }));
    answered("the cast", cast).await.unwrap();
    assert_eq!(begin.elapsed(), 6 * SECOND);
    assert_eq!(probe.starts(), 3);

    // A stop with a start behind it, and one without.
    let stop = asked(sessions.stop_session("a")).await;
    let start = asked(sessions.start_session("a", probe.slow_to_stop(SECOND))).await;
    assert_eq!(waits.call(echo, MINUTE).await.unwrap(), 7);
    stop.await.unwrap().unwrap();
    start.await.unwrap().unwrap();
    let stop = asked(sessions.stop_session("a")).await;
    let error = answered("the cast", waits.cast(Order::Panic)).await;
    assert!(matches!(error.unwrap_err().reason, NotTaken::NotRunning));
    stop.await.unwrap().unwrap();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_does_not_wait_for_what_does_not_come() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let waits = sessions.session_ref::<Order>("a").unwrap().or_wait();
    let parks = probe.spec().restart_limit(0, SECOND);
    let session = sessions.start_session("a", parks).await.unwrap();
    let wrong = sessions.session_ref::<u64>("a").unwrap().or_wait();
    let error = wrong.cast(7).await.unwrap_err();
    assert!(matches!(error.reason, NotTaken::WrongMessageType));
    end(&session, Order::Crash).await;
    let error = waits.cast(Order::Panic).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parked);
    let hangs = probe.slow_to_stop(5 * SECOND);
    sessions.start_session("b", hangs).await.unwrap();
    let drain = asked(sessions.drain(Drain::within(MINUTE))).await;
    let error = waits.cast(Order::Panic).await.unwrap_err();
    assert!(matches!(error.reason, NotTaken::Draining));
    assert_eq!(error.kind(), ErrorKind::Draining);
    drain.await.unwrap().unwrap();
    let error = waits.cast(Order::Panic).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SupervisorDown);
    assert!(error.message.is_some());
}

/// A session that is stuck takes nothing: what is sent to it comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_is_sent_to_a_stuck_session_comes_back() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().shutdown(Shutdown::BrutalKill);
    let session = sessions.start_session("a", spec).await.unwrap();
    let (begun, begins) = tokio::sync::oneshot::channel();
    let (release, blocked) = mpsc::channel::<()>();
    let blocks = Order::run(move |_| async move {
        begun.send(()).unwrap();
        blocked.recv().unwrap_err();
        Ok(())
    });
    session.cast(blocks).unwrap();
    begins.await.unwrap();
    assert_eq!(sessions.stop_session("a").await, Err(StopError::Stuck));
    let address = sessions.session_ref::<Order>("a").unwrap();
    let waits = address.clone().or_wait();
    let starts = address.clone().or_start(probe.spec());
    for address in [address, waits, starts] {
        let error = address.cast(Order::Panic).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stuck, "{error:?}");
        assert!(matches!(error.message, Some(Order::Panic)));
    }
    drop(release);
    sessions.stop().await.unwrap();
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread, which is in no runtime.
fn park_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

/// A call keeps its timeout on a thread of another executor, and on a runtime without timers.
#[test]
fn a_call_needs_no_runtime_of_its_callers() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let sessions = runtime.block_on(supervisor(Options::new()));
    let calls = || async {
        let address = sessions.session_ref::<Order>("a").unwrap();
        let address = address.or_start(Probe::default().spec().shutdown(Shutdown::BrutalKill));
        assert_eq!(address.call(echo, MINUTE).await.unwrap(), 7);
        assert_eq!(address.call_again(echo, MINUTE).await.unwrap(), 7);
        let holds = |reply| {
            Order::run(move |_| async move {
                let _reply: ractor::RpcReplyPort<u32> = reply;
                std::future::pending().await
            })
        };
        let late = address.call(holds, Duration::from_millis(1)).await;
        assert!(matches!(late, Err(CallError::TimedOut)));
        sessions.stop_session("a").await.unwrap();
    };
    thread::scope(|threads| {
        threads.spawn(|| park_on(calls()));
    });
    let without_timers = Builder::new_current_thread().build().unwrap();
    without_timers.block_on(calls());
    runtime.block_on(sessions.stop()).unwrap();
}
