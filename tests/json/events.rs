//! What those are told who follow a supervisor.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::error::StartError;
use session_supervisor::{
    Decision, EndReason, EventKind, ExitCause, Expiry, Kill, Options, Pending, RestartLimit,
    SessionState, SessionSupervisor, ShutdownReport, StartFailure, StopCause,
};

use crate::variants::assert_all;
use crate::{Shown, chat};

/// What those are told who follow a supervisor.
pub(crate) async fn of_the_feed(shown: &mut Shown) {
    let sessions = SessionSupervisor::start(Options::new().name("followed"))
        .await
        .unwrap();
    sessions
        .start_session("alice", chat().label("Alice"))
        .await
        .unwrap();
    let mut events = sessions.subscribe().await.unwrap();
    shown.add("Snapshot", events.snapshot().unwrap());
    sessions.stop_session("alice").await.unwrap();
    shown.add("Event", &events.next().await.unwrap().unwrap());
    let chat = chat().idle_timeout(Duration::from_secs(60));
    sessions.start_session("bob", chat).await.unwrap();
    shown.add("SessionEnd", &sessions.wait_end("bob").await.unwrap());
    sessions.stop().await.unwrap();
}

/// What may have happened, and what may have been decided.
pub(crate) async fn of_events(shown: &mut Shown) {
    let second = Duration::from_secs(1);
    let limit = RestartLimit::new(3, 5 * second).unwrap();
    let restart = Decision::Restart {
        after: Duration::from_millis(250),
        restarts: 7,
        budget_left: Some(2),
        limit: Some(limit),
    };
    let text = |text: &str| -> Arc<str> { text.into() };
    let (state, decision) = (SessionState::Starting, restart);
    shown.all(
        "Decision",
        &[
            Decision::Forget,
            Decision::Nothing,
            restart,
            Decision::RestartWithOthers {
                after: Duration::ZERO,
                restarts: 7,
                budget_left: None,
                limit: None,
                others: 2,
            },
            Decision::WithOthers,
            Decision::RestartByHand,
            Decision::Undecided(Pending::Release),
            Decision::Undecided(Pending::Attempt),
            Decision::Undecided(Pending::Tree),
            Decision::Park {
                until: Some(10 * second),
                limit: Some(limit),
            },
            Decision::Park {
                until: None,
                limit: None,
            },
            Decision::Remove(limit),
            Decision::Escalate(limit),
            Decision::EscalateAll(limit),
        ],
    );
    shown.all(
        "ExitCause",
        &[
            ExitCause::Normal { reason: None },
            ExitCause::Normal {
                reason: Some(text("done")),
            },
            ExitCause::Shutdown,
            ExitCause::Killed,
            ExitCause::Failed {
                error: text("out of paper"),
            },
            ExitCause::NotRunning,
        ],
    );
    shown.all(
        "StartFailure",
        &[
            StartFailure::Failed {
                error: text("out of paper"),
            },
            StartFailure::Ignored,
            StartFailure::NameTaken {
                name: text("chats/session/alice"),
            },
            StartFailure::Cancelled,
            StartFailure::TimedOut {
                timeout: 30 * second,
            },
        ],
    );
    let mut report = ShutdownReport::default();
    report.stopped = 3;
    let causes = [
        StopCause::Requested,
        StopCause::Drained,
        StopCause::Escalated,
        StopCause::Foreign,
        StopCause::Killed,
        StopCause::AutoShutdown,
        StopCause::FailedStart,
    ];
    assert_all("StopCause", &causes);
    let idle = EndReason::Expired(Expiry::Idle(60 * second));
    shown.all(
        "EndReason",
        &[
            EndReason::Itself,
            idle,
            EndReason::Requested,
            EndReason::Supervisor(StopCause::Drained),
            EndReason::Limit(limit),
            EndReason::TotalLimit(limit),
            EndReason::Discarded,
            EndReason::NotStarted,
        ],
    );
    let mut kinds = vec![
        EventKind::Queued { state },
        EventKind::Launching { attempt: 1, state },
        EventKind::Started { took: second },
        EventKind::StartFailed {
            failure: StartFailure::Ignored,
        },
        claim_taken().await,
        EventKind::StartTimedOut {
            timeout: 30 * second,
        },
        EventKind::LaunchCancelled { state },
        EventKind::Exited {
            cause: ExitCause::Killed,
            asked: false,
            uptime: 90 * second,
            decision,
        },
        EventKind::RestartFailed {
            failure: StartFailure::Ignored,
            decision: Decision::Forget,
        },
        EventKind::Decided(Decision::WithOthers),
        EventKind::Withdrawn,
        EventKind::Discarded,
        EventKind::Stopping,
        EventKind::Expired(Expiry::Idle(60 * second)),
        EventKind::Expired(Expiry::Lifetime(60 * second)),
        EventKind::MoreTime(2 * second),
        EventKind::Killing(Kill::ByRule),
        EventKind::Killing(Kill::Grace(5 * second)),
        EventKind::Killing(Kill::Deadline),
        EventKind::Killing(Kill::Turn),
        EventKind::Stuck,
        EventKind::StuckEnded,
        EventKind::Gone(idle),
        EventKind::SupervisorStopped {
            report: Some(report),
        },
        EventKind::SupervisorStopped { report: None },
    ];
    kinds.extend(causes.map(EventKind::SupervisorStopping));
    shown.all("EventKind", &kinds);
}

/// Only a supervisor makes a claim.
async fn claim_taken() -> EventKind {
    let sessions = SessionSupervisor::start(Options::new().unique_name())
        .await
        .unwrap();
    let spec = || chat().claim("project", "/home/alice");
    sessions.start_session("alice", spec()).await.unwrap();
    let error = sessions.start_session("bob", spec()).await.unwrap_err();
    sessions.stop().await.unwrap();
    let StartError::ClaimTaken { claim, holder } = error else {
        panic!("another error: {error:?}");
    };
    EventKind::ClaimTaken {
        claim,
        holder: holder.as_str().into(),
    }
}
