//! The plain cases: start in order, stop in reverse, find, restart, and supervisors in supervisors.

use std::time::Duration;

use session_supervisor::error::{StartChildError, StartError, StartSupervisorError};
use session_supervisor::{
    ChildFailure, ChildKind, ChildSpec, ChildState, Exit, Options, Restart, SessionSupervisor,
    Shutdown, Supervisor, TreeSpec,
};
use tokio::time::Instant;

use crate::support::{Order, Probe, Worker};
use crate::traces::Capture;

/// A child that notes its start and its stop under a name.
fn noted(probe: &Probe, name: &'static str) -> ChildSpec<Worker> {
    let (up, down) = (probe.clone(), probe.clone());
    probe
        .script()
        .pre_start(move |_, _| {
            up.note(format!("+{name}"));
            async { Ok(()) }
        })
        .post_stop(move |_, _| {
            down.note(format!("-{name}"));
            async { Ok(()) }
        })
        .spec()
}

fn tree(probe: &Probe) -> TreeSpec {
    TreeSpec::one_for_one()
        .unique_name()
        .child("a", noted(probe, "a"))
        .child("b", noted(probe, "b"))
        .child("c", noted(probe, "c"))
}

#[tokio::test]
async fn children_start_in_order_and_stop_in_reverse() {
    let probe = Probe::default();
    let tree = Supervisor::start(tree(&probe)).await.expect("a tree");
    assert_eq!(probe.notes(), ["+a", "+b", "+c"]);
    let counts = tree.count_children().await.expect("counts");
    assert_eq!((counts.specs, counts.active, counts.workers), (3, 3, 3));
    let children = tree.which_children().await.expect("children");
    let roles: Vec<_> = children.iter().map(|child| &*child.role).collect();
    assert_eq!(roles, ["a", "b", "c"]);
    let report = tree.stop().await.expect("a report");
    assert_eq!(report.stopped, 3);
    assert_eq!(probe.notes()[3..], ["-c", "-b", "-a"]);
    assert!(Supervisor::where_is(tree.name()).is_none());
    tree.stop().await.expect_err("it is down");
}

