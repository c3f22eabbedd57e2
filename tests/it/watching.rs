//! Waiting for a session without changing anything, addresses that follow a session, and what
//! concerns several sessions at once.

mod absent;
mod addresses;
mod again;
mod ends;
mod races;
mod reasons;
mod several;
mod starts;

use std::time::Duration;

use session_supervisor::error::{AwaitError, StopError, WaitEndError};
use session_supervisor::{ChildSpec, Exit, Options, Restart, Supervisor, TreeSpec};
use tokio::time::{Instant, sleep};

use crate::support::{Gate, Order, Probe, answered, asked, back, end, exit, supervisor};

#[tokio::test(start_paused = true)]
async fn nothing_known_is_not_found_and_nothing_is_started() {
    let sessions = supervisor(Options::new()).await;
    for id in ["unknown", "", "a/b\n"] {
        let awaited = sessions.await_session::<Order>(id).await;
        assert_eq!(awaited.unwrap_err(), AwaitError::NotFound);
        assert_eq!(sessions.wait_end(id).await, Err(WaitEndError::NotFound));
    }
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    sessions.stop().await.unwrap();
    let awaited = sessions.await_session::<Order>("unknown").await;
    assert_eq!(awaited.unwrap_err(), AwaitError::SupervisorDown);
    let gone = sessions.wait_end("unknown").await;
    assert_eq!(gone, Err(WaitEndError::SupervisorDown));
}

/// Through a start, a pause before a restart, and a stop with a start behind it.
#[tokio::test(start_paused = true)]
async fn it_returns_as_soon_as_the_session_runs() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let gated = probe.script().pre_start(gate.holds()).spec();
    let start = asked(sessions.start_session("a", gated)).await;
    let awaited = asked(sessions.await_session::<Order>("a")).await;
    gate.open();
    let started = start.await.unwrap().unwrap();
    assert_eq!(awaited.await.unwrap().unwrap().get_id(), started.get_id());

    let now = Instant::now();
    let pause = session_supervisor::Backoff::constant(Duration::from_secs(3));
    let paused = probe.spec().backoff(pause);
    let first = sessions.start_session("b", paused).await.unwrap();
    end(&first, Order::Crash).await;
    let awaited = answered("b", sessions.await_session::<Order>("b")).await;
    assert_ne!(awaited.unwrap().get_id(), first.get_id());
    assert_eq!(now.elapsed(), Duration::from_secs(3));

    let slow = probe.slow_to_stop(Duration::from_secs(1));
    let old = sessions.start_session("c", slow).await.unwrap();
    let stop = asked(sessions.stop_session("c")).await;
    let awaited = asked(sessions.await_session::<Order>("c")).await;
    let gone = asked(sessions.wait_end("c")).await;
    let start = asked(sessions.start_session("c", probe.spec())).await;
    assert_eq!(stop.await.unwrap(), Ok(Exit::Shutdown));
    assert_eq!(exit(gone.await.unwrap()), Ok(Exit::Shutdown));
    let new = start.await.unwrap().unwrap();
    assert_ne!(new.get_id(), old.get_id());
    assert_eq!(awaited.await.unwrap().unwrap().get_id(), new.get_id());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_session_that_does_not_come_to_run_is_told_of() {
    let sessions = supervisor(Options::new().without_park_trial()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let held = gate.clone();
    let fails = probe.script().launch(move |_| {
        let gate = held.clone();
        async move {
            gate.pass().await;
            Err("no database".into())
        }
    });
    let start = asked(sessions.start_session("fails", fails.spec())).await;
    let awaited = asked(sessions.await_session::<Order>("fails")).await;
    let gone = asked(sessions.wait_end("fails")).await;
    gate.open();
    assert!(start.await.unwrap().is_err());
    assert_eq!(awaited.await.unwrap().unwrap_err(), AwaitError::NotFound);
    assert_eq!(exit(gone.await.unwrap()), Ok(Exit::NotRunning));

    let spec = probe.spec().restart_limit(0, Duration::from_secs(5));
    let once = sessions.start_session("parks", spec).await.unwrap();
    let gone = asked(sessions.wait_end("parks")).await;
    end(&once, Order::Crash).await;
    let awaited = sessions.await_session::<Order>("parks").await;
    assert_eq!(awaited.unwrap_err(), AwaitError::Parked);
    assert!(!gone.is_finished(), "a parked session is not gone");
    sessions.stop_session("parks").await.unwrap();
    assert_eq!(exit(gone.await.unwrap()), Ok(Exit::NotRunning));

    let tree = ChildSpec::tree(|_| TreeSpec::one_for_one());
    let _tree: Supervisor = sessions.start_session("tree", tree).await.unwrap();
    for wrong in ["tree", "worker"] {
        if wrong == "worker" {
            sessions.start_session(wrong, probe.spec()).await.unwrap();
        }
        let awaited = sessions.await_session::<u64>(wrong).await;
        assert_eq!(awaited.unwrap_err(), AwaitError::WrongMessageType);
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_restart_is_not_an_end_and_every_road_to_the_end_is() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let first = sessions.start_session("a", probe.spec()).await.unwrap();
    let gone = asked(sessions.wait_end("a")).await;
    end(&first, Order::Crash).await;
    let second = back(&sessions, "a").await;
    sessions.restart_session("a").await.unwrap();
    assert_ne!(second.get_id(), first.get_id());
    assert!(!gone.is_finished());
    let third = back(&sessions, "a").await;
    third.stop(None);
    let gone = exit(gone.await.unwrap());
    assert!(matches!(gone, Ok(Exit::Normal { .. })));
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));

    let temporary = probe.spec().restart(Restart::Temporary);
    let once = sessions.start_session("b", temporary).await.unwrap();
    let gone = asked(sessions.wait_end("b")).await;
    once.kill();
    assert_eq!(exit(gone.await.unwrap()), Ok(Exit::Killed));

    sessions.start_session("c", probe.spec()).await.unwrap();
    let gone = asked(sessions.wait_end("c")).await;
    sessions.stop().await.unwrap();
    assert_eq!(exit(gone.await.unwrap()), Ok(Exit::Shutdown));
}

