//! Stopping one session: who else asks, what does not run, and what is left of it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::ActorStatus;
use session_supervisor::error::{StartError, StopError};
use session_supervisor::{Backoff, ChildSpec, Exit, Options, Restart, SessionState};

use super::ways::{HOUR, Held, WINDOW, crash, info, ms};
use crate::support::{Probe, Tie, asked, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

#[tokio::test(start_paused = true)]
async fn row_084_two_callers_stop_a_session_once() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let slow = probe.slow_to_stop(Duration::from_secs(1));
    let session = sessions.start_session("a", slow).await.unwrap();
    let (first, second) = tokio::join!(sessions.stop_session("a"), sessions.stop_session("a"));
    assert_eq!((first, second), (Ok(Exit::Shutdown), Ok(Exit::Shutdown)));
    assert_eq!(session.get_status(), ActorStatus::Stopped);
    assert_eq!((probe.stops(), probe.alive()), (1, 0));
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    sessions.stop().await.unwrap();
}

/// ractor's own stop of a session takes its one stop away, so that another one is refused at once.
#[tokio::test(start_paused = true)]
async fn row_084_a_stop_beside_a_foreign_one_waits_for_the_end() {
    for foreign_first in [true, false] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let second = Duration::from_secs(1);
        let slow = probe.slow_to_stop(second);
        let session = sessions.start_session("a", slow).await.unwrap();
        let began = tokio::time::Instant::now();
        let cell = session.get_cell();
        let foreign = async move { cell.stop_and_wait(None, None).await };
        if foreign_first {
            let foreign = asked(foreign).await;
            assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
            foreign.await.unwrap().unwrap();
        } else {
            let ours = asked(sessions.stop_session("a")).await;
            assert_eq!(info(&sessions, "a").await.state, SessionState::Stopping);
            foreign.await.expect_err("the stop is taken");
            assert!(began.elapsed().is_zero());
            assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
            assert_eq!(ours.await.unwrap(), Ok(Exit::Shutdown));
        }
        assert_eq!(began.elapsed(), second);
        assert_eq!(session.get_status(), ActorStatus::Stopped);
        assert_eq!((probe.stops(), probe.alive()), (1, 0));
        assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
        sessions.stop().await.unwrap();
    }
}

/// Real time is measured, not waited for; the bound lies far from the linear and the quadratic.
#[tokio::test]
async fn row_086_ten_times_as_many_stops_take_about_ten_times_as_long() {
    struct Plain;
    #[ractor::actor(message = (), state = (), arguments = ())]
    impl Plain {}
    async fn one_by_one(n: usize) -> Duration {
        let sessions = supervisor(Options::new()).await;
        let ids: Vec<_> = (0..n).map(|i| format!("s{i}")).collect();
        for id in &ids {
            let spec = ChildSpec::new(|_| (Plain, ()));
            sessions.start_session(id, spec).await.unwrap();
        }
        let began = Instant::now();
        for id in &ids {
            sessions.stop_session(id).await.unwrap();
        }
        let took = began.elapsed();
        sessions.stop().await.unwrap();
        took
    }
    let few = one_by_one(1_000).await.min(one_by_one(1_000).await);
    let many = one_by_one(10_000).await;
    assert!(many < few * 50, "{few:?} for 1,000, {many:?} for 10,000");
}

