//! `Options::start_rate`.

use std::time::Duration;

use session_supervisor::error::{
    EnsureError, ErrorKind, NotTaken, RejectReason, StartError, StartSupervisorError,
};
use session_supervisor::{Ensured, Options, Restart, SessionSupervisor};
use tokio::time::sleep;

use super::{SECOND, rejected};
use crate::support::{Order, Probe, ask_and_go, asked, back, end, supervisor};

/// "At most `n` sessions are newly started within any `per`."
#[tokio::test(start_paused = true)]
async fn at_most_so_many_sessions_are_new_within_any_window() {
    let sessions = supervisor(Options::new().start_rate(2, SECOND)).await;
    let probe = Probe::default();
    let start = |id: &str| sessions.start_session(id, probe.spec());
    start("a").await.unwrap();
    sleep(SECOND / 2).await;
    start("b").await.unwrap();
    let (reason, retry_after) = rejected(start("c").await);
    assert_eq!(
        reason,
        RejectReason::StartRate { n: 2, per: SECOND },
        "{reason}"
    );
    // "the time after which it would succeed".
    let wait = retry_after.unwrap();
    assert!(wait <= SECOND / 2 && wait > SECOND / 2 - Duration::from_millis(5));
    sleep(wait).await;
    start("c").await.unwrap();
    // Now the second one counts, and the third.
    let (_, retry_after) = rejected(start("d").await);
    sleep(retry_after.unwrap()).await;
    start("d").await.unwrap();
    rejected(start("e").await);
    assert_eq!(probe.starts(), 4);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn all_that_start_sessions_are_told() {
    let sessions = supervisor(Options::new().start_rate(1, SECOND)).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let error = sessions.start_session("b", probe.spec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.is_retryable());
    assert_eq!(
        error.to_string(),
        "the start is rejected for now: start rate of 1 in 1s reached"
    );
    let error = sessions.ensure_session("b", probe.spec()).await;
    let Err(EnsureError::Start(start @ StartError::Rejected { .. })) = &error else {
        panic!("{error:?}");
    };
    assert_eq!(start.kind(), ErrorKind::Rejected);
    let address = sessions.session_ref::<Order>("b").unwrap();
    let address = address.or_start(probe.spec());
    let error = address.cast(Order::Panic).await.unwrap_err();
    assert!(matches!(error.message, Some(Order::Panic)));
    assert!(matches!(error.reason, NotTaken::NotStarted(_)));
    assert_eq!(error.kind(), ErrorKind::Rejected);
    // What is there is neither counted nor refused.
    let again = sessions.start_session("a", probe.spec()).await;
    assert!(matches!(again, Err(StartError::AlreadyStarted { .. })));
    for _ in 0..3 {
        let found = sessions.ensure_session("a", probe.spec()).await;
        assert!(matches!(found, Ok(Ensured::Existing(_))));
    }
    assert_eq!(probe.starts(), 1);
    sleep(SECOND).await;
    address
        .cast(Order::run(|_| async { Ok(()) }))
        .await
        .unwrap();
    sessions.stop().await.unwrap();
}

/// "Restarts of every kind are neither counted nor refused".
#[tokio::test(start_paused = true)]
async fn restarts_are_neither_counted_nor_refused() {
    let options = Options::new()
        .start_rate(2, 3_600 * SECOND)
        .without_session_restart_limit()
        .park_trial(SECOND, SECOND);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let spec = probe.spec().restart(Restart::Permanent);
    let mut session = sessions.start_session("a", spec).await.unwrap();
    let parks = probe.spec().restart_limit(0, SECOND);
    let parked = sessions.start_session("b", parks).await.unwrap();
    end(&parked, Order::Crash).await;
    for _ in 0..10 {
        end(&session, Order::Crash).await;
        session = back(&sessions, "a").await;
        sessions.restart_session("a").await.unwrap();
        session = sessions.find_session_as("a").unwrap_or(session);
    }
    sessions.restart_session("b").await.unwrap();
    end(&sessions.find_session_as("b").unwrap(), Order::Crash).await;
    // A trial.
    sessions.await_session::<Order>("b").await.unwrap_err();
    sleep(2 * SECOND).await;
    assert!(sessions.is_running("b"));
    rejected(sessions.start_session("c", probe.spec()).await);
    sessions.stop().await.unwrap();
}

/// "A start that fails, or that is cancelled, has counted. One that is refused, for whatever reason,
/// has not."
#[tokio::test(start_paused = true)]
async fn what_counts_is_that_a_start_was_accepted() {
    let options = Options::new().start_rate(3, SECOND).max_sessions(1);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let fails = probe.script().launch(|_| async { Err("no".into()) }).spec();
    let failed = sessions.start_session("a", fails).await;
    assert!(matches!(failed, Err(StartError::Failed { .. })));
    sessions.start_session("a", probe.spec()).await.unwrap();
    for _ in 0..10 {
        // There is no place, and that is told first.
        let full = sessions.start_session("b", probe.spec()).await;
        assert!(matches!(full, Err(StartError::MaxSessions { max: 1 })));
    }
    sessions.stop_session("a").await.unwrap();
    // Whether or not its caller waits for it.
    ask_and_go(sessions.start_session("b", probe.spec())).await;
    probe.until(|tally| tally.ready == 2).await;
    sessions.stop_session("b").await.unwrap();
    rejected(sessions.start_session("c", probe.spec()).await);
    sleep(SECOND).await;
    for id in ["c", "d", "e"] {
        sessions.start_session(id, probe.spec()).await.unwrap();
        sessions.stop_session(id).await.unwrap();
    }
    rejected(sessions.start_session("f", probe.spec()).await);
    sessions.stop().await.unwrap();
}

/// "A start that waits for its turn is decided when that comes."
#[tokio::test(start_paused = true)]
async fn a_start_that_waits_is_decided_in_its_turn() {
    for (stop_takes, admitted) in [(SECOND / 2, false), (2 * SECOND, true)] {
        let sessions = supervisor(Options::new().start_rate(1, SECOND)).await;
        let probe = Probe::default();
        let slow = probe.slow_to_stop(stop_takes);
        sessions.start_session("a", slow).await.unwrap();
        let stop = asked(sessions.stop_session("a")).await;
        let start = asked(sessions.start_session("a", probe.spec())).await;
        stop.await.unwrap().unwrap();
        let start = start.await.unwrap();
        match admitted {
            true => drop(start.unwrap()),
            false => drop(rejected(start)),
        }
        sessions.stop().await.unwrap();
    }
}

/// "`n` must be at least 1, `per` longer than zero."
#[tokio::test(start_paused = true)]
async fn a_rate_of_nothing_is_the_error_of_the_start() {
    for (options, field, value, rule) in [
        (
            Options::new().start_rate(0, SECOND),
            "start_rate.n",
            "0",
            "must be at least 1",
        ),
        (
            Options::new().start_rate(1, Duration::ZERO),
            "start_rate.per",
            "0ns",
            "must be longer than zero",
        ),
    ] {
        let error = SessionSupervisor::start(options.unique_name()).await;
        let Err(StartSupervisorError::InvalidOptions(invalid)) = error else {
            panic!("{error:?}");
        };
        assert_eq!(invalid.field, field);
        assert_eq!((&*invalid.value, &*invalid.rule), (value, rule));
    }
    let most = Options::new().start_rate(u32::MAX, Duration::MAX);
    let sessions = supervisor(most).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    sessions.stop().await.unwrap();
    let longest = supervisor(Options::new().start_rate(1, Duration::MAX)).await;
    longest.start_session("a", probe.spec()).await.unwrap();
    let (_, retry_after) = rejected(longest.start_session("b", probe.spec()).await);
    assert!(retry_after.unwrap() > 3_600 * 24 * 365 * SECOND);
    longest.stop().await.unwrap();
}

/// A large rate is kept in few buckets, and still never exceeded.
#[tokio::test(start_paused = true)]
async fn a_large_rate_holds_too() {
    let n = 1_500;
    let sessions = supervisor(Options::new().start_rate(n, SECOND)).await;
    let probe = Probe::default();
    for id in 0..n {
        let start = sessions.start_session(&id.to_string(), probe.spec());
        start.await.unwrap();
    }
    let (_, retry_after) = rejected(sessions.start_session("more", probe.spec()).await);
    sleep(retry_after.unwrap()).await;
    sessions.start_session("more", probe.spec()).await.unwrap();
    sessions.stop().await.unwrap();
}
