//! `call_again`: a session that ended before it answered is asked again, one that runs on is not.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use ractor::RpcReplyPort;
use session_supervisor::error::{CallError, ErrorKind, NotTaken};
use session_supervisor::{Backoff, Options, Restart, SessionRef, SessionState, SessionSupervisor};
use tokio::task::{JoinSet, yield_now};
use tokio::time::Instant;

use crate::support::{Order, Probe, supervisor};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// How a session ends that has dropped the reply.
#[derive(Clone, Copy, Debug)]
enum Way {
    Error,
    Panic,
    /// It fails a while after the drop, in the same callback.
    Late,
    Kill,
}

impl Way {
    const ALL: [Self; 4] = [Self::Error, Self::Panic, Self::Late, Self::Kill];

    fn order(self, reply: RpcReplyPort<u32>) -> Order {
        Order::run(move |myself| async move {
            match self {
                Self::Error => {
                    drop(reply);
                    Err("told to fail".into())
                }
                Self::Panic => {
                    let _reply = reply;
                    panic!("told to panic")
                }
                Self::Late => {
                    drop(reply);
                    for _ in 0..20 {
                        yield_now().await;
                    }
                    Err("told to fail late".into())
                }
                Self::Kill => {
                    drop(reply);
                    myself.kill();
                    std::future::pending().await
                }
            }
        })
    }
}

/// Asks until there is an answer: the first session gets this order. Answers how often it was asked
/// before.
async fn call(
    address: &SessionRef<Order>,
    first: impl Fn(RpcReplyPort<u32>) -> Order,
    timeout: Duration,
) -> Result<u32, CallError> {
    let asked = AtomicU32::new(0);
    let make = |reply| match asked.fetch_add(1, Ordering::Relaxed) {
        0 => first(reply),
        before => Order::Echo(before, reply),
    };
    address.call_again(make, timeout).await
}

fn address(sessions: &SessionSupervisor, id: &str) -> SessionRef<Order> {
    sessions.session_ref(id).unwrap()
}