/// Callers that have given up are not kept: at most twice as many as wait.
#[tokio::test(start_paused = true)]
async fn callers_that_give_up_cost_nothing_and_change_nothing() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let gated = probe.script().pre_start(gate.holds()).spec();
    let start = asked(sessions.start_session("a", gated)).await;
    for _ in 0..1_000 {
        let awaited = tokio::spawn(sessions.await_session::<Order>("a"));
        let gone = tokio::spawn(sessions.wait_end("a"));
        tokio::task::yield_now().await;
        awaited.abort();
        gone.abort();
    }
    let awaited = asked(sessions.await_session::<Order>("a")).await;
    gate.open();
    start.await.unwrap().unwrap();
    awaited.await.unwrap().unwrap();
    sleep(Duration::from_secs(60)).await;
    assert_eq!((probe.starts(), probe.stops()), (1, 0));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn while_the_supervisor_stops_nobody_waits_for_a_start() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let slow = probe.slow_to_stop(Duration::from_secs(1));
    sessions.start_session("a", slow).await.unwrap();
    let restart = asked(sessions.restart_session("a")).await;
    let awaited = asked(sessions.await_session::<Order>("a")).await;
    let stop = asked(sessions.stop()).await;
    assert_eq!(
        awaited.await.unwrap().unwrap_err(),
        AwaitError::SupervisorDown
    );
    let late = sessions.await_session::<Order>("a").await;
    assert_eq!(late.unwrap_err(), AwaitError::SupervisorDown);
    assert!(restart.await.unwrap().is_err());
    stop.await.unwrap().unwrap();
}
