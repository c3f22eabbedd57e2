//! Stopping one session.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ractor::{Actor, ActorRef, ActorStatus};
use session_supervisor::error::{StartError, StopError};
use session_supervisor::{Backoff, ChildSpec, Exit, Options, Restart, SessionState, Shutdown};

use super::ways::{HOUR, Held, WINDOW, Way, crash, info, ms};
use crate::support::{Order, Probe, asked, died, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

const KINDS: [Restart; 3] = [Restart::Permanent, Restart::Transient, Restart::Temporary];

struct Foreigner;

#[ractor::actor(message = (), state = (), arguments = ())]
impl Foreigner {
    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<()>,
        _event: ractor::SupervisionEvent,
        _state: &mut (),
    ) -> Result<(), ractor::ActorProcessingErr> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn row_074_a_brutal_kill_is_told_as_such_and_runs_no_post_stop() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().shutdown(Shutdown::BrutalKill);
    sessions.start_session("a", spec).await.unwrap();
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Killed));
    assert_eq!((probe.stops(), probe.alive()), (0, 0));
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    assert_eq!(sessions.count_sessions().await.unwrap(), Default::default());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_075_a_session_with_a_grace_is_asked_with_the_reason_shutdown() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().shutdown(Shutdown::Timeout(ms(500)));
    let session = sessions.start_session("a", spec).await.unwrap();
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
    assert_eq!((probe.stops(), probe.alive()), (1, 0));
    assert_eq!(session.get_status(), ActorStatus::Stopped);
    // What the actor was told is the public constant; a session that reads its event sees it.
    assert_eq!(session_supervisor::reason::SHUTDOWN, "shutdown");
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    assert_eq!(sessions.count_sessions().await.unwrap(), Default::default());
    sessions.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_076_a_stopped_session_is_gone_and_released_when_the_stop_returns() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    // Only one life at a time may hold it.
    let resource = Arc::new(tokio::sync::Mutex::new(()));
    for _ in 0..200 {
        let (taken, probe_inside) = (Arc::clone(&resource), probe.clone());
        let script = probe.script().pre_start(move |_, _| {
            let free = taken.try_lock().is_ok() && probe_inside.alive() == 0;
            async move {
                if free {
                    Ok(())
                } else {
                    Err("it is still held".into())
                }
            }
        });
        let session = sessions.start_session("a", script.spec()).await.unwrap();
        assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
        assert_eq!(session.get_status(), ActorStatus::Stopped);
        assert!(sessions.list_sessions().await.unwrap().is_empty());
        assert!(sessions.find_session("a").is_none());
        assert_eq!(probe.alive(), 0);
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_077_what_is_no_session_of_this_supervisor_is_not_found_and_lives_on() {
    let (mine, other) = (
        supervisor(Options::new()).await,
        supervisor(Options::new()).await,
    );
    let probe = Probe::default();
    let theirs = other.start_session("a", probe.spec()).await.unwrap();
    assert_eq!(mine.stop_session("a").await, Err(StopError::NotFound));
    assert_eq!(mine.stop_session("never").await, Err(StopError::NotFound));
    assert_eq!(ractor::call!(theirs, Order::Echo, 3).unwrap(), 3);
    assert_eq!(mine.count_sessions().await.unwrap().specs, 0);
    mine.stop().await.unwrap();
    other.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_078_stopping_permanent_sessions_restarts_and_counts_nothing() {
    let options = Options::new()
        .session_restart_limit(0, WINDOW)
        .total_restart_limit(0, WINDOW);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    for n in 0..20 {
        let id = format!("s{n}");
        let spec = probe.spec().restart(Restart::Permanent);
        sessions.start_session(&id, spec).await.unwrap();
        assert_eq!(sessions.stop_session(&id).await, Ok(Exit::Shutdown));
    }
    tokio::time::sleep(HOUR).await;
    assert_eq!((probe.starts(), probe.stops()), (20, 20));
    assert_eq!(sessions.count_sessions().await.unwrap(), Default::default());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_079_a_session_that_fails_while_it_is_stopped_is_told_and_not_restarted() {
    let options = Options::new()
        .session_restart_limit(0, WINDOW)
        .total_restart_limit(0, WINDOW);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let fails = probe
        .script()
        .post_stop(|_, _| async { Err("cannot tidy up".into()) });
    sessions.start_session("a", fails.spec()).await.unwrap();
    let exit = sessions.stop_session("a").await.unwrap();
    assert!(matches!(exit, Exit::Failed { .. }), "{exit:?}");
    assert!(exit.to_string().contains("cannot tidy up"), "{exit}");

    let session = sessions.start_session("b", probe.spec()).await.unwrap();
    let note = probe.clone();
    let busy = Order::run(move |_| async move {
        note.note("busy");
        tokio::time::sleep(ms(100)).await;
        Err("failed while busy".into())
    });
    session.cast(busy).unwrap();
    probe.until(|tally| tally.notes.len() == 1).await;
    let exit = sessions.stop_session("b").await.unwrap();
    assert!(matches!(exit, Exit::Failed { .. }), "{exit:?}");
    tokio::time::sleep(HOUR).await;
    assert_eq!((probe.starts(), probe.alive()), (2, 0));
    assert_eq!(sessions.count_sessions().await.unwrap(), Default::default());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_080_a_session_that_has_just_died_can_be_stopped_and_never_comes_back() {
    for kind in KINDS {
        for way in [Way::Stop, Way::Error, Way::Kill] {
            let sessions = supervisor(Options::new()).await;
            let probe = Probe::default();
            let spec = probe.spec().restart(kind);
            let session = sessions.start_session("a", spec).await.unwrap();
            way.end(&session).await;
            let answer = sessions.stop_session("a").await;
            assert!(
                matches!(answer, Ok(_) | Err(StopError::NotFound)),
                "{answer:?}"
            );
            assert_eq!(
                sessions.count_sessions().await.unwrap().specs,
                0,
                "{kind:?} {way:?}"
            );
            let starts = probe.starts();
            tokio::time::sleep(HOUR).await;
            assert_eq!(
                (probe.starts(), probe.alive()),
                (starts, 0),
                "{kind:?} {way:?}"
            );
            assert!(sessions.find_session("a").is_none());
            sessions.stop().await.unwrap();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn row_081_a_session_that_unlinked_or_relinked_itself_is_stopped_all_the_same() {
    let (foreigner, _) = Foreigner::spawn(None, Foreigner, ()).await.unwrap();
    for relinks in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let other = foreigner.get_cell();
        let script = probe
            .script()
            .post_start(move |start, myself: ActorRef<Order>| {
                let other = other.clone();
                async move {
                    if relinks {
                        myself.link(other);
                    } else {
                        myself.unlink(start.supervisor.get_cell());
                    }
                    Ok(())
                }
            });
        sessions.start_session("a", script.spec()).await.unwrap();
        probe.until(|tally| tally.ready == 1).await;
        assert!(
            sessions.find_session("a").is_none(),
            "it is not linked to us"
        );
        assert_eq!(info(&sessions, "a").await.state, SessionState::Running);
        assert_eq!(
            sessions.stop_session("a").await,
            Ok(Exit::Shutdown),
            "relinks: {relinks}"
        );
        assert_eq!((probe.stops(), probe.alive()), (1, 0));
        sessions
            .start_session("b", probe.spec())
            .await
            .expect("it stays usable");
        sessions.stop().await.unwrap();
    }
    foreigner.stop_and_wait(None, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_082_a_supervisor_that_does_not_run_says_so() {
    let sessions = supervisor(Options::new()).await;
    sessions.stop().await.unwrap();
    assert_eq!(
        sessions.stop_session("a").await,
        Err(StopError::SupervisorDown)
    );
}

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

#[tokio::test(start_paused = true)]
async fn row_085_a_session_that_asks_for_its_own_stop_harms_nobody_else() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().shutdown(Shutdown::Timeout(ms(300)));
    let session = sessions.start_session("waits", spec).await.unwrap();
    let own = sessions.clone();
    let began = tokio::time::Instant::now();
    let awaits = Order::run(move |_| async move {
        own.stop_session("waits").await?;
        Ok(())
    });
    session.cast(awaits).unwrap();
    sessions.start_session("other", probe.spec()).await.unwrap();
    sessions.stop_session("other").await.unwrap();
    assert!(began.elapsed().is_zero(), "nobody else waits");
    died(&session.get_cell()).await;
    assert_eq!(began.elapsed(), ms(300), "killed when its grace was over");

    let session = sessions
        .start_session("spawns", probe.spec())
        .await
        .unwrap();
    let own = sessions.clone();
    let spawns = Order::run(move |_| async move {
        drop(tokio::spawn(own.stop_session("spawns")));
        Ok(())
    });
    let began = tokio::time::Instant::now();
    session.cast(spawns).unwrap();
    died(&session.get_cell()).await;
    let session = sessions
        .start_session("itself", probe.spec())
        .await
        .unwrap();
    let itself = Order::run(|myself| async move {
        myself.stop(None);
        Ok(())
    });
    session.cast(itself).unwrap();
    died(&session.get_cell()).await;
    assert!(began.elapsed().is_zero());
    assert_eq!(sessions.count_sessions().await.unwrap(), Default::default());
    sessions.stop().await.unwrap();
}

/// Real time is measured, not waited for; the bound lies far from the linear and the quadratic.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
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
    let few = one_by_one(500).await.min(one_by_one(500).await);
    let many = one_by_one(5_000).await;
    assert!(many < few * 50, "{few:?} for 500, {many:?} for 5,000");
}

#[tokio::test(start_paused = true)]
async fn row_194_a_session_that_does_not_run_is_ended_without_a_run() {
    let sessions = supervisor(Options::new().session_restart_limit(0, WINDOW)).await;
    let probe = Probe::default();
    // Starting.
    let hangs = probe.script().pre_start(|_, _| std::future::pending());
    let start = asked(sessions.start_session("starting", hangs.spec())).await;
    probe.until(|tally| tally.starts == 1).await;
    assert_eq!(
        sessions.stop_session("starting").await,
        Ok(Exit::NotRunning)
    );
    let answer = start.await.unwrap();
    assert!(matches!(answer, Err(StartError::Stopped)), "{answer:?}");
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
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let slow = probe.slow_to_stop(Duration::from_secs(1));
    sessions.start_session("a", slow).await.unwrap();
    let mut stops = Vec::new();
    for _ in 0..10 {
        stops.push(asked(sessions.stop_session("a")).await);
        tokio::time::sleep(ms(50)).await;
    }
    for stop in stops {
        assert_eq!(stop.await.unwrap(), Ok(Exit::Shutdown));
    }
    assert_eq!((probe.stops(), probe.alive()), (1, 0));
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_212_a_stop_is_final_for_every_kind_and_drops_the_spec() {
    for kind in KINDS {
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