/// "Asks again when a session has taken the message and ended before it answered."
async fn sessions_that_ended_are_asked_again(rounds: usize) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut callers = JoinSet::new();
    for caller in 0..4 {
        let (sessions, probe) = (sessions.clone(), probe.clone());
        callers.spawn(async move {
            for way in Way::ALL {
                for round in 0..rounds {
                    let id = format!("{caller} {way:?} {round}");
                    let bare = address(&sessions, &id);
                    let starts = bare.clone().or_start(probe.spec());
                    let first = |reply| way.order(reply);
                    let called = call(&starts, first, MINUTE).await;
                    assert!(matches!(called, Ok(1)), "{way:?}: {called:?}");
                    let called = call(&bare, first, MINUTE).await;
                    assert!(matches!(called, Ok(1)), "{way:?}: {called:?}");
                }
            }
        });
    }
    while let Some(called) = callers.join_next().await {
        called.unwrap();
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_ended_is_asked_again_on_several_threads() {
    sessions_that_ended_are_asked_again(50).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ended_is_asked_again_on_one_thread() {
    sessions_that_ended_are_asked_again(25).await;
}

/// "`Unanswered` only if a session that runs on dropped the reply."
async fn sessions_that_run_on_are_not_asked_again(rounds: usize) {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let mut callers = JoinSet::new();
    for _ in 0..4 {
        let bare = address(&sessions, "a");
        callers.spawn(async move {
            for _ in 0..rounds {
                let drops = |reply| {
                    Order::run(move |_| async move {
                        drop(reply);
                        yield_now().await;
                        Ok(())
                    })
                };
                let called = call(&bare, drops, MINUTE).await;
                assert!(matches!(called, Err(CallError::Unanswered)), "{called:?}");
                // By a task of its own.
                let passes_on = |reply| {
                    Order::run(move |_| async move {
                        tokio::spawn(async move {
                            yield_now().await;
                            drop(reply);
                        });
                        Ok(())
                    })
                };
                let called = call(&bare, passes_on, MINUTE).await;
                assert!(matches!(called, Err(CallError::Unanswered)), "{called:?}");
            }
        });
    }
    while let Some(called) = callers.join_next().await {
        called.unwrap();
    }
    assert_eq!(probe.starts(), 1);
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_runs_on_is_not_asked_again_on_several_threads() {
    sessions_that_run_on_are_not_asked_again(200).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_that_runs_on_is_told_of_without_a_wait() {
    let begin = Instant::now();
    sessions_that_run_on_are_not_asked_again(25).await;
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

/// "A session that drops the reply and goes on within the same callback is waited for, at most until
/// `timeout` is over." With an idle timeout it is the same.
#[tokio::test(start_paused = true)]
async fn the_callback_that_dropped_the_reply_decides() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for (id, spec) in [
        ("a", probe.spec()),
        ("b", probe.spec().idle_timeout(MINUTE)),
    ] {
        sessions.start_session(id, spec).await.unwrap();
        let bare = address(&sessions, id);
        let goes_on = |reply| {
            Order::run(move |_| async move {
                drop(reply);
                tokio::time::sleep(3 * SECOND).await;
                Ok(())
            })
        };
        let begin = Instant::now();
        let called = call(&bare, goes_on, MINUTE).await;
        assert!(matches!(called, Err(CallError::Unanswered)), "{called:?}");
        assert_eq!(begin.elapsed(), 3 * SECOND);
        let called = call(&bare, goes_on, SECOND).await;
        assert!(matches!(called, Err(CallError::TimedOut)), "{called:?}");
        assert_eq!(begin.elapsed(), 4 * SECOND);
    }
    sessions.stop().await.unwrap();
}

/// A session that stops itself in the callback that dropped the reply has ended.
#[tokio::test(start_paused = true)]
async fn a_session_that_stops_itself_without_an_answer_is_followed_by_the_next() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let starts = address(&sessions, "a").or_start(probe.spec());
    let stops = |reply| {
        Order::run(move |myself| async move {
            drop(reply);
            yield_now().await;
            myself.stop(None);
            Ok(())
        })
    };
    assert!(matches!(call(&starts, stops, MINUTE).await, Ok(1)));
    sessions.stop().await.unwrap();
}

/// "Once a session has taken the message, it waits for the next one."
#[tokio::test(start_paused = true)]
async fn it_waits_for_the_pause_before_the_restart() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let paused = |pause| probe.spec().backoff(Backoff::constant(pause));
    for (id, pause) in [("a", SECOND / 10), ("b", MINUTE)] {
        sessions.start_session(id, paused(pause)).await.unwrap();
    }
    let fails = |reply| Way::Error.order(reply);
    let begin = Instant::now();
    let called = call(&address(&sessions, "a"), fails, 5 * SECOND).await;
    assert!(matches!(called, Ok(1)), "{called:?}");
    assert_eq!(begin.elapsed(), SECOND / 10);
    let begin = Instant::now();
    let called = call(&address(&sessions, "b"), fails, 5 * SECOND).await;
    assert!(matches!(called, Err(CallError::TimedOut)), "{called:?}");
    assert_eq!(begin.elapsed(), 5 * SECOND);
    sessions.stop().await.unwrap();
}

/// "`NotTakenAgain` if a session took the message and ended, and no session takes it any more."
#[tokio::test(start_paused = true)]
async fn the_error_tells_that_a_session_took_the_message() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let fails = |reply| Way::Error.order(reply);
    let temporary = probe.spec().restart(Restart::Temporary);
    sessions.start_session("a", temporary).await.unwrap();
    let error = call(&address(&sessions, "a"), fails, SECOND).await;
    let error = error.unwrap_err();
    assert!(matches!(
        error,
        CallError::NotTakenAgain(NotTaken::NotRunning)
    ));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(
        error.to_string(),
        "a session took the message and ended before it answered, \
         and then no session of this id runs"
    );
    let parks = probe.spec().restart_limit(0, SECOND);
    sessions.start_session("b", parks).await.unwrap();
    let error = call(&address(&sessions, "b"), fails, SECOND).await;
    let error = error.unwrap_err();
    let parked = NotTaken::Unavailable {
        state: SessionState::Parked,
    };
    assert_eq!(
        error.to_string(),
        CallError::NotTakenAgain(parked).to_string()
    );
    assert_eq!(error.kind(), ErrorKind::Parked);
    let paused = probe.spec().backoff(Backoff::constant(MINUTE));
    sessions.start_session("c", paused).await.unwrap();
    let stops = |reply| {
        let stop = sessions.stop();
        Order::run(move |_| async move {
            drop(reply);
            tokio::spawn(stop);
            Err("told to fail".into())
        })
    };
    let error = call(&address(&sessions, "c"), stops, MINUTE).await;
    assert!(matches!(
        error,
        Err(CallError::NotTakenAgain(NotTaken::SupervisorDown))
    ));
}
