//! Children that are stuck in code that never awaits: what stops around them, and what their tree,
//! their session and their role are until they end.
//!
//! Here the kill bound passes in real time; what frees a blocked thread is a sender that the test
//! drops.

use std::sync::mpsc::Sender;

use session_supervisor::error::{
    DeleteChildError, RestartChildError, StartChildError, StartError, StopError,
    TerminateChildError,
};
use session_supervisor::{
    ChildSpec, ChildState, Exit, KILL_BOUND, Options, SessionState, Shutdown, Supervisor, TreeSpec,
};

use super::scenery::{Notes, child, child_of, noted, start, those};
use crate::support::{Order, Probe, answered, back_tree, died, names_of, supervisor};

/// Has a child block its thread until the sender is dropped.
async fn block(child: &ractor::ActorRef<Order>) -> Sender<()> {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (tell, blocked) = tokio::sync::oneshot::channel();
    let block = Order::run(move |_| async move {
        tell.send(()).expect("the test waits for this");
        released.recv().ok();
        Ok(())
    });
    child.cast(block).unwrap();
    answered("the block", blocked).await.unwrap();
    release
}

/// Three children; the middle one is killed at once when it is to stop.
fn tree(probe: &Probe) -> TreeSpec {
    TreeSpec::one_for_one()
        .child("a", noted(probe))
        .child("stuck", noted(probe).shutdown(Shutdown::BrutalKill))
        .child("c", noted(probe))
}

