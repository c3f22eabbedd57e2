//! Stopping one session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ractor::{ActorRef, ActorStatus};
use session_supervisor::error::StopError;
use session_supervisor::{Exit, Options, Restart, SessionSupervisor, Shutdown};

use super::ways::{HOUR, WINDOW, Way, ms, reason};
use crate::support::{Order, Parent, Probe, Script, died, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

const KINDS: [Restart; 3] = [Restart::Permanent, Restart::Transient, Restart::Temporary];

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
    let (probe, told) = (Probe::default(), Probe::default());
    let (parent, _) = Parent::start(&told).await;
    // Its event goes to the parent that it linked itself to, which so sees the reason.
    let parent_cell = parent.get_cell();
    let relinks = probe.script().post_start(move |_, myself| {
        myself.link(parent_cell.clone());
        std::future::ready(Ok(()))
    });
    let spec = relinks.spec().shutdown(Shutdown::Timeout(ms(500)));
    let session = sessions.start_session("a", spec).await.unwrap();
    probe.until(|tally| tally.ready == 1).await;
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Shutdown));
    assert_eq!((probe.stops(), probe.alive()), (1, 0));
    assert_eq!(session.get_status(), ActorStatus::Stopped);
    assert_eq!(reason(&told).await, session_supervisor::reason::SHUTDOWN);
    assert_eq!(session_supervisor::reason::SHUTDOWN, "shutdown");
    assert_eq!(sessions.stop_session("a").await, Err(StopError::NotFound));
    assert_eq!(sessions.count_sessions().await.unwrap(), Default::default());
    sessions.stop().await.unwrap();
    parent.stop_and_wait(None, None).await.unwrap();
}

/// A script whose state holds what only one life at a time may hold, until it is dropped.
fn exclusive(probe: &Probe, taken: &Arc<AtomicBool>) -> Script {
    let (take, give_back) = (Arc::clone(taken), Arc::clone(taken));
    probe
        .script()
        .pre_start(move |_, _| {
            let free = !take.swap(true, Ordering::SeqCst);
            async move {
                if free {
                    Ok(())
                } else {
                    Err("it is still held".into())
                }
            }
        })
        .on_drop(move |_| {
            // The drop takes its time, so that an answer before its end would be seen. On a busy
            // machine each turn that it yields takes milliseconds, and after a second it would be
            // stuck.
            for _ in 0..10 {
                std::thread::yield_now();
            }
            give_back.store(false, Ordering::SeqCst);
        })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_076_a_stopped_session_is_gone_and_released_when_the_stop_returns() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let taken = Arc::new(AtomicBool::new(false));
    let graceful = exclusive(&probe, &taken).spec();
    let killed = graceful.clone().shutdown(Shutdown::BrutalKill);
    let fails = exclusive(&probe, &taken)
        .post_stop(|_, _| async { Err("cannot tidy up".into()) })
        .spec();
    for _ in 0..100 {
        for spec in [&graceful, &killed, &fails] {
            let session = sessions
                .start_session("a", spec.clone())
                .await
                .expect("the name and what the last life held are free");
            let exit = sessions.stop_session("a").await.unwrap();
            assert_eq!(session.get_status(), ActorStatus::Stopped, "{exit:?}");
            assert!(!taken.load(Ordering::SeqCst), "{exit:?}");
            assert!(sessions.find_session("a").is_none());
            assert!(sessions.list_sessions().await.unwrap().is_empty());
        }
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
    let errs = probe
        .script()
        .post_stop(|_, _| async { Err("cannot tidy up".into()) });
    let panics = probe
        .script()
        .post_stop(|_, _| async { panic!("cannot tidy up") });
    for script in [errs, panics] {
        let spec = script.spec().restart(Restart::Permanent);
        sessions.start_session("a", spec).await.unwrap();
        let exit = sessions.stop_session("a").await.unwrap();
        assert!(matches!(exit, Exit::Failed { .. }), "{exit:?}");
        assert!(exit.to_string().contains("cannot tidy up"), "{exit}");
    }

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
    assert!(exit.to_string().contains("failed while busy"), "{exit}");
    tokio::time::sleep(HOUR).await;
    assert_eq!((probe.starts(), probe.alive()), (3, 0));
    assert_eq!(sessions.count_sessions().await.unwrap(), Default::default());
    sessions.stop().await.unwrap();
}

/// Makes the session end, without waiting for that.
fn begin(way: Way, session: &ActorRef<Order>) {
    match way {
        Way::Stop => session.stop(None),
        Way::Kill => session.kill(),
        _ => session.cast(Order::Crash).expect("the session still runs"),
    }
}

/// Stops a session that is dying or dead. Only one that leaves for good may be unknown by then.
async fn stop_dying(sessions: &SessionSupervisor, kind: Restart, way: Way) {
    let answer = sessions.stop_session("a").await;
    let leaves = match kind {
        Restart::Permanent => false,
        Restart::Transient => matches!(way, Way::Stop),
        Restart::Temporary => true,
    };
    match answer {
        Ok(_) => {}
        Err(StopError::NotFound) if leaves => {}
        Err(error) => panic!("{kind:?} {way:?}: {error}"),
    }
    assert!(sessions.find_session("a").is_none(), "{kind:?} {way:?}");
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!(counts, Default::default(), "{kind:?} {way:?}");
}

#[tokio::test(start_paused = true)]
async fn row_080_a_session_that_has_just_died_can_be_stopped_and_never_comes_back() {
    for kind in KINDS {
        for way in [Way::Stop, Way::Error, Way::Kill] {
            for waits in [false, true] {
                let sessions = supervisor(Options::new()).await;
                let probe = Probe::default();
                let spec = probe.spec().restart(kind);
                let session = sessions.start_session("a", spec).await.unwrap();
                begin(way, &session);
                if waits {
                    died(&session.get_cell()).await;
                }
                stop_dying(&sessions, kind, way).await;
                let starts = probe.starts();
                tokio::time::sleep(HOUR).await;
                let after = (probe.starts(), probe.alive());
                assert_eq!(after, (starts, 0), "{kind:?} {way:?}");
                assert!(sessions.find_session("a").is_none());
                sessions.stop().await.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_080_also_on_several_threads() {
    let sessions = supervisor(Options::new()).await;
    for kind in KINDS {
        for way in [Way::Stop, Way::Error, Way::Kill] {
            for _ in 0..50 {
                let probe = Probe::default();
                let spec = probe.spec().restart(kind);
                let session = sessions.start_session("a", spec).await.unwrap();
                begin(way, &session);
                stop_dying(&sessions, kind, way).await;
                assert_eq!(probe.alive(), 0, "{kind:?} {way:?}");
            }
        }
    }
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_082_a_supervisor_that_does_not_run_says_so() {
    for ending in ["stop", "foreign stop", "kill"] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        sessions.start_session("a", probe.spec()).await.unwrap();
        match ending {
            "stop" => {
                sessions.stop().await.unwrap();
            }
            "foreign stop" => sessions.get_cell().stop(None),
            _ => sessions.get_cell().kill(),
        }
        died(&sessions.get_cell()).await;
        for id in ["never", "not/\0valid", "a"] {
            let answer = sessions.stop_session(id).await;
            assert_eq!(answer, Err(StopError::SupervisorDown), "{ending}: {id:?}");
        }
    }
}
