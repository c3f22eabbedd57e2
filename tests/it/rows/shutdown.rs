//! How sessions are stopped when their supervisor stops, and what a kill leaves.

use std::time::Duration;

use ractor::ActorRef;
use session_supervisor::error::{StartError, StopError};
use session_supervisor::{Exit, Options, Restart, SessionState, SessionSupervisor, Shutdown};
use tokio::time::Instant;

use super::ways::{HOUR, Way, info, ms};
use crate::support::{Order, Probe, asked, back, died, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

const SECOND: Duration = Duration::from_secs(1);

/// A running session whose handler never ends.
async fn hanging(
    sessions: &SessionSupervisor,
    id: &str,
    probe: &Probe,
    shutdown: Shutdown,
) -> ActorRef<Order> {
    let spec = probe.spec().shutdown(shutdown);
    let session = sessions.start_session(id, spec).await.unwrap();
    let (note, text) = (probe.clone(), format!("{id} hangs"));
    let noted = text.clone();
    let hang = Order::run(move |_| async move {
        note.note(noted);
        std::future::pending().await
    });
    session.cast(hang).unwrap();
    probe.until(|tally| tally.notes.contains(&text)).await;
    session
}

#[tokio::test(start_paused = true)]
async fn row_087_brutally_killed_sessions_run_no_post_stop() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut cells = Vec::new();
    for n in 0..10 {
        let spec = probe.spec().shutdown(Shutdown::BrutalKill);
        let session = sessions
            .start_session(&format!("s{n}"), spec)
            .await
            .unwrap();
        cells.push(session.get_cell());
    }
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.killed, report.stopped), (10, 0));
    assert_eq!((probe.stops(), probe.alive()), (0, 0));
    for cell in cells {
        assert_eq!(cell.get_status(), ractor::ActorStatus::Stopped);
    }
}

#[tokio::test(start_paused = true)]
async fn row_088_infinity_waits_as_long_as_it_takes() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let slow = probe.slow_to_stop(SECOND * 30).shutdown(Shutdown::Infinity);
    sessions.start_session("a", slow).await.unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!(
        (report.stopped, report.killed, report.took),
        (1, 0, SECOND * 30)
    );
    assert_eq!(probe.stops(), 1);
}

#[tokio::test(start_paused = true)]
async fn row_089_a_session_that_fails_in_its_post_stop_is_counted_so_and_holds_up_nobody() {
    for shutdown in [Shutdown::Infinity, Shutdown::Timeout(SECOND)] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let errs = probe
            .script()
            .post_stop(|_, _| async { Err("cannot tidy up".into()) });
        let panics = probe
            .script()
            .post_stop(|_, _| async { panic!("cannot tidy up") });
        sessions
            .start_session("errs", errs.spec().shutdown(shutdown))
            .await
            .unwrap();
        sessions
            .start_session("panics", panics.spec().shutdown(shutdown))
            .await
            .unwrap();
        sessions
            .start_session("fine", probe.spec().shutdown(shutdown))
            .await
            .unwrap();
        let report = sessions.stop().await.unwrap();
        assert_eq!((report.failed, report.stopped, report.killed), (2, 1, 0));
        assert_eq!((probe.stops(), probe.alive(), probe.starts()), (1, 0, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn row_090_a_session_that_ends_within_its_grace_is_not_killed() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe
        .slow_to_stop(ms(999))
        .shutdown(Shutdown::Timeout(SECOND));
    sessions.start_session("a", spec).await.unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed, probe.stops()), (1, 0, 1));
}

#[tokio::test(start_paused = true)]
async fn row_091_a_grace_that_runs_out_kills_that_session_alone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let grace = Shutdown::Timeout(SECOND);
    hanging(&sessions, "in a handler", &probe, grace).await;
    let stuck = probe.slow_to_stop(HOUR).shutdown(grace);
    sessions.start_session("in post_stop", stuck).await.unwrap();
    sessions
        .start_session("fine", probe.spec().shutdown(grace))
        .await
        .unwrap();
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed, report.took), (1, 2, SECOND));
    assert_eq!(probe.tally().stopped, ["fine"]);
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn row_092_no_grace_and_a_tiny_one_are_legal() {
    for grace in [Duration::ZERO, ms(1)] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        hanging(&sessions, "a", &probe, Shutdown::Timeout(grace)).await;
        let began = Instant::now();
        assert_eq!(sessions.stop_session("a").await, Ok(Exit::Killed));
        assert_eq!(began.elapsed(), grace);
        sessions.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn row_093_a_permanent_session_that_ends_as_the_supervisor_stops_stays_ended() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let slow = probe.slow_to_stop(SECOND);
    sessions.start_session("slow", slow).await.unwrap();
    let spec = probe.spec().restart(Restart::Permanent);
    let session = sessions.start_session("a", spec).await.unwrap();
    session.stop(None);
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.failed, report.killed), (0, 0));
    tokio::time::sleep(HOUR).await;
    assert_eq!((probe.starts(), probe.alive()), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn row_094_each_session_is_ended_by_its_own_rule() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let patient = probe.slow_to_stop(SECOND * 9).shutdown(Shutdown::Infinity);
    sessions.start_session("patient", patient).await.unwrap();
    let brutal = probe.spec().shutdown(Shutdown::BrutalKill);
    sessions.start_session("brutal", brutal).await.unwrap();
    let stuck = hanging(&sessions, "stuck", &probe, Shutdown::Timeout(SECOND)).await;
    let began = Instant::now();
    let stop = asked(sessions.stop()).await;
    died(&stuck.get_cell()).await;
    assert_eq!(began.elapsed(), SECOND);
    let report = stop.await.unwrap().unwrap();
    assert_eq!(
        (report.stopped, report.killed, report.took),
        (1, 2, SECOND * 9)
    );
    assert_eq!(probe.tally().stopped, ["patient"]);
}

