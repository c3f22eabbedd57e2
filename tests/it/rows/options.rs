//! The options of a supervisor, and its start.

use std::time::Duration;

use ractor::registry;
use session_supervisor::error::{StartError, StartSupervisorError};
use session_supervisor::{Backoff, Options, Restart, SessionSupervisor};
use tokio::time::Instant;
use tracing::Level;

use super::ways::{WINDOW, crash, crash_and_back, reason, with_parent};
use crate::support::{Parent, Probe, back, died, end, supervisor};
use crate::traces::Capture;

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

#[tokio::test(start_paused = true)]
async fn row_001_otps_options_are_three_restarts_in_five_seconds_for_all_together() {
    let sessions = supervisor(Options::otp()).await;
    let probe = Probe::default();
    let spec = probe.spec().restart(Restart::Permanent);
    for n in 0..1_000 {
        let id = format!("s{n}");
        sessions.start_session(&id, spec.clone()).await.unwrap();
    }
    for id in ["s1", "s2", "s3"] {
        crash_and_back(&sessions, id).await;
    }
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.specs, counts.active), (1_000, 1_000));
    let root = sessions.get_cell();
    crash(&sessions, "s4").await;
    died(&root).await;
    assert_eq!(probe.alive(), 0);

    // No session limit of its own: one session may use up all three.
    let sessions = supervisor(Options::otp()).await;
    let spec = probe.spec().restart(Restart::Permanent);
    sessions.start_session("a", spec).await.unwrap();
    for _ in 0..3 {
        crash_and_back(&sessions, "a").await;
    }
    let root = sessions.get_cell();
    crash(&sessions, "a").await;
    died(&root).await;

    // The defaults of a spec stay: without a word a session is transient.
    let sessions = supervisor(Options::otp()).await;
    let session = sessions.start_session("a", probe.spec()).await.unwrap();
    session.stop(None);
    died(&session.get_cell()).await;
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
}

/// The pauses before the restarts of a spec without a word of its own.
async fn pauses(options: Options) -> Vec<Duration> {
    let sessions = supervisor(options).await;
    let spec = Probe::default().script().spec_as_it_comes();
    let spec = spec.restart_limit(4, WINDOW);
    sessions.start_session("a", spec).await.unwrap();
    let mut pauses = Vec::new();
    for _ in 0..3 {
        let ended = Instant::now();
        crash_and_back(&sessions, "a").await;
        pauses.push(ended.elapsed());
    }
    pauses
}

