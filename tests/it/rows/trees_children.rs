//! Supervisors that are children of a static supervisor: how they are started, named, restarted and
//! stopped.

use std::time::Duration;

use ractor::ActorStatus;
use session_supervisor::error::StartChildError;
use session_supervisor::reason::RESTART_LIMIT_REACHED;
use session_supervisor::{
    ChildKind, ChildSpec, ChildState, Exit, Options, Restart, SessionSupervisor, Shutdown,
    Supervisor, TreeSpec,
};

use super::ways::{HOUR, WINDOW, crash_and_back, ms};
use crate::support::{Order, Probe, Worker, asked, died, end, names_of};
use crate::trees::scenery::{Notes, child, noted, roles, start, those, three};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

/// A session supervisor as a child, under a name of its own.
fn sessions() -> ChildSpec<SessionSupervisor> {
    SessionSupervisor::child_spec(Options::new().unique_name())
}

/// The running session supervisor of a role. It is found by its cell, since its name is not the
/// role.
async fn running(tree: &Supervisor, role: &str) -> SessionSupervisor {
    let children = tree.which_children().await.unwrap();
    let child = children.into_iter().find(|child| &*child.role == role);
    let cell = child.expect("a child").cell.expect("it runs");
    SessionSupervisor::try_from(cell).expect("a session supervisor")
}

#[tokio::test]
async fn row_009_a_session_supervisor_is_a_child_and_begins_without_sessions() {
    let app = start(TreeSpec::one_for_one().child("sessions", sessions())).await;
    let counts = app.count_children().await.unwrap();
    assert_eq!((counts.specs, counts.active, counts.supervisors), (1, 1, 1));
    let sessions = running(&app, "sessions").await;
    assert_eq!(sessions.list_sessions().await.unwrap().len(), 0);
    let parent = sessions.get_cell().try_get_supervisor().unwrap();
    assert_eq!(parent.get_id(), app.get_cell().get_id());
    let probe = Probe::default();
    sessions.start_session("a", probe.spec()).await.unwrap();
    let report = app.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed), (2, 0), "with its session");
    assert_eq!(names_of(sessions.name()), [""; 0]);
}

