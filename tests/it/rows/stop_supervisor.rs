//! Stopping the supervisor: what is over when it has ended.

use std::time::Duration;

use ractor::{ActorCell, ActorStatus};
use session_supervisor::error::StartError;
use session_supervisor::{Backoff, Exit, Options, Restart, SessionSupervisor, Shutdown, names};
use tokio::time::Instant;

use crate::support::{Ending, Order, Probe, asked, died, end, parent, sessions_of, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

const SECOND: Duration = Duration::from_secs(1);

fn name_is_free(sessions: &SessionSupervisor, id: &str) -> bool {
    ractor::registry::where_is(names::session(sessions.name(), id)).is_none()
}

type Named = (&'static str, ActorCell);

/// Four sessions that end each in a way of its own.
async fn four(sessions: &SessionSupervisor, probe: &Probe) -> Vec<Named> {
    let quick = sessions.start_session("quick", probe.spec());
    let slow = sessions.start_session("slow", probe.slow_to_stop(Duration::from_millis(20)));
    let brutal = probe.spec().shutdown(Shutdown::BrutalKill);
    let brutal = sessions.start_session("brutal", brutal);
    let grace = Shutdown::Timeout(Duration::from_millis(10));
    let hung = sessions.start_session("hung", probe.spec().shutdown(grace));
    let hung = hung.await.unwrap();
    let note = probe.clone();
    let hang = Order::run(move |_| async move {
        note.note("hangs");
        std::future::pending().await
    });
    hung.cast(hang).unwrap();
    probe.until(|tally| !tally.notes.is_empty()).await;
    vec![
        ("quick", quick.await.unwrap().get_cell()),
        ("slow", slow.await.unwrap().get_cell()),
        ("brutal", brutal.await.unwrap().get_cell()),
        ("hung", hung.get_cell()),
    ]
}

async fn all_over(ending: Ending, sessions: &SessionSupervisor, probe: &Probe, cells: &[Named]) {
    for (id, cell) in cells {
        assert_eq!(cell.get_status(), ActorStatus::Stopped, "{id}");
        assert!(name_is_free(sessions, id), "{id}");
    }
    assert_eq!(probe.stops(), 2);
    // After a foreign end the states of the killed lie in events that are not read; they are
    // dropped with the root's mailbox.
    if ending != Ending::Ours {
        probe.until(|tally| tally.alive == 0).await;
    }
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn row_099_every_session_has_ended_before_the_end_of_the_supervisor_is_seen() {
    for ending in Ending::ALL {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let cells = four(&sessions, &probe).await;
        drop(ending.begin(&sessions).await);
        died(&sessions.get_cell()).await;
        all_over(ending, &sessions, &probe, &cells).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_099_also_on_several_threads() {
    for round in 0..60 {
        let ending = Ending::ALL[round % 3];
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let cells = four(&sessions, &probe).await;
        match ending.begin(&sessions).await {
            Some(stop) if round % 2 == 0 => drop(stop.await.unwrap().unwrap()),
            _ => died(&sessions.get_cell()).await,
        }
        all_over(ending, &sessions, &probe, &cells).await;
    }
}

#[tokio::test(start_paused = true)]
async fn row_100_sessions_with_a_slow_cleanup_are_stopped_in_parallel() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for (id, pause) in [("a", 1), ("b", 1), ("c", 5)] {
        let spec = probe.slow_to_stop(SECOND * pause);
        let spec = spec.shutdown(Shutdown::Timeout(2 * SECOND));
        sessions.start_session(id, spec).await.unwrap();
    }
    let began = Instant::now();
    let report = sessions.stop().await.unwrap();
    assert!((SECOND..5 * SECOND).contains(&began.elapsed()));
    assert_eq!((report.stopped, report.killed), (2, 1));

    let sessions = supervisor(Options::new()).await;
    let spec = probe.slow_to_stop(Duration::from_millis(300));
    for n in 0..100 {
        let id = format!("s{n}");
        sessions.start_session(&id, spec.clone()).await.unwrap();
    }
    let began = Instant::now();
    assert_eq!(sessions.stop().await.unwrap().stopped, 100);
    assert!(began.elapsed() < 2 * SECOND, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn row_101_a_stop_answers_when_all_is_over_and_the_parent_sees_its_reason() {
    let seen = Probe::default();
    let parent = parent(&seen).await;
    let options = Options::new().unique_name();
    let sessions = SessionSupervisor::start_link(parent.clone(), options);
    let sessions = sessions.await.unwrap();
    let probe = Probe::default();
    for id in ["a", "b"] {
        let spec = probe.slow_to_stop(SECOND);
        sessions.start_session(id, spec).await.unwrap();
    }
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.took), (2, SECOND));
    assert_eq!((probe.stops(), probe.alive()), (2, 0));
    assert_eq!(sessions.get_cell().get_status(), ActorStatus::Stopped);
    seen.until(|tally| !tally.notes.is_empty()).await;
    assert_eq!(seen.notes(), [session_supervisor::reason::SHUTDOWN]);
    assert_eq!(session_supervisor::reason::SHUTDOWN, "shutdown");
    parent.stop(None);
}

#[tokio::test(start_paused = true)]
async fn row_102_a_caller_that_gives_up_changes_nothing_and_a_deadline_kills_what_is_left() {
    let probe = Probe::default();
    let slow = |pause| probe.slow_to_stop(pause).shutdown(Shutdown::Infinity);

    let sessions = supervisor(Options::new()).await;
    sessions.start_session("a", slow(3 * SECOND)).await.unwrap();
    let began = Instant::now();
    let given_up = tokio::time::timeout(SECOND, sessions.stop()).await;
    assert!(given_up.is_err(), "it takes three seconds");
    assert_eq!(probe.stops(), 0);
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.took), (1, 3 * SECOND));
    assert_eq!((began.elapsed(), probe.alive()), (3 * SECOND, 0));

    // No caller asks a second time.
    let sessions = supervisor(Options::new()).await;
    sessions.start_session("a", slow(3 * SECOND)).await.unwrap();
    let given_up = tokio::time::timeout(SECOND, sessions.stop()).await;
    assert!(given_up.is_err(), "it takes three seconds");
    died(&sessions.get_cell()).await;
    assert_eq!((probe.stops(), probe.alive()), (2, 0));

    let sessions = supervisor(Options::new()).await;
    let spec = slow(3600 * SECOND);
    let session = sessions.start_session("a", spec).await.unwrap();
    let began = Instant::now();
    let report = sessions.stop_within(SECOND).await.unwrap();
    assert_eq!((report.killed, report.stopped), (1, 0));
    assert_eq!((began.elapsed(), probe.alive()), (SECOND, 0));
    assert_eq!(session.get_status(), ActorStatus::Stopped);
    assert_eq!(probe.stops(), 2);
}

#[tokio::test(start_paused = true)]
async fn row_103_pending_restarts_end_with_the_stop_and_never_run() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let backoff = probe.spec().backoff(Backoff::constant(10 * SECOND));
    let a = sessions.start_session("backoff", backoff).await.unwrap();
    // From the second launch on it fails, and is tried again after a pause that grows.
    let failing = probe.script().launch(|start| async move {
        match start.incarnation {
            1 => Ok(true),
            _ => Err("no second life".into()),
        }
    });
    let failing = failing.spec().without_restart_limit();
    let b = sessions.start_session("failing", failing).await.unwrap();
    end(&a, Order::Crash).await;
    end(&b, Order::Crash).await;
    probe.until(|tally| tally.starts == 7).await;
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.restarting, counts.active), (2, 0));

    let began = Instant::now();
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.not_running, report.stopped), (2, 0));
    assert_eq!(began.elapsed(), Duration::ZERO, "no pause is waited for");
    tokio::time::sleep(3600 * SECOND).await;
    assert_eq!((probe.starts(), probe.alive()), (7, 0));
}

