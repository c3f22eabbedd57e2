//! What is no news to an operator.

use session_supervisor::{Options, SessionSupervisor, Shutdown};
use tracing::Level;

use super::Capture;
use crate::support::{Probe, died, parent, supervisor};

/// It is healthy, and its rule is no news.
#[tokio::test(start_paused = true)]
async fn a_session_that_is_killed_by_its_own_rule_is_quiet_at_info() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let brutal = || probe.spec().shutdown(Shutdown::BrutalKill);
    for id in ["a", "b"] {
        sessions.start_session(id, brutal()).await.unwrap();
    }
    sessions.stop_session("a").await.unwrap();
    sessions.stop().await.unwrap();
    assert_eq!(
        capture.from(Level::INFO),
        ["session supervisor started", "session supervisor stopped"]
    );
    let killed = capture.of("session is killed");
    assert_eq!((killed.len(), killed[0].level), (2, Level::DEBUG));
    let ended = capture.of("session ended");
    assert_eq!((ended.len(), ended[0].field("reason")), (2, "killed"));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_ractor_refuses_to_link_is_no_start() {
    let probe = Probe::default();
    let parent = parent(&probe).await;
    parent.stop(None);
    died(&parent).await;
    let (capture, _guard) = Capture::listen();
    let options = Options::new().unique_name();
    let start = SessionSupervisor::start_link(parent, options);
    assert!(start.await.is_err());
    capture.caught_up().await;
    assert!(capture.from(Level::INFO).is_empty(), "{:?}", capture.seen());
}
