//! In which order an application ends, whatever ends it, and what it says of that.

use std::time::Duration;

use ractor::{ActorCell, ActorRef};
use session_supervisor::{
    Application, ChildSpec, EndCause, Options, SessionSupervisor, Shutdown, Supervisor, TreeSpec,
};

use super::{application, noted, sessions, start};
use crate::support::{Gate, Order, Probe, answered, asked, died};

/// The actor of a child of the root.
pub(super) async fn child(root: &Supervisor, role: &str) -> ActorCell {
    let children = root.which_children().await.expect("the root runs");
    let child = children.into_iter().find(|child| &*child.role == role);
    child.and_then(|child| child.cell).expect("it runs")
}

#[tokio::test(start_paused = true)]
async fn what_was_started_last_is_stopped_first() {
    let probe = Probe::default();
    let running = start(
        application()
            .child("listener", noted(&probe, "listener"))
            .child_before("store", noted(&probe, "store"))
            .session("alice", noted(&probe, "alice"))
            .child_before("cache", noted(&probe, "cache"))
            .child("console", noted(&probe, "console")),
    )
    .await;
    let up = ["+store", "+cache", "+listener", "+console", "+alice"];
    assert_eq!(probe.notes(), up);
    let root = running.supervisor().clone();
    let children = root.which_children().await.expect("the root runs");
    let roles: Vec<_> = children.iter().map(|child| &*child.role).collect();
    assert_eq!(
        roles,
        [
            "store",
            "cache",
            Application::SESSIONS,
            "listener",
            "console"
        ]
    );
    running.stop().await;
    let down = ["-console", "-listener", "-alice", "-cache", "-store"];
    assert_eq!(probe.notes()[up.len()..], down);
    assert!(Supervisor::where_is(root.name()).is_none());
}