#[tokio::test(start_paused = true)]
async fn row_194_a_session_that_does_not_run_is_ended_without_a_run() {
    let sessions = supervisor(Options::new().session_restart_limit(0, WINDOW)).await;
    let probe = Probe::default();
    // Starting.
    let (tie, remains) = Tie::new();
    let hangs = probe.script().pre_start(move |_, _| {
        let tie = tie.clone();
        async move {
            let _tie = tie;
            std::future::pending().await
        }
    });
    let start = asked(sessions.start_session("starting", hangs.spec())).await;
    probe.until(|tally| tally.starts == 1).await;
    assert_eq!(
        sessions.stop_session("starting").await,
        Ok(Exit::NotRunning)
    );
    let answer = start.await.unwrap();
    assert!(matches!(answer, Err(StartError::Stopped)), "{answer:?}");
    remains.gone().await;
    // In a backoff.
    let spec = probe
        .spec()
        .backoff(Backoff::constant(HOUR))
        .without_restart_limit();
    sessions.start_session("backoff", spec).await.unwrap();
    crash(&sessions, "backoff").await;
    assert_eq!(
        info(&sessions, "backoff").await.state,
        SessionState::Restarting
    );
    assert_eq!(sessions.stop_session("backoff").await, Ok(Exit::NotRunning));
    // Parked.
    sessions
        .start_session("parked", probe.spec())
        .await
        .unwrap();
    crash(&sessions, "parked").await;
    assert_eq!(info(&sessions, "parked").await.state, SessionState::Parked);
    assert_eq!(sessions.stop_session("parked").await, Ok(Exit::NotRunning));
    for id in ["starting", "backoff", "parked"] {
        assert_eq!(sessions.stop_session(id).await, Err(StopError::NotFound));
        let name = session_supervisor::names::session(sessions.name(), id);
        assert!(ractor::registry::where_is(name).is_none());
    }
    tokio::time::sleep(HOUR * 2).await;
    assert_eq!((probe.starts(), probe.alive()), (3, 0));
    assert_eq!(sessions.count_sessions().await.unwrap(), Default::default());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_195_who_stops_a_stopping_session_gets_the_same_answer() {
    for fails in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let note = probe.clone();
        let script = probe.script().post_stop(move |_, _| {
            note.note("post_stop");
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if fails {
                    return Err("cannot tidy up".into());
                }
                Ok(())
            }
        });
        sessions.start_session("a", script.spec()).await.unwrap();
        let mut stops = Vec::new();
        for _ in 0..10 {
            stops.push(asked(sessions.stop_session("a")).await);
            tokio::time::sleep(ms(50)).await;
        }
        let mut exits = Vec::new();
        for stop in stops {
            exits.push(stop.await.unwrap().unwrap());
        }
        assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
        assert_eq!((probe.notes().len(), probe.alive()), (1, 0));
        // Two failures are equal only if they hold the same error value.
        assert!(exits.iter().all(|exit| *exit == exits[0]), "{exits:?}");
        let expected = matches!(exits[0], Exit::Failed { .. }) == fails;
        assert!(expected, "{exits:?}");
        sessions.stop().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_195_whatever_a_caller_is_told_nothing_of_the_id_is_alive_then() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut not_found = 0;
    for _ in 0..200 {
        sessions.start_session("a", probe.spec()).await.unwrap();
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (stop, probe) = (sessions.stop_session("a"), probe.clone());
            callers.spawn(async move { (stop.await, probe.alive()) });
        }
        while let Some(told) = callers.join_next().await {
            let (answer, alive) = told.unwrap();
            assert_eq!(alive, 0, "{answer:?}");
            match answer {
                Ok(Exit::Shutdown) => {}
                Err(StopError::NotFound) => not_found += 1,
                other => panic!("{other:?}"),
            }
        }
    }
    assert!(not_found < 7 * 200, "some joined the stop under way");
    assert_eq!(probe.stops(), 200);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_212_a_stop_is_final_for_every_kind_and_drops_the_spec() {
    for kind in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let held = Arc::new(Held::new(&probe));
        let script = probe.script().launch(move |_| {
            held.touch();
            async { Ok(true) }
        });
        sessions
            .start_session("a", script.spec().restart(kind))
            .await
            .unwrap();
        sessions.stop_session("a").await.unwrap();
        Held::dropped(&probe).await;
        tokio::time::sleep(HOUR).await;
        assert_eq!(probe.starts(), 1, "{kind:?}");
        sessions.stop().await.unwrap();
    }
}