#[tokio::test(start_paused = true)]
async fn row_095_without_a_word_a_session_has_five_seconds() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    let note = probe.clone();
    let hang = Order::run(move |_| async move {
        note.note("hangs");
        std::future::pending().await
    });
    session.cast(hang).unwrap();
    probe.until(|tally| !tally.notes.is_empty()).await;
    let began = Instant::now();
    assert_eq!(sessions.stop_session("a").await, Ok(Exit::Killed));
    assert_eq!(began.elapsed(), SECOND * 5);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_097_sessions_that_end_by_themselves_meanwhile_do_not_disturb_the_stop() {
    for kind in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        for way in [Way::Stop, Way::StopFor("done"), Way::Error] {
            let sessions = supervisor(Options::new()).await;
            let probe = Probe::default();
            sessions
                .start_session("slow", probe.slow_to_stop(SECOND))
                .await
                .unwrap();
            let spec = probe.slow_to_stop(ms(100)).restart(kind);
            let session = sessions.start_session("a", spec).await.unwrap();
            let stop = asked(sessions.stop()).await;
            match way {
                Way::Error => drop(session.cast(Order::Crash)),
                _ => session.stop(Some("by itself".to_owned())),
            }
            stop.await.unwrap().unwrap();
            tokio::time::sleep(HOUR).await;
            assert_eq!((probe.starts(), probe.alive()), (2, 0), "{kind:?} {way:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_218_a_session_that_survives_its_kill_is_a_zombie_until_it_ends() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = probe.spec().shutdown(Shutdown::BrutalKill);
    let stuck = sessions.start_session("a", spec).await.unwrap();
    let other = sessions.start_session("other", probe.spec()).await.unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let note = probe.clone();
    let block = Order::run(move |_| async move {
        note.note("blocked");
        released.recv().ok();
        Ok(())
    });
    stuck.cast(block).unwrap();
    probe.until(|tally| !tally.notes.is_empty()).await;
    // The kill bound passes in real time, since the thread is really blocked.
    assert_eq!(sessions.stop_session("a").await, Err(StopError::Zombie));
    assert_eq!(sessions.stop_session("a").await, Err(StopError::Zombie));
    let start = sessions.start_session("a", probe.spec()).await;
    assert!(matches!(start, Err(StartError::Zombie)), "{start:?}");
    assert_eq!(info(&sessions, "a").await.state, SessionState::Zombie);
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.zombies, counts.active, counts.specs), (1, 1, 2));
    assert_eq!(ractor::call!(other, Order::Echo, 4).unwrap(), 4);
    drop(release);
    died(&stuck.get_cell()).await;
    while sessions.count_sessions().await.unwrap().zombies > 0 {
        tokio::task::yield_now().await;
    }
    sessions
        .start_session("a", probe.spec())
        .await
        .expect("the id is free");
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn row_231_a_state_that_panics_in_its_drop_hurts_nobody() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let bomb = || {
        probe
            .script()
            .on_drop(|_| panic!("the state panics in its drop"))
    };
    for way in [Way::Stop, Way::Error, Way::Panic, Way::Kill] {
        let session = sessions.start_session("a", bomb().spec()).await.unwrap();
        way.end(&session).await;
        if matches!(way, Way::Stop) {
            assert!(!sessions.session_running("a"));
        } else {
            let again = back(&sessions, "a").await;
            assert_ne!(again.get_id(), session.get_id(), "{way:?}");
            sessions.stop_session("a").await.unwrap();
        }
    }
    sessions.start_session("b", bomb().spec()).await.unwrap();
    sessions.restart_session("b").await.unwrap();
    assert_eq!(sessions.count_sessions().await.unwrap().active, 1);
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.failed), (1, 0));
    assert_eq!(probe.alive(), 0);
}

/// Two dead sessions lie unread in the root's event port when the root ends: without a guard around the
/// state the second panic ends the process. Run as a child process by the test below.
#[tokio::test]
async fn two_bombs_in_the_port_of_an_ending_root() {
    let Ok(ending) = std::env::var("TWO_BOMBS") else {
        return;
    };
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut all = Vec::new();
    for id in ["a", "b", "c"] {
        let spec = probe
            .script()
            .on_drop(|_| panic!("the state panics in its drop"));
        let spec = spec.spec().restart(Restart::Temporary);
        all.push(sessions.start_session(id, spec).await.unwrap());
    }
    // Nothing awaits in between, so the root reads none of it before its own end.
    for session in &all {
        match ending.as_str() {
            "stop" => session.stop(None),
            _ => session.kill(),
        }
    }
    match ending.as_str() {
        "stop" => sessions.get_cell().stop(None),
        _ => sessions.get_cell().kill(),
    }
    died(&sessions.get_cell()).await;
    for session in &all {
        died(&session.get_cell()).await;
    }
    probe.until(|tally| tally.alive == 0).await;
    println!("survived");
}

#[test]
fn row_231_two_such_states_in_the_port_of_an_ending_root_do_not_end_the_process() {
    for ending in ["stop", "kill"] {
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--nocapture"])
            .arg("rows::shutdown::two_bombs_in_the_port_of_an_ending_root")
            .env("TWO_BOMBS", ending)
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && printed.contains("survived"),
            "{ending}: {output:?}"
        );
    }
}