#[tokio::test(start_paused = true)]
async fn others_may_stop_the_root_in_order() {
    type Stop = fn(&Supervisor);
    let ways: [Stop; 3] = [
        |root| drop(tokio::spawn(root.stop())),
        |root| root.get_cell().stop(Some("enough".to_owned())),
        |root| root.get_cell().drain().expect("the root runs"),
    ];
    for stop in ways {
        let probe = Probe::default();
        let running = start(application().session("alice", noted(&probe, "alice"))).await;
        let root = running.supervisor().clone();
        let waiting = asked(running.wait()).await;
        stop(&root);
        let ended = answered("the wait", waiting).await.expect("no panic");
        assert_eq!((ended.cause, ended.status()), (EndCause::Stopped, 0));
        assert_eq!(ended.report.expect("a report").stopped, 2);
        assert_eq!(probe.notes(), ["+alice", "-alice"]);
        assert_eq!(
            std::process::ExitCode::from(ended),
            std::process::ExitCode::from(0)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_root_that_is_killed_says_so() {
    let probe = Probe::default();
    let running = start(application().session("alice", noted(&probe, "alice"))).await;
    let root = running.supervisor().get_cell();
    let waiting = asked(running.wait()).await;
    root.kill();
    let ended = answered("the wait", waiting).await.expect("no panic");
    assert_eq!((ended.cause, ended.status()), (EndCause::Killed, 1));
    assert_eq!(ended.report.expect("a report").stopped, 0);
    assert_eq!((probe.alive(), probe.stops()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_application_that_escalates_ends_in_order_with_status_1() {
    let probe = Probe::default();
    let running = start(
        application()
            .restart_limit(1, Duration::from_secs(5))
            .session("alice", noted(&probe, "alice"))
            .child("listener", noted(&probe, "listener")),
    )
    .await;
    let root = running.supervisor().clone();
    let waiting = asked(running.wait()).await;
    for _ in 0..2 {
        let listener = root.find_child("listener").expect("it runs");
        listener.kill();
        died(&listener).await;
        root.which_children().await.ok();
        probe
            .until(|tally| tally.starts == 3 || tally.stops == 1)
            .await;
    }
    let ended = answered("the wait", waiting).await.expect("no panic");
    assert_eq!((ended.cause, ended.status()), (EndCause::Escalated, 1));
    assert_eq!(probe.stops(), 1, "the session was stopped gracefully");
    let report = ended.report.expect("a report");
    assert_eq!((report.stopped, report.killed), (2, 1), "{report:?}");
    assert_eq!(
        ended.to_string(),
        "restart limit reached by child \"listener\": killed"
    );
}

#[tokio::test(start_paused = true)]
async fn what_does_not_stop_is_killed_at_the_deadline() {
    let probe = Probe::default();
    let hangs = probe
        .script()
        .post_stop(|_, _| std::future::pending())
        .spec()
        .shutdown(Shutdown::Infinity);
    let deadline = Duration::from_secs(7);
    let running = start(
        application()
            .stop_timeout(deadline)
            .child_before("store", noted(&probe, "store"))
            .session("alice", hangs),
    )
    .await;
    let ended = answered("the stop", running.stop()).await;
    let report = ended.report.expect("a report");
    assert_eq!(report.stuck, 0, "{report:?}");
    assert!(report.killed > 0 && report.took >= deadline, "{report:?}");
    assert!(
        report.took < deadline + Duration::from_secs(1),
        "{report:?}"
    );
    assert_eq!((ended.cause, ended.status()), (EndCause::Stopped, 0));
    assert_eq!(probe.alive(), 0);
}

/// Blocks the thread of a worker until the sender is dropped.
async fn block(worker: &ActorRef<Order>) -> std::sync::mpsc::Sender<()> {
    let probe = Probe::default();
    let note = probe.clone();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let block = Order::run(move |_| async move {
        note.note("blocked");
        released.recv().ok();
        Ok(())
    });
    worker.cast(block).expect("it runs");
    probe.until(|tally| tally.notes.len() == 1).await;
    release
}

/// A thread that is blocked cannot be told by paused time: here the kill bound passes.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn an_application_that_leaves_stuck_children_reports_all_of_it_and_ends_with_status_1() {
    let probe = Probe::default();
    let inner = probe.clone();
    let tree = ChildSpec::tree(move |_| {
        let tree = TreeSpec::one_for_one();
        tree.child("a", inner.spec()).child("b", inner.spec())
    });
    let running = start(
        application()
            .stop_timeout(Duration::ZERO)
            .session("alice", probe.spec())
            .session("bob", probe.spec())
            .session("carol", tree),
    )
    .await;
    let sessions = sessions(&running);
    let alice = sessions.find_session_as("alice").expect("it runs");
    let child = sessions.find_child_as("carol", "b").expect("it runs");
    let releases = [block(&alice).await, block(&child).await];
    let ended = running.stop().await;
    let report = ended.report.expect("a report");
    // Killed: bob, carol's tree with its other child, the session supervisor.
    assert_eq!((report.stuck, report.killed), (2, 4), "{report:?}");
    assert_eq!((ended.cause, ended.status()), (EndCause::Stopped, 1));
    drop(releases);
    probe.until(|tally| tally.alive == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_supervisor_that_escalated_is_found_again_under_its_name() {
    let probe = Probe::default();
    let options = Options::new()
        .unique_name()
        .total_restart_limit(0, Duration::from_secs(5));
    let running = start(
        Application::new(options)
            .unique_name()
            .child("listener", probe.spec())
            .session("alice", probe.spec()),
    )
    .await;
    let root = running.supervisor().clone();
    let (old, listener) = (sessions(&running), child(&root, "listener").await);
    let alice = old.find_session("alice").expect("it runs");
    alice.kill();
    died(&alice).await;
    died(&old.get_cell()).await;
    // A child that is added now is started when the session supervisor runs again.
    root.start_child("later", probe.spec())
        .await
        .expect("a child");
    let new = sessions(&running);
    assert_eq!(new.name(), old.name());
    assert_ne!(new.get_cell().get_id(), old.get_cell().get_id());
    old.count_sessions().await.expect_err("it is down");
    assert_eq!(new.count_sessions().await.expect("counts").specs, 0);
    new.start_session("bob", probe.spec()).await.expect("bob");
    assert_eq!(
        child(&root, "listener").await.get_id(),
        listener.get_id(),
        "the others did not notice"
    );
    assert_eq!(running.stop().await.status(), 0);
    assert!(SessionSupervisor::where_is(old.name()).is_none());
}

#[tokio::test(start_paused = true)]
async fn run_is_start_and_wait_and_does_not_wait_for_default_sessions() {
    let (probe, gate) = (Probe::default(), Gate::closed());
    let slow = probe.script().pre_start(gate.holds()).spec();
    let name = "application-run";
    let run = application()
        .name(name)
        .session("alice", noted(&probe, "alice"))
        .session("slow", slow)
        .session("never", noted(&probe, "never"));
    let run = asked(run.run()).await;
    probe.until(|tally| tally.starts == 2).await;
    let root = Supervisor::where_is(name).expect("the root is up");
    root.stop().await.expect("a report");
    let ended = answered("the run", run).await.expect("no panic");
    assert_eq!(ended.expect("it started").status(), 0);
    assert_eq!(probe.notes(), ["+alice", "-alice"]);
}