/// Starts fifty permanent sessions.
async fn fifty(sessions: &SessionSupervisor, probe: &Probe) -> Vec<ActorCell> {
    let spec = probe.spec().restart(Restart::Permanent);
    let spec = spec.without_restart_limit();
    let mut cells = Vec::new();
    for n in 0..50 {
        let session = sessions.start_session(&format!("s{n}"), spec.clone()).await;
        cells.push(session.unwrap().get_cell());
    }
    cells
}

#[tokio::test(start_paused = true)]
async fn row_104_permanent_sessions_that_die_as_the_supervisor_stops_stay_dead() {
    for stop_first in [false, true] {
        for _ in 0..100 {
            let sessions = supervisor(Options::new()).await;
            let probe = Probe::default();
            let cells = fifty(&sessions, &probe).await;
            let kill_all = || cells.iter().for_each(ActorCell::kill);
            if !stop_first {
                kill_all();
            }
            let stop = asked(sessions.stop()).await;
            if stop_first {
                kill_all();
            }
            stop.await.unwrap().unwrap();
            // On one thread the stop is taken before any of the dead is released.
            assert_eq!((probe.starts(), probe.alive()), (50, 0));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_104_also_on_several_threads() {
    for round in 0..1000 {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let cells = fifty(&sessions, &probe).await;
        let taken = round % 2 == 0;
        let stop = if taken {
            // The answer to what was asked after the stop shows that the stop was taken.
            let stop = asked(sessions.stop()).await;
            let refused = sessions.start_session("late", probe.spec()).await;
            assert!(matches!(refused, Err(StartError::SupervisorDown)));
            cells.iter().for_each(ActorCell::kill);
            stop
        } else {
            cells.iter().for_each(ActorCell::kill);
            asked(sessions.stop()).await
        };
        let report = stop.await.unwrap().unwrap();
        let starts = probe.starts();
        assert_eq!(report.stopped + report.killed + report.not_running, 50);
        assert_eq!(probe.alive(), 0);
        if taken {
            assert_eq!(starts, 50, "no call after the stop was taken");
        }
        drop(sessions);
        tokio::task::yield_now().await;
        assert_eq!(probe.starts(), starts);
    }
}

#[tokio::test(start_paused = true)]
async fn row_105_no_start_outlives_the_stop_and_its_callers_are_told_at_once() {
    for ending in Ending::ALL {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let slow = probe.slow_to_stop(SECOND);
        sessions.start_session("busy", slow).await.unwrap();
        let stop_session = asked(sessions.stop_session("busy")).await;
        let queued = asked(sessions.start_session("busy", probe.spec())).await;
        let never = |probe: &Probe| probe.script().launch(|_| std::future::pending()).spec();
        let launching = asked(sessions.start_session("launching", never(&probe))).await;
        let hangs = probe.script().pre_start(|_, _| std::future::pending());
        let in_pre_start = asked(sessions.start_session("in_pre_start", hangs.spec())).await;
        probe.until(|tally| tally.starts == 3).await;

        let began = Instant::now();
        let stop = ending.begin(&sessions).await;
        for start in [queued, launching, in_pre_start] {
            let answer = start.await.unwrap();
            assert!(
                matches!(answer, Err(StartError::SupervisorDown)),
                "{answer:?}"
            );
        }
        let late = sessions.start_session("late", probe.spec()).await;
        assert!(matches!(late, Err(StartError::SupervisorDown)), "{late:?}");
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert_eq!(stop_session.await.unwrap(), Ok(Exit::Shutdown));
        died(&sessions.get_cell()).await;
        if let Some(stop) = stop {
            stop.await.unwrap().unwrap();
        }
        for id in ["busy", "launching", "in_pre_start", "late"] {
            assert!(name_is_free(&sessions, id), "{id}");
        }
        assert_eq!((probe.starts(), probe.alive()), (3, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn row_105_a_link_that_ractor_refuses_counts_as_cancelled() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    // The root is draining before this session can be linked to it.
    let script = probe.script().pre_start(|start, _| async move {
        sessions_of(&start).get_cell().drain()?;
        Ok(())
    });
    let answer = sessions.start_session("a", script.spec()).await;
    assert!(
        matches!(answer, Err(StartError::SupervisorDown)),
        "{answer:?}"
    );
    died(&sessions.get_cell()).await;
    assert!(name_is_free(&sessions, "a"));
    assert_eq!((probe.starts(), probe.alive()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_105_a_success_that_comes_too_late_is_stopped() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (open, closed) = std::sync::mpsc::channel::<()>();
    let closed = std::sync::Mutex::new(closed);
    let closed = std::sync::Arc::new(closed);
    let noted = probe.clone();
    // It blocks its thread, so it cannot be cancelled.
    let script = probe.script().pre_start(move |_, _| {
        let (closed, noted) = (closed.clone(), noted.clone());
        async move {
            noted.note("blocks");
            drop(closed.lock().map(|closed| closed.recv()));
            Ok(())
        }
    });
    let start = asked(sessions.start_session("a", script.spec())).await;
    probe.until(|tally| !tally.notes.is_empty()).await;
    let stop = asked(sessions.stop()).await;
    let answer = start.await.unwrap();
    assert!(
        matches!(answer, Err(StartError::SupervisorDown)),
        "{answer:?}"
    );
    assert!(!stop.is_finished(), "the launch is still there");
    drop(open);
    let report = stop.await.unwrap().unwrap();
    assert_eq!(report.stopped + report.killed + report.not_running, 1);
    assert!(name_is_free(&sessions, "a"));
    assert_eq!((probe.starts(), probe.alive()), (1, 0));
}