#[tokio::test]
async fn row_010_children_are_known_by_their_roles_and_a_taken_one_is_refused() {
    let app = start(TreeSpec::one_for_one().child("rooms", sessions())).await;
    let users = app.start_child("users", sessions()).await.unwrap();
    assert_eq!(roles(&app).await, ["rooms", "users"]);
    assert_eq!(running(&app, "users").await.name(), users.name());
    match app.start_child("users", sessions()).await {
        Err(StartChildError::AlreadyStarted { role, cell }) => {
            assert_eq!(&*role, "users");
            assert_eq!(cell.get_id(), users.get_cell().get_id());
        }
        other => panic!("{other:?}"),
    }
    // Two that take one name: the second is refused with the first one's cell.
    let same = SessionSupervisor::child_spec(Options::new().name(users.name()));
    match app.start_child("more users", same).await {
        Err(StartChildError::NameTaken { role, cell }) => {
            assert_eq!(&*role, "more users");
            assert_eq!(cell.unwrap().get_id(), users.get_cell().get_id());
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(
        roles(&app).await,
        ["rooms", "users"],
        "nothing is left of it"
    );
    app.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_011_a_child_supervisor_is_permanent_and_waited_for_unless_its_spec_says_otherwise() {
    let app = start(
        TreeSpec::one_for_one()
            .without_restart_limit()
            .child("usual", sessions())
            .child("temporary", sessions().restart(Restart::Temporary))
            .child("worker", sessions().kind(ChildKind::Worker)),
    )
    .await;
    let counts = app.count_children().await.unwrap();
    assert_eq!((counts.supervisors, counts.workers), (2, 1));
    // Permanent: it comes back after an orderly end and after a kill.
    for kill in [false, true] {
        let old = running(&app, "usual").await.get_cell();
        if kill {
            old.kill();
        } else {
            old.stop(None);
        }
        died(&old).await;
        // The default pause before the second restart is 10 ms (D7).
        tokio::time::sleep(ms(20)).await;
        assert_ne!(
            running(&app, "usual").await.get_cell().get_id(),
            old.get_id()
        );
    }
    let temporary = running(&app, "temporary").await.get_cell();
    temporary.kill();
    died(&temporary).await;
    tokio::time::sleep(ms(1)).await;
    assert_eq!(roles(&app).await, ["usual", "worker"]);
    // Infinity: a session that takes an hour is waited for. Two seconds: it is not.
    let probe = Probe::default();
    let slow = probe.slow_to_stop(HOUR).shutdown(Shutdown::Infinity);
    for (rule, exit, took) in [
        (None, Exit::Shutdown, HOUR),
        (
            Some(Duration::from_secs(2)),
            Exit::Killed,
            Duration::from_secs(2),
        ),
    ] {
        let spec = match rule {
            None => sessions(),
            Some(grace) => sessions().shutdown(Shutdown::Timeout(grace)),
        };
        let child = app.start_child("slow", spec).await.unwrap();
        child.start_session("a", slow.clone()).await.unwrap();
        let began = tokio::time::Instant::now();
        assert_eq!(app.terminate_child("slow").await, Ok(exit));
        assert_eq!(began.elapsed(), took);
        app.delete_child("slow").await.unwrap();
        assert_eq!(names_of(child.name()), [""; 0]);
    }
    assert_eq!((probe.stops(), probe.alive()), (1, 0));
    app.stop().await.unwrap();
}

/// A tree that gives up at the first crash.
fn fragile(probe: &Probe) -> TreeSpec {
    TreeSpec::one_for_one()
        .restart_limit(0, WINDOW)
        .child("a", noted(probe))
        .child("b", noted(probe))
}

/// The running child of a child that is a tree: it is not registered.
async fn inner(app: &Supervisor, role: &str, inner: &str) -> ractor::ActorRef<Order> {
    let children = app.which_children().await.unwrap();
    let child = children.into_iter().find(|child| &*child.role == role);
    let tree = Supervisor::try_from(child.unwrap().cell.expect("it runs")).unwrap();
    let children = tree.which_children().await.unwrap();
    let child = children.into_iter().find(|child| &*child.role == inner);
    child.unwrap().cell.expect("it runs").into()
}

#[tokio::test(start_paused = true)]
async fn row_041_a_child_supervisor_that_gave_up_ended_in_order_a_session_tree_failed() {
    let probe = Probe::default();
    for (kind, state) in [
        (Restart::Transient, ChildState::NotRunning),
        (Restart::Permanent, ChildState::Running),
    ] {
        let child = Supervisor::child_spec(fragile(&probe)).restart(kind);
        let app = start(TreeSpec::one_for_one().child("fragile", child)).await;
        let old = app.which_children().await.unwrap()[0].cell.clone().unwrap();
        end(&inner(&app, "fragile", "a").await, Order::Crash).await;
        died(&old).await;
        tokio::time::sleep(ms(1)).await;
        let children = app.which_children().await.unwrap();
        assert_eq!(children[0].state, state, "{kind:?}");
        match &children[0].last_exit {
            Some(Exit::Normal { reason }) => {
                assert_eq!(reason.as_deref(), Some(RESTART_LIMIT_REACHED));
            }
            other => panic!("{other:?}"),
        }
        app.stop().await.unwrap();
        assert_eq!(probe.alive(), 0);
    }
    let sessions = crate::support::supervisor(Options::new()).await;
    let described = probe.clone();
    let tree = ChildSpec::tree(move |_| fragile(&described));
    sessions.start_session("s", tree).await.unwrap();
    let root = sessions.find_session("s").unwrap();
    let a = sessions.find_child_as::<Order>("s", "a").unwrap();
    end(&a, Order::Crash).await;
    died(&root).await;
    tokio::time::sleep(ms(1)).await;
    let info = sessions.session_info("s").await.unwrap().unwrap();
    assert_eq!(
        (info.incarnation, info.restarts),
        (2, 1),
        "a transient one is back"
    );
    assert!(
        matches!(info.last_exit, Some(Exit::Failed { .. })),
        "{info:?}"
    );
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_054_a_session_supervisor_that_escalated_is_restarted_empty_beside_its_siblings() {
    let probe = Probe::default();
    let app = start(
        TreeSpec::one_for_one()
            .child("before", noted(&probe))
            .child(
                "sessions",
                SessionSupervisor::child_spec(Options::otp().name("row-054")),
            )
            .child("after", noted(&probe)),
    )
    .await;
    let siblings = |app: &Supervisor| [child(app, "before").get_id(), child(app, "after").get_id()];
    let before = siblings(&app);
    let old = SessionSupervisor::where_is("row-054").unwrap();
    let fatal = || probe.spec().restart(Restart::Permanent);
    old.start_session("x", fatal()).await.unwrap();
    old.start_session("y", fatal()).await.unwrap();
    for _ in 0..3 {
        crash_and_back(&old, "x").await;
    }
    let fourth = old.find_session_as("x").unwrap();
    end(&fourth, Order::Crash).await;
    died(&old.get_cell()).await;
    tokio::time::sleep(ms(1)).await;
    let new = SessionSupervisor::where_is("row-054").unwrap();
    assert_ne!(new.get_cell().get_id(), old.get_cell().get_id());
    assert_eq!(new.list_sessions().await.unwrap().len(), 0);
    new.start_session("x", fatal()).await.unwrap();
    assert_eq!(siblings(&app), before);
    assert!(old.list_sessions().await.is_err());
    assert_eq!(app.which_children().await.unwrap()[1].restarts, 1);
    app.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn row_098_a_child_that_is_a_supervisor_ends_after_its_subtree() {
    for graceful in [true, false] {
        let probe = Probe::default();
        let child = Supervisor::child_spec(three(TreeSpec::one_for_one(), &probe));
        let child = match graceful {
            true => child,
            false => child.shutdown(Shutdown::BrutalKill),
        };
        let app = start(TreeSpec::one_for_one().child("child", child)).await;
        assert_eq!(those(&app, ChildState::Running).await, ["child"]);
        let cell = child_cell(&app, "child").await;
        let mut grandchildren = Vec::new();
        for role in ["a", "b", "c"] {
            grandchildren.push(inner(&app, "child", role).await.get_cell());
        }
        let mut notes = Notes::of(&probe);
        let stop = asked(app.terminate_child("child")).await;
        died(&cell).await;
        if graceful {
            for grandchild in &grandchildren {
                assert_eq!(grandchild.get_status(), ActorStatus::Stopped);
            }
            assert_eq!(notes.fresh(), ["-c", "-b", "-a"]);
            assert_eq!(stop.await.unwrap(), Ok(Exit::Shutdown));
        } else {
            for grandchild in &grandchildren {
                died(grandchild).await;
            }
            assert_eq!(notes.fresh(), [""; 0]);
            assert_eq!(stop.await.unwrap(), Ok(Exit::Killed));
        }
        assert_eq!(probe.alive(), 0, "all are released when the call returns");
        app.stop().await.unwrap();
    }
}

async fn child_cell(app: &Supervisor, role: &str) -> ractor::ActorCell {
    let children = app.which_children().await.unwrap();
    let child = children.into_iter().find(|child| &*child.role == role);
    child.unwrap().cell.expect("it runs")
}

/// The spec of a worker is a worker's, whatever it is beside.
#[tokio::test]
async fn row_011_a_worker_is_none_of_it() {
    let probe = Probe::default();
    let spec: ChildSpec<Worker> = probe.spec();
    let app = start(TreeSpec::one_for_one().child("a", spec.kind(ChildKind::Supervisor))).await;
    let counts = app.count_children().await.unwrap();
    assert_eq!((counts.supervisors, counts.workers), (1, 0));
    app.stop().await.unwrap();
}