#[tokio::test(start_paused = true)]
async fn otps_restarts_have_no_pause_and_the_defaults_grow_fourfold() {
    let [none, ten, forty] = [0, 10, 40].map(Duration::from_millis);
    assert_eq!(pauses(Options::otp()).await, [none; 3]);
    let default = pauses(Options::new()).await;
    for (pause, least) in default.iter().zip([none, ten, forty]) {
        // A timer fires at the next millisecond.
        let range = least..=least + Duration::from_millis(if least == none { 0 } else { 1 });
        assert!(range.contains(pause), "{default:?}");
    }
    // A spec's own word goes before.
    let sessions = supervisor(Options::otp()).await;
    let spec = Probe::default().script().spec_as_it_comes();
    let own = spec.backoff(Backoff::constant(Duration::from_secs(1)));
    sessions.start_session("a", own).await.unwrap();
    let ended = Instant::now();
    crash_and_back(&sessions, "a").await;
    assert!(ended.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn row_003_a_window_of_zero_is_refused_and_zero_restarts_are_legal() {
    for (options, field) in [
        (
            Options::new().session_restart_limit(3, Duration::ZERO),
            "session_restart_limit.window",
        ),
        (
            Options::new().total_restart_limit(3, Duration::ZERO),
            "total_restart_limit.window",
        ),
    ] {
        let error = SessionSupervisor::start(options.unique_name()).await;
        let Err(StartSupervisorError::InvalidOptions(invalid)) = error else {
            panic!("{error:?}");
        };
        assert_eq!((invalid.field, invalid.value.as_str()), (field, "0ns"));
    }
    let options = Options::new()
        .session_restart_limit(0, Duration::MAX)
        .max_sessions(1);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let zero = probe.spec().restart_limit(3, Duration::ZERO);
    let error = sessions.start_session("a", zero).await;
    assert!(
        matches!(&error, Err(StartError::InvalidSpec(invalid)) if invalid.field == "restart_limit.window"),
        "{error:?}"
    );
    assert_eq!(probe.starts(), 0);
    // The first crash is the fatal one of a limit of zero, and it parks that session alone.
    sessions.start_session("a", probe.spec()).await.unwrap();
    crash(&sessions, "a").await;
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.parked, counts.active), (1, 0));
    sessions.stop_session("a").await.unwrap();

    let longest = probe.spec().restart_limit(u32::MAX, Duration::MAX);
    let longest = longest.start_timeout(Duration::MAX);
    let session = sessions.start_session("a", longest).await.unwrap();
    end(&session, crate::support::Order::Crash).await;
    back(&sessions, "a").await;
    sessions.stop().await.unwrap();

    let none = supervisor(Options::new().max_sessions(0)).await;
    let full = none.start_session("a", probe.spec()).await;
    assert!(
        matches!(full, Err(StartError::MaxSessions { max: 0 })),
        "{full:?}"
    );
    none.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_004_invalid_options_leave_the_name_free_and_no_process() {
    let name = "row_004";
    let invalid = Options::new()
        .name(name)
        .total_restart_limit(1, Duration::ZERO);
    let error = SessionSupervisor::start(invalid).await;
    assert!(matches!(
        error,
        Err(StartSupervisorError::InvalidOptions(_))
    ));
    assert!(registry::where_is(name).is_none());
    assert!(SessionSupervisor::where_is(name).is_none());
    let sessions = SessionSupervisor::start(Options::new().name(name))
        .await
        .unwrap();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_006_a_start_under_a_parent_that_is_stopping_fails_and_affects_no_other() {
    let probe = Probe::default();
    let (parent, _) = Parent::start(&probe).await;
    // A stop that has not been carried out yet refuses no link; one that is under way does.
    parent.stop_and_wait(None, None).await.unwrap();
    let name = "row_006";
    let options = Options::new().name(name);
    let error = SessionSupervisor::start_link(parent.get_cell(), options).await;
    assert!(
        matches!(error, Err(StartSupervisorError::Failed { .. })),
        "{error:?}"
    );
    assert!(registry::where_is(name).is_none());
    assert!(probe.notes().is_empty(), "the parent was told nothing");
    let sessions = SessionSupervisor::start(Options::new().name(name))
        .await
        .unwrap();
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_008_a_named_supervisor_under_a_parent_is_linked_found_and_stopped_by_name() {
    let probe = Probe::default();
    let (parent, _) = Parent::start(&probe).await;
    let options = Options::new().name("row_008");
    let started = SessionSupervisor::start_link(parent.get_cell(), options)
        .await
        .unwrap();
    let root = started.get_cell();
    let above = root.try_get_supervisor().expect("it is linked");
    assert_eq!(above.get_id(), parent.get_id());
    assert!(
        parent
            .get_children()
            .iter()
            .any(|child| child.get_id() == root.get_id())
    );
    let named = registry::where_is("row_008").expect("it is registered");
    assert_eq!(named.get_id(), root.get_id());
    let found = SessionSupervisor::where_is("row_008").expect("it is found");
    found.stop().await.unwrap();
    assert!(registry::where_is("row_008").is_none());
    assert_eq!(reason(&probe).await, session_supervisor::reason::SHUTDOWN);
}

#[tokio::test(start_paused = true)]
async fn row_012_a_second_supervisor_of_a_name_is_refused_and_the_first_goes_on() {
    let probe = Probe::default();
    let first = SessionSupervisor::start(Options::new().name("row_012"))
        .await
        .unwrap();
    let alice = first.start_session("alice", probe.spec()).await.unwrap();
    let error = SessionSupervisor::start(Options::new().name("row_012")).await;
    let Err(StartSupervisorError::NameTaken { name, cell }) = error else {
        panic!("{error:?}");
    };
    assert_eq!(name, "row_012");
    assert_eq!(
        cell.expect("it still runs").get_id(),
        first.get_cell().get_id()
    );
    let found = SessionSupervisor::where_is("row_012").expect("the first");
    assert_eq!(found.get_cell().get_id(), first.get_cell().get_id());
    assert_eq!(
        first.find_session("alice").unwrap().get_id(),
        alice.get_id()
    );
    first.stop().await.unwrap();
}

/// The parent probe of `ways` tells how a supervisor ends; here that a healthy one tells nothing.
#[tokio::test(start_paused = true)]
async fn a_parent_gets_no_event_of_sessions_that_crash_and_come_back() {
    let (sessions, parent) = with_parent(Options::new()).await;
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    crash_and_back(&sessions, "a").await;
    tokio::time::sleep(WINDOW).await;
    assert!(parent.notes().is_empty());
    sessions.stop().await.unwrap();
    assert_eq!(reason(&parent).await, session_supervisor::reason::SHUTDOWN);
}

#[tokio::test(start_paused = true)]
async fn row_133_what_went_wrong_is_reported_and_what_ended_well_is_not() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for (id, kind) in [("a", Restart::Transient), ("b", Restart::Temporary)] {
        let spec = probe.spec().restart(kind);
        let session = sessions.start_session(id, spec).await.unwrap();
        session.stop(None);
        died(&session.get_cell()).await;
    }
    assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    capture.caught_up().await;
    assert_eq!(capture.from(Level::INFO), ["session supervisor started"]);

    let session = sessions.start_session("c", probe.spec()).await.unwrap();
    end(&session, crate::support::Order::Crash).await;
    back(&sessions, "c").await;
    sessions.stop().await.unwrap();
    let reported = &capture.of("session ended abnormally")[0];
    assert_eq!(reported.level, Level::WARN);
    assert_eq!(reported.field("supervisor"), sessions.name());
    assert_eq!(
        (reported.field("session"), reported.field("incarnation")),
        ("c", "1")
    );
    assert!(reported.field("reason").contains("told to crash"));
}