fn session(probe: &Probe) -> ChildSpec<Supervisor> {
    let probe = probe.clone();
    ChildSpec::tree(move |_| tree(&probe))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tree_stops_around_a_child_that_is_stuck() {
    let probe = Probe::default();
    let tree = start(tree(&probe)).await;
    let stuck = child(&tree, "stuck");
    let release = block(&stuck).await;
    let mut notes = Notes::of(&probe);
    let report = answered("the stop", tree.stop()).await.unwrap();
    assert_eq!((report.stopped, report.killed, report.stuck), (2, 0, 1));
    assert_eq!(notes.fresh(), ["-c", "-a"]);
    drop(release);
    died(&stuck.get_cell()).await;
    probe.until(|tally| tally.alive == 0).await;
    assert_eq!(names_of(tree.name()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_role_whose_child_is_stuck_is_taken_until_it_ends() {
    let probe = Probe::default();
    let tree = start(tree(&probe)).await;
    let stuck = child(&tree, "stuck");
    let release = block(&stuck).await;
    for _ in 0..2 {
        let stop = answered("the stop", tree.terminate_child("stuck")).await;
        assert_eq!(stop, Err(TerminateChildError::Stuck));
    }
    let restart = tree.restart_child("stuck").await;
    assert!(
        matches!(
            restart,
            Err(RestartChildError::Start(StartChildError::Stuck))
        ),
        "{restart:?}"
    );
    let start = tree.start_child("stuck", noted(&probe)).await;
    assert!(matches!(start, Err(StartChildError::Stuck)), "{start:?}");
    let delete = tree.delete_child("stuck").await;
    assert!(matches!(delete, Err(DeleteChildError::Stuck)), "{delete:?}");
    assert_eq!(those(&tree, ChildState::Stuck).await, ["stuck"]);
    let counts = tree.count_children().await.unwrap();
    assert_eq!((counts.specs, counts.active, counts.stuck), (3, 2, 1));
    drop(release);
    died(&stuck.get_cell()).await;
    probe.until(|tally| tally.alive == 2).await;
    // Its release is told in its own task, as the last of it; only then its role is free.
    let again = loop {
        match tree.restart_child("stuck").await {
            Err(RestartChildError::Start(StartChildError::Stuck)) => tokio::task::yield_now().await,
            other => break other,
        }
    };
    assert_ne!(again.unwrap().get_id(), stuck.get_id());
    let report = tree.stop().await.unwrap();
    assert_eq!((report.stopped, report.killed, report.stuck), (2, 1, 0));
}

/// The stop is over in time, but not the session: its id is taken until the child ends, whose name
/// which was impossible before.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_with_a_stuck_child_is_stuck_until_that_ends() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let other = sessions.start_session("other", session(&probe));
    let other = other.await.unwrap();
    sessions.start_session("s", session(&probe)).await.unwrap();
    let stuck = child_of(&sessions, "s", "stuck");
    let release = block(&stuck).await;
    let mut notes = Notes::of(&probe);
    for _ in 0..2 {
        let stop = answered("the stop", sessions.stop_session("s")).await;
        assert_eq!(stop, Err(StopError::Stuck));
    }
    assert_eq!(notes.fresh(), ["-s/c", "-s/a"]);
    assert!(sessions.find_child("s", "stuck").is_none());
    let start = answered("a start", sessions.start_session("s", session(&probe))).await;
    assert!(matches!(start, Err(StartError::Stuck)), "{start:?}");
    let counts = sessions.count_sessions().await.unwrap();
    assert_eq!((counts.active, counts.stuck), (1, 1));
    assert_eq!(other.count_children().await.unwrap().active, 3);
    drop(release);
    died(&stuck.get_cell()).await;
    // Its release is told in its own task, as the last of it.
    let again = loop {
        match sessions.start_session("s", session(&probe)).await {
            Err(StartError::Stuck) => tokio::task::yield_now().await,
            other => break other,
        }
    };
    again.expect("no name is left");
    sessions.stop().await.unwrap();
    assert_eq!(names_of(sessions.name()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_session_supervisor_stops_around_a_tree_with_a_stuck_child() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    for id in ["other", "s"] {
        sessions.start_session(id, session(&probe)).await.unwrap();
    }
    let stuck = child_of(&sessions, "s", "stuck");
    let release = block(&stuck).await;
    let report = answered("the stop", sessions.stop()).await.unwrap();
    // Two trees and two children of each; the third of one was killed by its rule, that of the
    // other is stuck.
    assert_eq!((report.stopped, report.killed, report.stuck), (6, 1, 1));
    assert_eq!((report.failed, report.not_running), (0, 0));
    drop(release);
    died(&stuck.get_cell()).await;
    probe.until(|tally| tally.alive == 0).await;
    assert_eq!(names_of(sessions.name()), [""; 0]);
}

/// Its children are known, so the restart waits for the one that is stuck: no attempt meets its
/// name.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_killed_tree_with_a_stuck_child_comes_back_when_that_has_ended() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let inner = probe.clone();
    let spec = ChildSpec::tree(move |start| {
        inner.note(format!("tree {} {}", start.incarnation, start.attempt));
        tree(&inner)
    });
    let first = sessions.start_session("s", spec).await.unwrap();
    let stuck = child_of(&sessions, "s", "stuck");
    let release = block(&stuck).await;
    first.get_cell().kill();
    // Two bounds of a kill: its tree has given it up long before.
    died(&first.get_cell()).await;
    let cell = stuck.get_cell();
    let bound = tokio::time::timeout(2 * KILL_BOUND, died(&cell));
    bound.await.expect_err("it is stuck");
    let info = sessions.session_info("s").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Restarting);
    assert_eq!(info.last_exit, Some(Exit::Killed));
    drop(release);
    died(&stuck.get_cell()).await;
    let back = back_tree(&sessions, "s").await;
    assert_eq!(back.count_children().await.unwrap().active, 3);
    let trees = probe.notes().into_iter().filter(|n| n.starts_with("tree"));
    assert_eq!(trees.collect::<Vec<_>>(), ["tree 1 1", "tree 2 1"]);
    sessions.stop().await.unwrap();
    assert_eq!(names_of(sessions.name()), [""; 0]);
}

/// A stop of a session that waits for such a restart is over in time too.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_restart_that_waits_for_a_stuck_child_can_be_stopped() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let first = sessions.start_session("s", session(&probe)).await.unwrap();
    let stuck = child_of(&sessions, "s", "stuck");
    let release = block(&stuck).await;
    first.get_cell().kill();
    died(&first.get_cell()).await;
    let cell = stuck.get_cell();
    let bound = tokio::time::timeout(2 * KILL_BOUND, died(&cell));
    bound.await.expect_err("it is stuck");
    let stop = answered("the stop", sessions.stop_session("s")).await;
    assert_eq!(stop, Err(StopError::Stuck));
    let report = answered("the stop", sessions.stop()).await.unwrap();
    assert_eq!(report.stuck, 1);
    drop(release);
    died(&stuck.get_cell()).await;
    probe.until(|tally| tally.alive == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tree_that_is_killed_at_once_around_a_stuck_child_is_over_in_time() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = session(&probe).shutdown(Shutdown::BrutalKill);
    sessions.start_session("s", spec).await.unwrap();
    let stuck = child_of(&sessions, "s", "stuck");
    let release = block(&stuck).await;
    let stop = answered("the stop", sessions.stop_session("s")).await;
    assert_eq!(stop, Err(StopError::Stuck));
    drop(release);
    died(&stuck.get_cell()).await;
    answered("the stop", sessions.stop()).await.unwrap();
    probe.until(|tally| tally.alive == 0).await;
}

/// A tree whose first child blocks its thread as soon as it runs, and whose second decides how the
/// start goes on.
fn half_begun(
    probe: &Probe,
    second: ChildSpec<crate::support::Worker>,
) -> (ChildSpec<Supervisor>, Sender<()>) {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(Some(released));
    let note = probe.clone();
    let first = probe.script().pre_start(move |_, myself| {
        let released = released.lock().expect("no panic").take();
        let note = note.clone();
        let block = Order::run(move |_| async move {
            // Not by this thread: a task that it wakes might wait for it.
            std::thread::spawn(move || note.note("blocked"));
            released.map(|released| released.recv());
            Ok(())
        });
        async move { Ok(myself.cast(block)?) }
    });
    let first = first.spec().shutdown(Shutdown::BrutalKill);
    let tree = ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .child("first", first.clone())
            .child("second", second.clone())
    });
    (tree, release)
}

async fn is_blocked(probe: &Probe) {
    probe.until(|tally| !tally.notes.is_empty()).await;
}

/// Nothing of it runs any more but the child that is stuck: it keeps the id, and nothing runs
/// beside it.
async fn keeps_its_id(sessions: &session_supervisor::SessionSupervisor, probe: &Probe) {
    let other = Probe::default();
    let start = sessions.start_session("s", other.spec()).await;
    assert!(matches!(start, Err(StartError::Stuck)), "{start:?}");
    assert_eq!((other.starts(), probe.alive()), (0, 1));
    assert_eq!(sessions.count_sessions().await.unwrap().stuck, 1);
    assert_eq!(sessions.stop_session("s").await, Err(StopError::Stuck));
}

async fn is_free_again(sessions: &session_supervisor::SessionSupervisor, probe: &Probe) {
    probe.until(|tally| tally.alive == 0).await;
    let again = loop {
        match sessions.start_session("s", Probe::default().spec()).await {
            Err(StartError::Stuck) => tokio::task::yield_now().await,
            other => break other,
        }
    };
    again.expect("the stuck session has ended");
    let report = sessions.stop().await.unwrap();
    assert_eq!((report.stopped, report.stuck), (1, 0), "{report:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tree_whose_start_failed_is_stuck_while_one_of_its_children_is_stuck() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let (wait, fail) = (probe.clone(), probe.script());
    let fail = fail.launch(move |_| {
        let wait = wait.clone();
        async move {
            is_blocked(&wait).await;
            Err("no second".into())
        }
    });
    let (tree, release) = half_begun(&probe, fail.spec());
    let started = answered("the start", sessions.start_session("s", tree)).await;
    // A caller that waits is told why, and does not wait for the stuck child.
    assert!(
        matches!(started, Err(StartError::Failed { .. })),
        "{started:?}"
    );
    keeps_its_id(&sessions, &probe).await;
    drop(release);
    is_free_again(&sessions, &probe).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_tree_whose_start_was_given_up_is_stuck_while_one_of_its_children_is_stuck() {
    for stop in [false, true] {
        let probe = Probe::default();
        let sessions = supervisor(Options::new()).await;
        let hangs = Probe::default();
        let hangs = hangs.script().pre_start(|_, _| std::future::pending());
        let (tree, release) = half_begun(&probe, hangs.spec());
        if stop {
            let start = crate::support::asked(sessions.start_session("s", tree)).await;
            is_blocked(&probe).await;
            let stop = answered("the stop", sessions.stop_session("s")).await;
            assert_eq!(stop, Err(StopError::Stuck));
            assert!(start.await.unwrap().is_err());
        } else {
            let tree = tree.start_timeout(std::time::Duration::from_millis(300));
            let start = answered("the start", sessions.start_session("s", tree)).await;
            assert!(matches!(start, Err(StartError::TimedOut)), "{start:?}");
        }
        keeps_its_id(&sessions, &probe).await;
        drop(release);
        is_free_again(&sessions, &probe).await;
    }
}
