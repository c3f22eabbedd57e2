//! What people call a session, wherever it is told of.

use session_supervisor::error::{ErrorKind, StartError};
use session_supervisor::{ChildSpec, Options, Supervisor, TreeSpec};

use super::Capture;
use crate::support::{Order, Probe, back, end, supervisor};

#[tokio::test(start_paused = true)]
async fn a_label_is_in_the_infos_and_in_the_log_and_stays_over_restarts() {
    let (capture, _listening) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let label = "Alice's chat";
    let spec = probe.spec().label("no").label(label);
    let first = sessions.start_session("a", spec).await.unwrap();
    sessions.start_session("b", probe.spec()).await.unwrap();
    end(&first, Order::Crash).await;
    back(&sessions, "a").await;
    let list = sessions.list_sessions().await.unwrap();
    let labels: Vec<_> = list.iter().map(|info| info.label.as_deref()).collect();
    assert_eq!(labels, [Some(label), None]);
    sessions.stop().await.unwrap();
    capture.caught_up().await;
    for seen in capture.seen() {
        let of_a = seen.fields.get("session").is_some_and(|id| id == "a");
        let logged = seen.fields.get("label").map(String::as_str);
        assert_eq!(logged, of_a.then_some(label), "{seen:?}");
    }
    assert_eq!(capture.of("session ended abnormally").len(), 1);
    let tree = TreeSpec::one_for_one()
        .unique_name()
        .child("c", probe.spec().label(label));
    let tree = Supervisor::start(tree).await.unwrap();
    let children = tree.which_children().await.unwrap();
    assert_eq!(children[0].label.as_deref(), Some(label));
    tree.stop().await.unwrap();
}

/// "1 to 128 bytes without control characters."
#[tokio::test(start_paused = true)]
async fn a_bad_label_is_the_error_of_the_start() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (longest, longer) = ("x".repeat(128), "x".repeat(129));
    for bad in ["", "a\nb", &longer] {
        let start = sessions.start_session("a", probe.spec().label(bad)).await;
        let error = start.unwrap_err();
        assert!(matches!(error, StartError::InvalidSpec(_)), "{error}");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("label"), "{error}");
    }
    let good: ChildSpec = probe.spec().label(longest).erase();
    sessions.start_session("a", good).await.unwrap();
    sessions.stop().await.unwrap();
}
