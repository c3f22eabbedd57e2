//! What an operator sees of trees: a session's is quiet, a supervisor of its own tells its start
//! and its stop.

use std::time::Duration;

use session_supervisor::{ChildSpec, Options, SessionSupervisor, Supervisor, TreeSpec};
use tracing::Level;

use super::scenery::{child, noted, session, start, three};
use crate::support::{Order, Probe, end, supervisor};
use crate::traces::Capture;

#[tokio::test(start_paused = true)]
async fn a_healthy_session_tree_is_quiet_at_info() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = session(&probe, TreeSpec::one_for_one);
    let tree = sessions.start_session("s", spec.clone()).await.unwrap();
    tree.start_child("agent", noted(&probe)).await.unwrap();
    tree.terminate_child("agent").await.unwrap();
    sessions.stop_session("s").await.unwrap();
    sessions.start_session("t", spec).await.unwrap();
    sessions.stop().await.unwrap();
    assert_eq!(
        capture.from(Level::INFO),
        ["session supervisor started", "session supervisor stopped"]
    );
    let stopped = |title: &str| {
        let mut seen = capture.seen();
        seen.retain(|seen| seen.text == format!("{title} stopped"));
        seen
    };
    assert_eq!(capture.of("session tree started").len(), 2);
    let trees = stopped("session tree");
    assert_eq!(trees.len(), 2);
    assert_eq!(
        (trees[0].level, trees[0].field("stopped")),
        (Level::DEBUG, "3")
    );
    assert_eq!(trees[0].field("supervisor"), tree.name());
    // The supervisor's own report is of the tree and its children.
    assert_eq!(stopped("session supervisor")[0].field("stopped"), "4");
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_of_its_own_tells_its_start_its_stop_and_its_failures() {
    let (capture, _guard) = Capture::listen();
    let probe = Probe::default();
    let sessions = SessionSupervisor::child_spec(Options::new().name("trees-traces"));
    let tree = three(TreeSpec::one_for_one(), &probe).child("sessions", sessions);
    let tree = start(tree).await;
    capture.caught_up().await;
    assert_eq!(
        capture.from(Level::INFO),
        ["session supervisor started", "supervisor started"]
    );
    end(&child(&tree, "b"), Order::Crash).await;
    capture.caught_up().await;
    let told = capture.from(Level::INFO).split_off(2);
    assert_eq!(told.len(), 1, "an exit and what follows: {told:?}");
    for seen in capture
        .seen()
        .iter()
        .filter(|seen| seen.level == Level::WARN)
    {
        assert_eq!(seen.field("supervisor"), tree.name());
        assert_eq!(seen.field("role"), "b");
        assert!(seen.text.starts_with("child "), "{seen:?}");
        assert!(seen.field("what_next").contains("1 of 3 in 5s"), "{seen:?}");
        assert!(!seen.fields.contains_key("session"), "{seen:?}");
    }
    tree.stop().await.unwrap();
    let told = capture.from(Level::INFO).split_off(3);
    assert_eq!(told, ["session supervisor stopped", "supervisor stopped"]);
    let of = capture.of("supervisor stopped");
    assert_eq!(
        (of[0].field("supervisor"), of[0].field("stopped")),
        (tree.name(), "4")
    );
}

#[tokio::test(start_paused = true)]
async fn a_static_supervisor_below_another_one_is_quiet_at_info() {
    let (capture, _guard) = Capture::listen();
    let probe = Probe::default();
    let inner = TreeSpec::one_for_one()
        .unique_name()
        .child("worker", probe.spec());
    let outer = TreeSpec::one_for_one().child("inner", Supervisor::child_spec(inner));
    start(outer).await.stop().await.unwrap();
    assert_eq!(
        capture.from(Level::INFO),
        ["supervisor started", "supervisor stopped"]
    );
    assert_eq!(capture.of("supervisor started").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_gives_up_is_told_as_an_error_of_its_child_and_its_session() {
    let (capture, _guard) = Capture::listen();
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let inner = probe.clone();
    let spec = ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .restart_limit(0, Duration::from_secs(5))
            .child("a", noted(&inner))
    });
    let tree = sessions.start_session("s", spec).await.unwrap();
    end(&child(&tree, "a"), Order::Crash).await;
    capture.caught_up().await;
    let errors = capture.from(Level::ERROR);
    // One line for a crash (row 21): what ended, why, and what follows.
    assert_eq!(errors, ["child ended abnormally"]);
    let stopping = &capture.of("session tree is stopping")[0];
    assert_eq!(stopping.field("reason"), "restart limit reached");
    assert_eq!(stopping.field("supervisor"), tree.name());
    let of_child = &capture.of("child ended abnormally")[0];
    assert_eq!(
        (of_child.field("session"), of_child.field("role")),
        ("s", "a")
    );
    let of_session = &capture.of("session ended abnormally")[0];
    assert_eq!(of_session.field("session"), "s");
    assert!(!of_session.fields.contains_key("role"), "{of_session:?}");
    assert!(of_session.field("reason").contains("restart limit reached"));
    sessions.stop().await.unwrap();
}
