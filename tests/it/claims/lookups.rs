//! Where claims are told: `find_by_claim`, the infos and the log.

use session_supervisor::Options;
use session_supervisor::error::StartError;
use tracing::Level;

use super::{SECOND, agent, refused};
use crate::support::{Gate, Order, Probe, asked, end, no_name_left, supervisor};
use crate::traces::Capture;

/// "whatever it is doing: it may be starting, parked, stopping, or gone and not released yet."
#[tokio::test(start_paused = true)]
async fn the_holder_is_found_whatever_it_is_doing() {
    let sessions = supervisor(Options::new().without_park_trial()).await;
    let probe = Probe::default();
    let found = |project: &str| sessions.find_by_claim("project", project);
    assert_eq!(found("1"), None);
    let (starts, stops) = (Gate::closed(), Gate::closed());
    let gated = probe.script().pre_start(starts.holds());
    let gated = gated.post_stop(stops.holds()).spec();
    let start = sessions.start_session("a", gated.claim("project", "1"));
    let start = asked(start).await;
    // Answered after what was asked before it.
    sessions.count_sessions().await.unwrap();
    assert_eq!(found("1").unwrap(), "a", "it starts");
    starts.open();
    start.await.unwrap().unwrap();
    assert_eq!(found("1").unwrap(), "a", "it runs");
    let stop = asked(sessions.stop_session("a")).await;
    sessions.count_sessions().await.unwrap();
    assert_eq!(found("1").unwrap(), "a", "it stops");
    stops.open();
    stop.await.unwrap().unwrap();
    assert_eq!(found("1"), None);
    let parks = agent(&probe, "1").restart_limit(0, SECOND);
    let session = sessions.start_session("b", parks).await.unwrap();
    end(&session, Order::Crash).await;
    assert_eq!(found("1").unwrap(), "b", "it is parked");
    assert_eq!(refused(&sessions, "1").await, "b");
    sessions.stop().await.unwrap();
}

/// "`None` if [...] the supervisor has ended", however it has.
#[tokio::test(start_paused = true)]
async fn a_supervisor_that_has_ended_finds_nobody() {
    for kill in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        sessions
            .start_session("a", agent(&probe, "1"))
            .await
            .unwrap();
        if kill {
            sessions.get_cell().kill();
            sessions.wait().await.unwrap();
        } else {
            sessions.stop().await.unwrap();
        }
        no_name_left(sessions.name()).await;
        assert_eq!(sessions.find_by_claim("project", "1"), None, "{kill}");
        let start = sessions.start_session("b", agent(&probe, "1")).await;
        assert!(
            matches!(start, Err(StartError::SupervisorDown)),
            "{start:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn claims_are_in_the_infos_over_restarts() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = agent(&probe, "1").claim("user", "alice");
    sessions.start_session("a", spec).await.unwrap();
    sessions.start_session("b", probe.spec()).await.unwrap();
    sessions.restart_session("a").await.unwrap();
    let list = sessions.list_sessions().await.unwrap();
    let claims: Vec<_> = list[0].claims.iter().map(ToString::to_string).collect();
    assert_eq!(claims, ["project \"1\"", "user \"alice\""]);
    assert!(list[1].claims.is_empty());
    let page = sessions.list_page(None, 1).await.unwrap();
    assert_eq!(page.sessions[0].claims, list[0].claims);
    // One stops those of a kind.
    let stopped =
        sessions.stop_where(|info| info.claims.iter().any(|claim| claim.kind() == "user"));
    assert_eq!(stopped.await.unwrap().len(), 1);
    assert_eq!(sessions.find_by_claim("user", "alice"), None);
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_refused_is_in_the_log() {
    let (capture, _listening) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    sessions
        .start_session("a", agent(&probe, "1"))
        .await
        .unwrap();
    let spec = agent(&probe, "1").label("second");
    drop(sessions.start_session("b", spec).await);
    sessions.stop().await.unwrap();
    capture.caught_up().await;
    let seen = capture.of("session is not started");
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!(seen[0].level, Level::DEBUG);
    for (field, value) in [
        ("session", "b"),
        ("label", "second"),
        ("reason", "the claim project \"1\" is held by session a"),
    ] {
        assert_eq!(seen[0].field(field), value);
    }
}
