//! The places for sessions.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ractor::registry;
use session_supervisor::error::{RestartError, StartError, StopError};
use session_supervisor::{Options, Restart, SessionState, SessionSupervisor, Shutdown, names};

use super::ways::{HOUR, Held, Way, crash, info, ms};
use crate::support::{Gate, Order, Probe, asked, back, died, end, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

/// A start of the id finds no place, and its start function is not called.
async fn full(sessions: &SessionSupervisor, probe: &Probe, id: &str) {
    let before = probe.starts();
    let answer = sessions.start_session(id, probe.spec()).await;
    assert!(
        matches!(answer, Err(StartError::MaxSessions { .. })),
        "{answer:?}"
    );
    assert_eq!(probe.starts(), before);
}

#[tokio::test(start_paused = true)]
async fn row_065_a_supervisor_without_places_starts_nothing() {
    let sessions = supervisor(Options::new().max_sessions(0)).await;
    let probe = Probe::default();
    let answer = sessions.start_session("a", probe.spec()).await;
    assert!(
        matches!(answer, Err(StartError::MaxSessions { max: 0 })),
        "{answer:?}"
    );
    assert!(answer.unwrap_err().to_string().contains('0'));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_066_one_more_than_there_are_places_is_refused() {
    let sessions = supervisor(Options::new().max_sessions(3)).await;
    let probe = Probe::default();
    let mut cells = Vec::new();
    for id in ["a", "b", "c"] {
        cells.push(sessions.start_session(id, probe.spec()).await.unwrap());
    }
    full(&sessions, &probe, "d").await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 3);
    for (id, cell) in ["a", "b", "c"].iter().zip(&cells) {
        assert_eq!(sessions.find_session(id).unwrap().get_id(), cell.get_id());
    }
    // A known id is told that it runs, not that there is no place.
    let again = sessions.start_session("a", probe.spec()).await;
    assert!(
        matches!(again, Err(StartError::AlreadyStarted { .. })),
        "{again:?}"
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_067_a_place_is_free_as_soon_as_a_session_has_left_for_good() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    // It ends by itself.
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    Way::Stop.end(&session).await;
    // It is stopped.
    sessions
        .start_session("b", probe.spec())
        .await
        .expect("a left");
    sessions.stop_session("b").await.unwrap();
    // Its restart is ignored.
    let once = probe
        .script()
        .launch(|start| async move { Ok(start.incarnation == 1) });
    let session = sessions
        .start_session("c", once.spec())
        .await
        .expect("b left");
    end(&session, Order::Crash).await;
    probe.until(|tally| tally.starts == 4).await;
    // Its first start fails.
    let fails = probe
        .script()
        .launch(|_| async { Err("told to fail".into()) });
    let failed = sessions.start_session("d", fails.spec()).await;
    assert!(
        matches!(failed, Err(StartError::Failed { .. })),
        "c left: {failed:?}"
    );
    sessions
        .start_session("e", probe.spec())
        .await
        .expect("d left");
    full(&sessions, &probe, "f").await;
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_068_a_session_whose_restart_fails_keeps_its_place() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    let once = probe.script().launch(|start| async move {
        match start.incarnation {
            1 => Ok(true),
            _ => Err("told to fail".into()),
        }
    });
    let spec = once.spec().without_restart_limit();
    let session = sessions.start_session("a", spec).await.unwrap();
    end(&session, Order::Crash).await;
    probe.until(|tally| tally.starts == 3).await;
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!(
        (counts.workers, counts.active, counts.restarting),
        (1, 0, 1)
    );
    full(&sessions, &probe, "b").await;
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_069_a_restart_leaves_no_gap_that_another_start_could_slip_into() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    let spec = probe.spec().without_restart_limit();
    let mut session = sessions.start_session("a", spec).await.unwrap();
    let (over, mut until) = tokio::sync::oneshot::channel::<()>();
    let other = sessions.clone();
    let intruder = tokio::spawn(async move {
        let intruder = Probe::default();
        let mut tries = 0;
        while until.try_recv().is_err() {
            let answer = other.start_session("b", intruder.spec()).await;
            assert!(
                matches!(answer, Err(StartError::MaxSessions { max: 1 })),
                "{answer:?}"
            );
            tries += 1;
            tokio::task::yield_now().await;
        }
        assert_eq!(intruder.starts(), 0);
        tries
    });
    for _ in 0..100 {
        session.kill();
        died(&session.get_cell()).await;
        session = back(&sessions, "a").await;
    }
    over.send(()).unwrap();
    assert!(intruder.await.unwrap() > 0);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_070_a_restart_needs_no_new_place() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    Way::Kill.end(&session).await;
    let again = back(&sessions, "a").await;
    assert_ne!(again.get_id(), session.get_id());
    let by_hand = sessions.restart_session("a").await.expect("by hand too");
    assert_ne!(by_hand.get_id(), again.get_id());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_071_a_full_supervisor_does_not_call_the_start_function() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let name = names::session(sessions.name(), "b");
    let told = probe.clone();
    let spy = probe.script().launch(move |_| {
        told.note("called");
        async { Ok(true) }
    });
    let answer = sessions.start_session("b", spy.spec()).await;
    assert!(
        matches!(answer, Err(StartError::MaxSessions { max: 1 })),
        "{answer:?}"
    );
    tokio::time::sleep(HOUR).await;
    assert!(probe.notes().is_empty());
    assert!(registry::where_is(name).is_none());
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_072_of_ten_times_as_many_callers_exactly_as_many_succeed_as_there_are_places() {
    const PLACES: usize = 50;
    let sessions = supervisor(Options::new().max_sessions(PLACES)).await;
    let probe = Probe::default();
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..10 * PLACES {
        callers.spawn(sessions.start_session(&format!("s{n}"), probe.spec()));
    }
    let (mut started, mut refused) = (0, 0);
    while let Some(answer) = callers.join_next().await {
        match answer.unwrap() {
            Ok(_) => started += 1,
            Err(StartError::MaxSessions { max: PLACES }) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((started, refused), (PLACES, 9 * PLACES));
    assert_eq!(probe.starts(), PLACES);
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_072_a_place_is_taken_before_the_launch_and_given_back_if_that_fails() {
    const PLACES: usize = 50;
    let sessions = supervisor(Options::new().max_sessions(PLACES)).await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let inside = gate.clone();
    let script = probe.script().launch(move |_| {
        let gate = inside.clone();
        async move {
            gate.pass().await;
            Err("told to fail".into())
        }
    });
    let spec = script.spec();
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..10 * PLACES {
        callers.spawn(sessions.start_session(&format!("s{n}"), spec.clone()));
    }
    for _ in 0..9 * PLACES {
        let answer = callers.join_next().await.unwrap().unwrap();
        assert!(
            matches!(answer, Err(StartError::MaxSessions { max: PLACES })),
            "{answer:?}"
        );
    }
    assert_eq!(sessions.count_sessions().await.unwrap().starting, PLACES);
    gate.open();
    while let Some(answer) = callers.join_next().await {
        let answer = answer.unwrap();
        assert!(
            matches!(answer, Err(StartError::Failed { .. })),
            "{answer:?}"
        );
    }
    for n in 0..PLACES {
        let id = format!("t{n}");
        sessions
            .start_session(&id, probe.spec())
            .await
            .expect("all places are free again");
    }
    full(&sessions, &probe, "one more").await;
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_204_a_place_is_free_at_the_exit_and_the_id_at_the_release() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = Mutex::new(released);
    let note = probe.clone();
    let script = probe.script().on_drop(move |_| {
        note.note("dropping");
        // Ends when the test drops the sender.
        released.lock().unwrap().recv().ok();
    });
    let spec = script.spec().restart(Restart::Temporary);
    let session = sessions.start_session("a", spec).await.unwrap();
    session.kill();
    died(&session.get_cell()).await;
    probe.until(|tally| tally.notes.len() == 1).await;
    let other = Probe::default();
    sessions
        .start_session("b", other.spec())
        .await
        .expect("the place is free");
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active), (1, 1));
    let list = sessions.list_sessions().await.unwrap();
    let ids: Vec<_> = list.iter().map(|info| &*info.id).collect();
    assert_eq!(ids, ["b"]);
    sessions.stop_session("b").await.unwrap();
    let again = asked(sessions.start_session("a", other.spec())).await;
    sessions
        .start_session("c", other.spec())
        .await
        .expect("a waits for its id");
    sessions.stop_session("c").await.unwrap();
    assert!(!again.is_finished(), "its state is not dropped yet");
    drop(release);
    again.await.unwrap().expect("the id is free");
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_205_a_stuck_session_keeps_its_place() {
    let sessions = supervisor(Options::new().max_sessions(1)).await;
    let probe = Probe::default();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let held = Arc::new(Held::new(&probe));
    let script = probe.script().launch(move |_| {
        held.touch();
        async { Ok(true) }
    });
    let spec = script.spec().shutdown(Shutdown::BrutalKill);
    let session = sessions.start_session("a", spec).await.unwrap();
    let told = probe.clone();
    let blocked = Order::run(move |_| async move {
        told.note("blocked");
        released.recv().ok();
        Ok(())
    });
    session.cast(blocked).unwrap();
    probe.until(|tally| tally.notes.len() == 1).await;
    // The kill bound passes in real time, since the thread is really blocked.
    let stop = tokio::spawn(sessions.stop_session("a"));
    full(&sessions, &probe, "b").await;
    assert_eq!(stop.await.unwrap(), Err(StopError::Stuck));
    assert_eq!(info(&sessions, "a").await.state, SessionState::Stuck);
    full(&sessions, &probe, "b").await;
    drop(release);
    // The spec is dropped when the stuck session has been forgotten.
    Held::dropped(&probe).await;
    assert_eq!(sessions.count_sessions().await.unwrap().stuck, 0);
    sessions
        .start_session("b", probe.spec())
        .await
        .expect("the stuck session has left");
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_205_all_but_parked_sessions_take_a_place() {
    let sessions = supervisor(
        Options::new()
            .max_sessions(1)
            .session_restart_limit(0, HOUR),
    )
    .await;
    let probe = Probe::default();
    let gate = Gate::closed();
    let script = probe.script().pre_start(gate.holds());
    let starting = asked(sessions.start_session("a", script.spec())).await;
    full(&sessions, &probe, "b").await;
    gate.open();
    starting.await.unwrap().expect("it starts");
    full(&sessions, &probe, "b").await;
    // Parked, its place is free; taken, it cannot be resumed; free again, it can.
    crash(&sessions, "a").await;
    assert_eq!(info(&sessions, "a").await.state, SessionState::Parked);
    sessions
        .start_session("b", probe.spec())
        .await
        .expect("a parked one takes no place");
    let resumed = sessions.restart_session("a").await;
    assert!(
        matches!(resumed, Err(RestartError::MaxSessions { max: 1 })),
        "{resumed:?}"
    );
    assert_eq!(info(&sessions, "a").await.state, SessionState::Parked);
    sessions.stop_session("b").await.unwrap();
    sessions
        .restart_session("a")
        .await
        .expect("there is a place");
    sessions.stop_session("a").await.unwrap();
    // Stopping.
    let slow = probe.slow_to_stop(Duration::from_secs(1));
    sessions.start_session("c", slow).await.unwrap();
    let stop = asked(sessions.stop_session("c")).await;
    assert_eq!(info(&sessions, "c").await.state, SessionState::Stopping);
    full(&sessions, &probe, "b").await;
    stop.await.unwrap().unwrap();
    // Restarting, in a backoff.
    let pause = session_supervisor::Backoff::constant(ms(100));
    let spec = probe.spec().without_restart_limit().backoff(pause);
    sessions.start_session("d", spec).await.unwrap();
    crash(&sessions, "d").await;
    assert_eq!(info(&sessions, "d").await.state, SessionState::Restarting);
    full(&sessions, &probe, "b").await;
    sessions.stop().await.unwrap();
}
