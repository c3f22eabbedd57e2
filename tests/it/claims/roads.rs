//! However a session goes, its claims are free then, and not before.

use session_supervisor::error::{StartError, StopError};
use session_supervisor::{Backoff, OnRestartLimit, Options, Restart, Shutdown};
use tokio::time::sleep;

use super::{SECOND, agent, free, refused};
use crate::support::{Gate, Order, Probe, answered, ask_and_go, asked, back, end, supervisor};

/// "They are free when it is gone and released, whatever ended it."
#[tokio::test(start_paused = true)]
async fn a_start_that_comes_to_nothing_leaves_none() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let claims = |script: crate::support::Script| script.spec().claim("project", "1");
    let fails = probe.script().launch(|_| async { Err("no".into()) });
    let ignores = probe.script().launch(|_| async { Ok(false) });
    let panics = probe.script().pre_start(|_, _| async { panic!("told to") });
    let hangs = probe.script().launch(|_| std::future::pending());
    for script in [fails, ignores, panics, hangs.clone()] {
        let start = sessions.start_session("a", claims(script)).await;
        assert!(start.is_err(), "{start:?}");
        // A launch that timed out is gone a little later.
        sleep(SECOND).await;
        free(&sessions, "1").await;
    }
    // A stop comes before the start is over.
    let start = asked(sessions.start_session("a", claims(hangs))).await;
    assert_eq!(refused(&sessions, "1").await, "a");
    sessions.stop_session("a").await.unwrap();
    let start = start.await.unwrap();
    assert!(matches!(start, Err(StartError::Stopped)), "{start:?}");
    free(&sessions, "1").await;
    sessions.stop().await.unwrap();
}

/// "A session has [...] them for as long as its id: while it starts, waits in line, restarts,
/// pauses, is parked, is tried again, stops, or is stuck."
#[tokio::test(start_paused = true)]
async fn a_session_that_comes_back_has_them_all_the_time() {
    let options = Options::new().park_trial(SECOND, SECOND);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let pause = Backoff::constant(30 * SECOND);
    let spec = agent(&probe, "1")
        .backoff(pause)
        .restart_limit(1, 600 * SECOND);
    let session = sessions.start_session("a", spec).await.unwrap();
    end(&session, Order::Crash).await;
    assert_eq!(refused(&sessions, "1").await, "a", "in its pause");
    let second = answered("its restart", back(&sessions, "a")).await;
    assert_eq!(refused(&sessions, "1").await, "a", "restarted");
    sessions.restart_session("a").await.unwrap();
    assert_eq!(refused(&sessions, "1").await, "a", "restarted by hand");
    drop(second);
    let third = back(&sessions, "a").await;
    end(&third, Order::Panic).await;
    assert_eq!(refused(&sessions, "1").await, "a", "parked");
    sleep(2 * SECOND).await;
    let trial = back(&sessions, "a").await;
    assert_eq!(refused(&sessions, "1").await, "a", "on trial");
    end(&trial, Order::Crash).await;
    assert_eq!(refused(&sessions, "1").await, "a", "parked again");
    sessions.stop_session("a").await.unwrap();
    free(&sessions, "1").await;
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_that_ends_for_good_leaves_none() {
    let options = Options::new().on_restart_limit(OnRestartLimit::Remove);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let gone = async |id: &str| drop(answered("its end", sessions.wait_end(id)).await);
    // By itself, by a failure that is final, by a kill of others, by being idle.
    let spec = agent(&probe, "1").restart(Restart::Temporary);
    let idle = agent(&probe, "1").idle_timeout(SECOND);
    let limited = agent(&probe, "1").restart_limit(0, SECOND);
    for (n, spec) in [spec.clone(), spec.clone(), spec, idle, limited]
        .into_iter()
        .enumerate()
    {
        let session = sessions.start_session("a", spec).await.unwrap();
        match n {
            0 => session.stop(None),
            1 | 4 => session.cast(Order::Crash).unwrap(),
            2 => session.kill(),
            _ => {}
        }
        gone("a").await;
        free(&sessions, "1").await;
    }
    // By a stop whose caller has gone, by a kill of ours.
    for shutdown in [Shutdown::BrutalKill, Shutdown::Timeout(SECOND)] {
        let spec = agent(&probe, "1").shutdown(shutdown);
        let session = sessions.start_session("a", spec).await.unwrap();
        session.cast(Order::Hang).unwrap();
        ask_and_go(sessions.stop_session("a")).await;
        gone("a").await;
        free(&sessions, "1").await;
    }
    sessions.stop().await.unwrap();
}

/// One more is parked than may be, so the one parked longest is discarded.
#[tokio::test(start_paused = true)]
async fn one_that_is_discarded_leaves_none() {
    let options = Options::new().max_parked(1).without_park_trial();
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    for (id, project) in [("a", "1"), ("b", "2")] {
        let spec = agent(&probe, project).restart_limit(0, SECOND);
        let session = sessions.start_session(id, spec).await.unwrap();
        end(&session, Order::Crash).await;
        assert_eq!(refused(&sessions, project).await, id);
    }
    let gone = sessions.stop_session("a").await;
    assert_eq!(gone, Err(StopError::NotFound));
    free(&sessions, "1").await;
    assert_eq!(refused(&sessions, "2").await, "b");
    sessions.stop().await.unwrap();
}

/// A start in line whose caller has gone is not made.
#[tokio::test(start_paused = true)]
async fn one_that_waits_in_line_has_them_until_nobody_waits() {
    let options = Options::new().max_concurrent_launches(1);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let gated = probe.script().pre_start(gate.holds()).spec();
    let slow = asked(sessions.start_session("slow", gated)).await;
    let waits = asked(sessions.start_session("a", agent(&probe, "1"))).await;
    assert_eq!(refused(&sessions, "1").await, "a");
    waits.abort();
    assert!(waits.await.unwrap_err().is_cancelled());
    gate.open();
    slow.await.unwrap().unwrap();
    free(&sessions, "1").await;
    assert_eq!(probe.starts(), 1);
    sessions.stop().await.unwrap();
}
