//! What happens to the children of a session's tree is told by the session and the role.

use session_supervisor::{ChildSpec, EndReason, EventKind, Options, TreeSpec};

use super::{next, so_far};
use crate::support::{Order, Probe, died, end, supervisor};
use crate::trees::scenery::{child_of, session};

#[tokio::test(start_paused = true)]
async fn a_child_is_told_of_by_its_session_and_its_role() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    sessions
        .start_session("s", session(&probe, TreeSpec::one_for_one))
        .await
        .unwrap();
    let events = so_far(&mut feed);
    let told: Vec<_> = events
        .iter()
        .map(|event| (event.role.as_deref(), event.kind.name()))
        .collect();
    assert_eq!(
        told,
        [
            (None, "launching"),
            (Some("a"), "started"),
            (Some("b"), "started"),
            (Some("c"), "started"),
            (None, "started")
        ]
    );
    assert!(events.iter().all(|event| event.id.as_deref() == Some("s")));
    end(&child_of(&sessions, "s", "b"), Order::Crash).await;
    let crashed = next(&mut feed).await;
    assert_eq!(crashed.role.as_deref(), Some("b"));
    assert_eq!(
        crashed.to_string(),
        "child \"b\" of session \"s\" ended abnormally: failed: told to crash; restarts at once, \
         1 of 3 in 5s"
    );
    sessions.stop_session("s").await.unwrap();
    let events = so_far(&mut feed);
    let last = events.last().unwrap();
    let gone = EventKind::Gone(EndReason::Requested);
    assert_eq!((&last.kind, last.role.as_deref()), (&gone, None));
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_child_deep_in_a_tree_has_the_roles_down_to_it() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let mut feed = sessions.subscribe().await.unwrap();
    let spec = ChildSpec::tree(move |_| {
        let probe = probe.clone();
        TreeSpec::one_for_one().child(
            "outer",
            ChildSpec::tree(move |_| TreeSpec::one_for_one().child("inner", probe.spec())),
        )
    });
    let id = "a/session/b";
    sessions.start_session(id, spec).await.unwrap();
    let events = so_far(&mut feed);
    let roles: Vec<_> = events.iter().map(|event| event.role.as_deref()).collect();
    assert_eq!(roles, [None, Some("outer/inner"), Some("outer"), None]);
    assert!(events.iter().all(|event| event.id.as_deref() == Some(id)));
    sessions.stop().await.unwrap();
}

/// What is left of a tree whose root was killed is told before the session is gone.
#[tokio::test(start_paused = true)]
async fn the_children_of_a_tree_that_is_killed_are_told_of_before_it_is_gone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = session(&probe, TreeSpec::one_for_one);
    let spec = spec.restart(session_supervisor::Restart::Temporary);
    let tree = sessions.start_session("s", spec).await.unwrap();
    let mut feed = sessions.subscribe().await.unwrap();
    tree.get_cell().kill();
    died(&tree.get_cell()).await;
    sessions.wait_end("s").await.ok();
    let events = so_far(&mut feed);
    let ended = events.iter().filter(|event| {
        let exited = matches!(event.kind, EventKind::Exited { .. });
        exited && event.role.is_some()
    });
    assert_eq!(ended.count(), 3);
    let gone = EventKind::Gone(EndReason::Itself);
    assert_eq!(events.last().unwrap().kind, gone);
    sessions.stop().await.unwrap();
}
