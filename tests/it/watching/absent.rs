//! What becomes of a message while its session does not run.

use std::time::Duration;

use session_supervisor::error::{CallError, ErrorKind, NotTaken};
use session_supervisor::{Backoff, Drain, Options, SessionState};
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