#[tokio::test]
async fn a_child_that_fails_to_start_fails_the_whole_and_stops_the_others() {
    let probe = Probe::default();
    let spec = tree(&probe).child(
        "bad",
        ChildSpec::<Worker>::from_fn(|_| async { Err("no".into()) }),
    );
    match Supervisor::start(spec).await {
        Err(StartSupervisorError::ChildFailed { role, error }) => {
            assert_eq!(&*role, "bad");
            assert!(
                matches!(error, StartChildError::Failed { cause, .. } if cause.to_string() == "no")
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(probe.notes()[3..], ["-c", "-b", "-a"]);
}

/// The root fails before it reads the event with the state of the child that was killed: nobody
/// waits for that, nor calls the child stuck.
#[tokio::test(start_paused = true)]
async fn a_start_that_fails_does_not_wait_for_the_state_of_a_child_that_was_killed() {
    let probe = Probe::default();
    let (capture, _guard) = Capture::listen();
    let spec = TreeSpec::one_for_one()
        .unique_name()
        .child("a", noted(&probe, "a"))
        .child("brutal", probe.spec().shutdown(Shutdown::BrutalKill))
        .child("b", noted(&probe, "b"))
        .child(
            "bad",
            ChildSpec::<Worker>::from_fn(|_| async { Err("no".into()) }),
        );
    let began = Instant::now();
    let failed = Supervisor::start(spec).await;
    assert!(
        matches!(failed, Err(StartSupervisorError::ChildFailed { .. })),
        "{failed:?}"
    );
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(probe.notes()[2..], ["-b", "-a"]);
    // It is dropped with the event.
    probe.until(|tally| tally.alive == 0).await;
    capture.caught_up().await;
    let stuck = capture.of("child survived its kill and is stuck");
    assert!(stuck.is_empty(), "{stuck:?}");
}

#[tokio::test]
async fn a_session_can_be_a_tree() {
    let probe = Probe::default();
    let sessions = SessionSupervisor::start(Options::new().unique_name())
        .await
        .expect("a supervisor");
    let inner = probe.clone();
    let spec = ChildSpec::tree(move |start| {
        assert_eq!(start.key(), "alice");
        TreeSpec::one_for_one()
            .child("manager", noted(&inner, "manager"))
            .child("state", noted(&inner, "state"))
    });
    let alice = sessions
        .start_session("alice", spec.clone())
        .await
        .expect("a session");
    assert_eq!(probe.notes(), ["+manager", "+state"]);
    let manager = sessions
        .find_child_as::<Order>("alice", "manager")
        .expect("a child");
    let again = sessions.start_session("alice", spec).await;
    assert!(matches!(again, Err(StartError::AlreadyStarted { .. })));
    assert!(sessions.find_child("alice", "agent").is_none());
    alice
        .start_child("agent", noted(&probe, "agent"))
        .await
        .expect("an agent");
    assert!(sessions.find_child("alice", "agent").is_some());
    manager.kill();
    probe.until(|tally| tally.ready == 4).await;
    assert_ne!(
        sessions.find_child("alice", "manager").map(|m| m.get_id()),
        Some(manager.get_id())
    );
    let exit = sessions.stop_session("alice").await.expect("an exit");
    assert_eq!(exit, Exit::Shutdown);
    assert!(sessions.find_child("alice", "state").is_none());
    assert_eq!(probe.alive(), 0);
    assert_eq!(probe.notes()[4..], ["-agent", "-state", "-manager"]);
    sessions.stop().await.expect("a report");
}

#[tokio::test]
async fn a_tree_that_gives_up_is_a_failed_session() {
    let probe = Probe::default();
    let sessions = SessionSupervisor::start(Options::new().unique_name())
        .await
        .expect("a supervisor");
    let inner = probe.clone();
    let spec = ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .restart_limit(0, std::time::Duration::from_secs(5))
            .child("a", noted(&inner, "a"))
            .child("b", noted(&inner, "b"))
    });
    sessions.start_session("alice", spec).await.expect("a tree");
    sessions.find_child("alice", "a").expect("a child").kill();
    probe.until(|tally| tally.ready == 4).await;
    let info = sessions.session_info("alice").await.expect("up");
    let info = info.expect("known");
    assert_eq!(info.incarnation, 2);
    let Some(Exit::Failed { cause }) = &info.last_exit else {
        panic!("{info:?}");
    };
    assert_eq!(cause.to_string(), "restart limit reached");
    // For whose failure: as data, in the text of the exit, and in what is kept of it.
    let failure = cause.source().expect("the child's failure");
    let failure = failure.downcast_ref::<ChildFailure>().expect("as data");
    assert_eq!((&*failure.child, &*failure.error), ("a", "killed"));
    let text = "failed: restart limit reached: child \"a\": killed";
    assert_eq!(info.last_exit.expect("it failed").to_string(), text);
    let dossier = sessions.dossier("alice").await.expect("up").expect("known");
    assert!(dossier.to_string().contains(text), "{dossier}");
    sessions.stop().await.expect("a report");
}

#[tokio::test]
async fn a_session_supervisor_that_escalated_is_restarted_empty_under_its_name() {
    let probe = Probe::default();
    let name = "trees-escalation";
    let app = TreeSpec::one_for_one()
        .unique_name()
        .child("before", noted(&probe, "before"))
        .child(
            "sessions",
            SessionSupervisor::child_spec(Options::otp().name(name)),
        )
        .child("after", noted(&probe, "after"));
    let app = Supervisor::start(app).await.expect("an app");
    let before = app.find_child("before").expect("a child").get_id();
    let sessions = SessionSupervisor::where_is(name).expect("sessions");
    let old = sessions.get_cell();
    let spec = probe.spec().restart(Restart::Permanent);
    sessions.start_session("x", spec).await.expect("a session");
    for _ in 0..4 {
        let Some(cell) = sessions.find_session("x") else {
            break;
        };
        cell.kill();
        cell.wait(None).await.expect("dead");
        sessions.session_info("x").await.ok();
        sessions.restart_session("x").await.ok();
    }
    old.wait(None).await.expect("it escalated");
    // A question to the parent comes after it has read that end, or waits in its turn.
    let children = app.which_children().await.expect("up");
    assert_eq!(children[1].kind, ChildKind::Supervisor);
    assert_eq!(app.find_child("before").expect("it lives").get_id(), before);
    assert!(matches!(
        children[1].state,
        ChildState::Running | ChildState::Restarting
    ));
    app.stop().await.expect("a report");
    assert!(SessionSupervisor::where_is(name).is_none());
}
