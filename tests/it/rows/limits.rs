//! Restart limits of all sessions together, what is counted, and what happens when one is used up.

use std::path::Path;
use std::time::SystemTime;

use ractor::ActorStatus;
use session_supervisor::error::{StartError, StopError};
use session_supervisor::reason::RESTART_LIMIT_REACHED;
use session_supervisor::{
    Exit, OnRestartLimit, Options, Restart, SessionState, SessionSupervisor, Shutdown,
};
use tokio::time::{Instant, advance};

use super::ways::{
    HOUR, WINDOW, Way, crash, crash_and_back, info, ms, reason, running, with_parent,
};
use crate::support::{Order, Probe, died, end, supervisor};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

async fn is_up(sessions: &SessionSupervisor) -> bool {
    sessions.count_sessions().await.is_ok()
}

async fn start(sessions: &SessionSupervisor, probe: &Probe, ids: &[&str]) {
    for id in ids {
        let spec = probe.spec().restart(Restart::Permanent);
        sessions.start_session(id, spec).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn row_044_one_restart_above_the_limit_ends_the_supervisor() {
    let (sessions, parent) = with_parent(Options::otp()).await;
    let probe = Probe::default();
    start(&sessions, &probe, &["a"]).await;
    for _ in 0..3 {
        crash_and_back(&sessions, "a").await;
    }
    crash(&sessions, "a").await;
    assert_eq!(reason(&parent).await, RESTART_LIMIT_REACHED);
    assert_eq!(probe.starts(), 4, "the fourth restart is not made");
    assert!(sessions.list_sessions().await.is_err());
    assert!(sessions.count_sessions().await.is_err());
    let started = sessions.start_session("b", probe.spec()).await;
    assert!(matches!(started, Err(StartError::SupervisorDown)));
    assert_eq!(
        sessions.stop_session("a").await,
        Err(StopError::SupervisorDown)
    );
    assert!(sessions.stop().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn row_045_as_many_restarts_as_the_limit_says_are_all_made() {
    let sessions = supervisor(Options::otp()).await;
    let probe = Probe::default();
    start(&sessions, &probe, &["a"]).await;
    for made in 1..=3 {
        crash_and_back(&sessions, "a").await;
        assert_eq!(info(&sessions, "a").await.restarts, made);
    }
    tokio::time::sleep(ms(4_999)).await;
    assert!(is_up(&sessions).await);
    crash(&sessions, "a").await;
    died(&sessions.get_cell()).await;
    assert!(!is_up(&sessions).await);
}

#[tokio::test(start_paused = true)]
async fn row_046_with_a_limit_of_zero_the_first_restart_ends_the_supervisor() {
    let options = Options::otp().total_restart_limit(0, WINDOW);
    let (sessions, parent) = with_parent(options).await;
    let probe = Probe::default();
    let temporary = probe.spec().restart(Restart::Temporary);
    sessions.start_session("t", temporary).await.unwrap();
    start(&sessions, &probe, &["a"]).await;
    crash(&sessions, "t").await;
    tokio::time::sleep(HOUR).await;
    assert!(is_up(&sessions).await);
    crash(&sessions, "a").await;
    assert_eq!(reason(&parent).await, RESTART_LIMIT_REACHED);
    assert_eq!(probe.starts(), 2);
}

#[tokio::test(start_paused = true)]
async fn row_047_the_restarts_of_all_sessions_are_counted_together() {
    let sessions = supervisor(Options::otp()).await;
    let probe = Probe::default();
    start(&sessions, &probe, &["a", "b", "c", "d"]).await;
    for id in ["a", "b", "c"] {
        crash_and_back(&sessions, id).await;
    }
    crash(&sessions, "d").await;
    died(&sessions.get_cell()).await;
    assert!(!is_up(&sessions).await);

    let sessions = supervisor(Options::new()).await;
    start(&sessions, &probe, &["a", "b", "c", "d"]).await;
    for _ in 0..3 {
        for id in ["a", "b", "c", "d"] {
            crash_and_back(&sessions, id).await;
        }
    }
    assert_eq!(sessions.count_sessions().await.unwrap().active, 4);
}

/// One restart within the window, for a session and for all of them.
fn one_each() -> [Options; 2] {
    [
        Options::new().session_restart_limit(1, WINDOW),
        Options::otp().total_restart_limit(1, WINDOW),
    ]
}

/// Whether a limit refused the restart of the session: it was parked, or the supervisor ended.
async fn refused(sessions: &SessionSupervisor, id: &str) -> bool {
    match sessions.session_info(id).await {
        Ok(Some(info)) => info.state == SessionState::Parked,
        Ok(None) => panic!("session {id} is gone"),
        Err(_) => true,
    }
}

#[tokio::test(start_paused = true)]
async fn row_048_restarts_wider_apart_than_the_window_never_add_up() {
    for options in one_each() {
        let sessions = supervisor(options).await;
        let probe = Probe::default();
        start(&sessions, &probe, &["a"]).await;
        for _ in 0..20 {
            crash_and_back(&sessions, "a").await;
            assert!(!refused(&sessions, "a").await);
            advance(WINDOW + ms(1)).await;
        }
        assert_eq!(info(&sessions, "a").await.restarts, 20);
        crash_and_back(&sessions, "a").await;
        crash(&sessions, "a").await;
        assert!(refused(&sessions, "a").await, "two at once are too many");
    }
}

#[tokio::test(start_paused = true)]
async fn row_049_a_restart_exactly_one_window_old_still_counts() {
    for (later, counts) in [(WINDOW, true), (WINDOW + ms(1), false)] {
        for options in one_each() {
            let sessions = supervisor(options).await;
            let probe = Probe::default();
            start(&sessions, &probe, &["a"]).await;
            crash_and_back(&sessions, "a").await;
            advance(later).await;
            crash(&sessions, "a").await;
            assert_eq!(refused(&sessions, "a").await, counts, "{later:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn row_050_an_exit_without_a_restart_is_not_counted() {
    let options = Options::new()
        .session_restart_limit(0, WINDOW)
        .total_restart_limit(0, WINDOW);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let ignored = probe.script().launch(|_| async { Ok(false) }).spec();
    let unmade = probe.script().launch(|_| async { Err("unmade".into()) });
    let unstarted = probe
        .script()
        .pre_start(|_, _| async { Err("unstarted".into()) });
    let (unmade, unstarted) = (unmade.spec(), unstarted.spec());
    for _ in 0..50 {
        for way in Way::ABNORMAL {
            let spec = probe.spec().restart(Restart::Temporary);
            let session = sessions.start_session("b", spec).await.unwrap();
            way.end(&session).await;
        }
        for way in [Way::Stop, Way::Drain] {
            let session = sessions.start_session("b", probe.spec()).await.unwrap();
            way.end(&session).await;
        }
        let permanent = probe.spec().restart(Restart::Permanent);
        sessions.start_session("b", permanent).await.unwrap();
        let stopped = sessions.stop_session("b").await;
        assert_eq!(stopped, Ok(Exit::Shutdown));
        let first = sessions.start_session("b", ignored.clone()).await;
        assert!(matches!(first, Err(StartError::Ignored)), "{first:?}");
        for spec in [&unmade, &unstarted] {
            let first = sessions.start_session("b", spec.clone()).await;
            assert!(matches!(first, Err(StartError::Failed { .. })), "{first:?}");
        }
        sessions.restart_session("a").await.unwrap();
    }
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active, counts.parked), (1, 1, 0));
    assert_eq!(info(&sessions, "a").await.restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn row_050_a_restart_that_is_ignored_was_counted_when_it_was_decided() {
    let sessions = supervisor(Options::otp().total_restart_limit(1, WINDOW)).await;
    let probe = Probe::default();
    let once = probe
        .script()
        .launch(|start| async move { Ok(start.incarnation == 1) });
    sessions.start_session("a", once.spec()).await.unwrap();
    start(&sessions, &probe, &["b"]).await;
    crash(&sessions, "a").await;
    probe.until(|tally| tally.starts == 3).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 1);
    crash(&sessions, "b").await;
    died(&sessions.get_cell()).await;
    assert_eq!(probe.starts(), 3, "the one restart was used up");
}

#[tokio::test(start_paused = true)]
async fn row_051_every_failed_attempt_is_counted() {
    let options = Options::otp().total_restart_limit(10, 2 * WINDOW);
    let (sessions, parent) = with_parent(options).await;
    let probe = Probe::default();
    let script = probe.script().launch(|start| async move {
        if start.incarnation > 1 {
            return Err("fails from the second on".into());
        }
        Ok(true)
    });
    let spec = script.spec().restart(Restart::Permanent);
    let session = sessions.start_session("a", spec).await.unwrap();
    let crashed = Instant::now();
    end(&session, Order::Crash).await;
    assert_eq!(reason(&parent).await, RESTART_LIMIT_REACHED);
    assert_eq!(probe.starts(), 11, "the first start and ten attempts");
    // D7: 10, 40, 160, 640 ms, then a second each.
    assert_eq!(crashed.elapsed(), ms(5_850));
}

/// Both kinds of escalation: the total limit, and a session's own. The session `culprit` trips it.
async fn escalating(probe: &Probe) -> [(SessionSupervisor, Probe); 2] {
    let own = Options::new()
        .session_restart_limit(3, WINDOW)
        .on_restart_limit(OnRestartLimit::Escalate);
    let both = [with_parent(Options::otp()).await, with_parent(own).await];
    for (sessions, _) in &both {
        start(sessions, probe, &["culprit"]).await;
    }
    both
}

async fn trip(sessions: &SessionSupervisor) {
    for _ in 0..3 {
        crash_and_back(sessions, "culprit").await;
    }
    crash(sessions, "culprit").await;
}

#[tokio::test(start_paused = true)]
async fn row_052_an_escalation_stops_the_others_by_their_own_rules_first() {
    let culprit = Probe::default();
    for (sessions, _parent) in escalating(&culprit).await {
        let probe = Probe::default();
        let graceful = probe.slow_to_stop(ms(1_000));
        sessions.start_session("graceful", graceful).await.unwrap();
        let hung = probe.spec().shutdown(Shutdown::Timeout(ms(2_000)));
        let hung = sessions.start_session("hung", hung).await.unwrap();
        hung.cast(Order::Hang).unwrap();
        let brutal = probe.spec().shutdown(Shutdown::BrutalKill);
        sessions.start_session("brutal", brutal).await.unwrap();
        let siblings = ["graceful", "hung", "brutal"].map(|id| sessions.find_session(id).unwrap());
        let began = Instant::now();
        trip(&sessions).await;
        died(&sessions.get_cell()).await;
        for sibling in siblings {
            assert_eq!(sibling.get_status(), ActorStatus::Stopped);
        }
        assert_eq!(probe.tally().stopped, ["graceful"]);
        assert_eq!(probe.alive(), 0);
        assert_eq!(began.elapsed(), ms(2_000));
    }
}

#[tokio::test(start_paused = true)]
async fn row_053_the_parent_of_an_escalation_sees_a_shutdown() {
    assert_eq!(RESTART_LIMIT_REACHED, "shutdown: restart limit reached");
    let culprit = Probe::default();
    for (sessions, parent) in escalating(&culprit).await {
        trip(&sessions).await;
        assert_eq!(reason(&parent).await, RESTART_LIMIT_REACHED);
    }
    // Who stopped the supervisor before it came to stop itself, gave the reason.
    for (sessions, parent) in escalating(&culprit).await {
        let probe = Probe::default();
        let slow = probe.slow_to_stop(ms(1_000));
        sessions.start_session("slow", slow).await.unwrap();
        trip(&sessions).await;
        let counts = sessions.count_sessions().await.unwrap();
        assert_eq!((counts.specs, counts.stopping), (1, 1));
        sessions.get_cell().stop(Some("mine".to_owned()));
        assert_eq!(reason(&parent).await, "mine");
        assert_eq!(probe.stops(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn row_055_a_jump_of_the_wall_clock_changes_no_window() {
    // The supervisor's clock stands, while the wall clock moves on by more than the window.
    for options in [
        Options::new().session_restart_limit(1, ms(1)),
        Options::otp().total_restart_limit(1, ms(1)),
    ] {
        let sessions = supervisor(options).await;
        let probe = Probe::default();
        start(&sessions, &probe, &["a"]).await;
        crash_and_back(&sessions, "a").await;
        let before = SystemTime::now();
        while before.elapsed().is_ok_and(|moved| moved < ms(3)) {
            std::hint::spin_loop();
        }
        crash(&sessions, "a").await;
        assert!(refused(&sessions, "a").await);
    }
    let mut readers = Vec::new();
    clock_readers(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join("src"),
        &mut readers,
    );
    assert_eq!(readers, ["clock.rs"], "one file reads the clock");
}

/// The source files that read a clock.
fn clock_readers(folder: &Path, readers: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            clock_readers(&path, readers);
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("a text");
        // The time of the machine is read once, for people, where the other clock is.
        if text.contains("Instant::now") || text.contains("SystemTime::now") {
            let name = path.file_name().expect("a file").to_string_lossy();
            readers.push(name.into_owned());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn row_056_no_crash_after_the_limit_has_tripped_causes_a_restart() {
    let (sessions, parent) = with_parent(Options::otp()).await;
    let (probe, sibling) = (Probe::default(), Probe::default());
    let slow = sibling.slow_to_stop(ms(1_000));
    sessions.start_session("slow", slow).await.unwrap();
    let cells = crash_at_once(&sessions, &probe).await;
    for cell in cells {
        died(&cell).await;
    }
    tokio::time::sleep(ms(500)).await;
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.stopping), (1, 1), "only the slow one");
    assert_eq!(reason(&parent).await, RESTART_LIMIT_REACHED);
    assert!(probe.starts() <= 53, "{}", probe.starts());
    assert_eq!((sibling.stops(), probe.alive()), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_056_nor_on_several_threads() {
    for _ in 0..10 {
        let (sessions, parent) = with_parent(Options::otp()).await;
        let probe = Probe::default();
        crash_at_once(&sessions, &probe).await;
        assert_eq!(reason(&parent).await, RESTART_LIMIT_REACHED);
        assert!(probe.starts() <= 53, "{}", probe.starts());
        assert_eq!(probe.alive(), 0);
    }
}

/// 50 sessions that all crash, with nothing in between.
async fn crash_at_once(sessions: &SessionSupervisor, probe: &Probe) -> Vec<ractor::ActorCell> {
    let ids: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    for id in &ids {
        start(sessions, probe, &[id]).await;
    }
    let all: Vec<_> = ids.iter().map(|id| running(sessions, id)).collect();
    for session in &all {
        // On several threads the supervisor may have begun to stop the rest already.
        session.cast(Order::Crash).ok();
    }
    all.iter().map(|session| session.get_cell()).collect()
}
