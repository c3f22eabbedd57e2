//! What supervisors and applications tell when they are asked.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::error::{ErrorKind, StopError};
use session_supervisor::{
    Application, Broadcast, ChildKind, ChildState, Drain, DrainOutcome, DrainProgress, EndCause,
    Exit, Options, SessionState, SessionSupervisor, ShutdownReport, Signal, Stats, Supervisor,
    TreeKind, TreePlace, TreeSpec, TreeState, Unseen,
};

use crate::{Shown, chat};

/// What a supervisor of sessions tells: one that runs, and one that is parked.
pub(crate) async fn of_sessions(shown: &mut Shown) {
    let options = Options::new()
        .name("chats")
        .session_restart_limit(0, Duration::from_secs(5))
        .without_park_trial()
        .quota(|id| Some(id.split_once('/')?.0.to_owned()), 5);
    let sessions = SessionSupervisor::start(options).await.unwrap();
    let alice = chat().label("Alice").claim("project", "/home/alice");
    let alice = sessions.start_session("acme/alice", alice).await.unwrap();
    sessions.start_session("acme/bob", chat()).await.unwrap();
    alice.cast(()).unwrap();
    alice.get_cell().wait(None).await.unwrap();
    let page = sessions.list_page(None, 1).await.unwrap();
    let parked = sessions.session_info("acme/alice").await.unwrap().unwrap();
    assert_eq!(parked.state, SessionState::Parked);
    shown.add("SessionId", &parked.id);
    shown.add(
        "SessionInfo",
        &[
            sessions.session_info("acme/bob").await.unwrap().unwrap(),
            parked,
        ],
    );
    shown.add("SessionPage", &page);
    shown.add("Counts", &sessions.count_sessions().await.unwrap());
    shown.add("GroupCount", &sessions.groups().await.unwrap()[0]);
    shown.add("Tree", &sessions.tree().await.unwrap());
    shown.add(
        "Dossier",
        &sessions.dossier("acme/alice").await.unwrap().unwrap(),
    );
    shown.add(
        "Explanation",
        &sessions.explain("acme/bob").await.unwrap().unwrap(),
    );
    let mut stopped = sessions
        .stop_where(|info| info.id == "acme/bob")
        .await
        .unwrap();
    stopped.push(stopped[0].clone());
    stopped[1].id = "eve".parse().unwrap();
    stopped[1].end = Err(StopError::Stuck);
    shown.add("Stopped", &stopped);
    let mut sent = Broadcast::default();
    (sent.sent, sent.refused) = (7, 1);
    shown.add("Broadcast", &sent);
    let mut report = sessions
        .drain(Drain::within(Duration::from_secs(9)))
        .await
        .unwrap();
    report.sessions[0].took = Duration::from_millis(1_500);
    report.summary.took = Duration::from_millis(1_500);
    shown.add("DrainReport", &report);
}

/// What a static supervisor tells.
pub(crate) async fn of_children(shown: &mut Shown) {
    let tree = TreeSpec::one_for_one()
        .name("app")
        .child("listener", chat().label("port 80"))
        .child_on_demand("printer", chat());
    let app = Supervisor::start(tree).await.unwrap();
    shown.add("ChildInfo", &app.which_children().await.unwrap());
    app.stop().await.unwrap();
}

/// What is made of parts.
pub(crate) fn of_parts(shown: &mut Shown) {
    let mut report = ShutdownReport::default();
    (report.stopped, report.failed, report.killed) = (95, 1, 2);
    (report.stuck, report.not_running) = (0, 3);
    report.took = Duration::from_millis(1_500);
    shown.add("ShutdownReport", &report);
    let mut stats = Stats::default();
    (stats.sessions.specs, stats.sessions.active) = (2, 2);
    (stats.starts.started, stats.starts.timed_out) = (7, 1);
    (stats.exits.shutdown, stats.exits.failed) = (4, 1);
    (stats.restarts, stats.rejected.max_sessions) = (1, 3);
    shown.add("Stats", &stats);
    let mut progress = DrainProgress::default();
    (
        progress.sessions,
        progress.waiting,
        progress.ending,
        progress.ended,
    ) = (10, 5, 3, 2);
    shown.add("DrainProgress", &progress);
    let cause = Arc::new("out of paper".into());
    shown.all(
        "Exit",
        &[
            Exit::Normal { reason: None },
            Exit::Normal {
                reason: Some("done".to_owned()),
            },
            Exit::Shutdown,
            Exit::Killed,
            Exit::Failed { cause },
            Exit::NotRunning,
        ],
    );
    shown.all(
        "EndCause",
        &[
            EndCause::Signal(Signal::Interrupt),
            EndCause::Signal(Signal::Terminate),
            EndCause::Signal(Signal::Hangup),
            EndCause::Stopped,
            EndCause::Escalated,
            EndCause::Killed,
            EndCause::Interrupted,
            EndCause::Overdue,
        ],
    );
    shown.all(
        "SessionState",
        &[
            SessionState::Starting,
            SessionState::Running,
            SessionState::Restarting,
            SessionState::Stopping,
            SessionState::Parked,
            SessionState::Stuck,
        ],
    );
    shown.all(
        "ChildState",
        &[
            ChildState::Starting,
            ChildState::Running,
            ChildState::Restarting,
            ChildState::Stopping,
            ChildState::NotRunning,
            ChildState::Stuck,
        ],
    );
    shown.all("ChildKind", &[ChildKind::Worker, ChildKind::Supervisor]);
    shown.all(
        "DrainOutcome",
        &[
            DrainOutcome::Stopped,
            DrainOutcome::Failed,
            DrainOutcome::Killed,
            DrainOutcome::Stuck,
            DrainOutcome::NotRunning,
        ],
    );
    shown.all(
        "TreePlace",
        &[TreePlace::Top, TreePlace::Session, TreePlace::Child],
    );
    shown.all(
        "TreeKind",
        &[
            TreeKind::Actor,
            TreeKind::Supervisor,
            TreeKind::SessionSupervisor,
        ],
    );
    shown.all(
        "TreeState",
        &[
            TreeState::Starting,
            TreeState::Running,
            TreeState::Restarting,
            TreeState::Stopping,
            TreeState::NotRunning,
            TreeState::Parked,
            TreeState::Stuck,
        ],
    );
    shown.all(
        "Unseen",
        &[Unseen::Ended, Unseen::NoAnswer, Unseen::LeftOut],
    );
    shown.all(
        "ErrorKind",
        &[
            ErrorKind::InvalidInput,
            ErrorKind::NotFound,
            ErrorKind::AlreadyExists,
            ErrorKind::WrongMessageType,
            ErrorKind::NameTaken,
            ErrorKind::ClaimTaken,
            ErrorKind::Ignored,
            ErrorKind::Failed,
            ErrorKind::TimedOut,
            ErrorKind::Parked,
            ErrorKind::LimitReached,
            ErrorKind::Rejected,
            ErrorKind::Busy,
            ErrorKind::Stopped,
            ErrorKind::Stuck,
            ErrorKind::Unanswered,
            ErrorKind::Lagged,
            ErrorKind::Nothing,
            ErrorKind::Superseded,
            ErrorKind::Draining,
            ErrorKind::SupervisorDown,
        ],
    );
}

/// How an application ended.
pub(crate) async fn of_an_application(shown: &mut Shown) {
    let application = Application::new(Options::new().name("rooms"));
    let mut ended = application
        .name("program")
        .start()
        .await
        .unwrap()
        .stop()
        .await;
    if let Some(report) = &mut ended.report {
        report.took = Duration::from_millis(1_500);
    }
    shown.add("Ended", &ended);
}
