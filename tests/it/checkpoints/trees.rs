//! The children of static supervisors, and sessions that are trees.

use std::time::Duration;

use session_supervisor::{
    ChildSpec, Options, Restart, SessionSupervisor, StartContext, Supervisor, TreeSpec,
};

use super::{Handles, Saved, dropped};
use crate::support::{Order, Probe, Worker, answered, back_tree, died, end, supervisor};

const SECOND: Duration = Duration::from_secs(1);

fn spec(handles: &Handles, probe: &Probe) -> ChildSpec<Worker> {
    handles.script(probe).spec()
}

async fn tree(tree: TreeSpec) -> Supervisor {
    Supervisor::start(tree.unique_name()).await.unwrap()
}

/// Ends a child, and waits until it is back.
async fn crash(tree: &Supervisor, role: &str) {
    let child = tree.find_child_as::<Order>(role).unwrap();
    end(&child, Order::Crash).await;
    at_rest(tree).await;
}

/// All restarts are made: paused time passes when nothing else is left to do.
async fn at_rest(tree: &Supervisor) {
    tokio::time::sleep(SECOND).await;
    tree.count_children().await.unwrap();
}

/// "Each child of a `Supervisor` has a checkpoint of its own. It survives the restarts of that
/// child, alone or with others, by the strategy or by hand."
#[tokio::test(start_paused = true)]
async fn each_child_finds_its_own() {
    for one_for_all in [false, true] {
        let probe = Probe::default();
        let (a, b) = (Handles::default(), Handles::default());
        let described = if one_for_all {
            TreeSpec::one_for_all()
        } else {
            TreeSpec::one_for_one()
        };
        let tree = tree(
            described
                .child("a", spec(&a, &probe))
                .child("b", spec(&b, &probe)),
        )
        .await;
        a.last().save(Saved::new(1, &probe)).unwrap();
        b.last().save(Saved::new(2, &probe)).unwrap();
        crash(&tree, "a").await;
        assert_eq!((a.launches(), a.found()), (2, Some(1)));
        let expected = if one_for_all { (2, Some(2)) } else { (1, None) };
        assert_eq!((b.launches(), b.found()), expected);
        tree.terminate_child("b").await.unwrap();
        tree.restart_child("b").await.unwrap();
        assert_eq!(b.found(), Some(2));
        assert_eq!(dropped(&probe).len(), 0);
        tree.stop().await.unwrap();
        assert_eq!(dropped(&probe).len(), 2);
    }
}

/// "It is gone when the child is deleted or forgotten, when a `Temporary` one ends".
#[tokio::test(start_paused = true)]
async fn it_is_gone_with_the_child() {
    let probe = Probe::default();
    let (a, b, c) = (Handles::default(), Handles::default(), Handles::default());
    let temporary = |handles: &Handles| spec(handles, &probe).restart(Restart::Temporary);
    let tree = tree(
        TreeSpec::one_for_one()
            .child("a", spec(&a, &probe))
            .child("b", temporary(&b))
            .child_on_demand("c", temporary(&c)),
    )
    .await;
    tree.restart_child("c").await.unwrap();
    for (number, handles) in (1..).zip([&a, &b, &c]) {
        handles.last().save(Saved::new(number, &probe)).unwrap();
    }
    tree.terminate_child("a").await.unwrap();
    at_rest(&tree).await;
    assert_eq!(dropped(&probe), [""; 0]);
    tree.delete_child("a").await.unwrap();
    at_rest(&tree).await;
    assert_eq!(dropped(&probe), ["1 is dropped"]);
    crash(&tree, "b").await;
    assert_eq!(dropped(&probe), ["1 is dropped", "2 is dropped"]);
    crash(&tree, "c").await;
    assert_eq!(dropped(&probe).len(), 3);
    // Each begins anew under its role.
    tree.start_child("a", spec(&a, &probe)).await.unwrap();
    tree.start_child("b", temporary(&b)).await.unwrap();
    tree.restart_child("c").await.unwrap();
    for handles in [&a, &b, &c] {
        assert_eq!((handles.launches(), handles.found()), (2, None));
    }
    tree.stop().await.unwrap();
}

/// A session that is a tree of one child, and saves in its own checkpoint too.
fn session(own: &Handles, child: &Handles, probe: &Probe) -> ChildSpec<Supervisor> {
    let (own, child, probe) = (own.clone(), child.clone(), probe.clone());
    ChildSpec::tree(move |start: StartContext| {
        own.see(&start);
        TreeSpec::one_for_one()
            .restart_limit(1, 60 * SECOND)
            .child("child", spec(&child, &probe))
    })
}

async fn crash_child(sessions: &SessionSupervisor) {
    let child = sessions.find_child_as::<Order>("a", "child").unwrap();
    end(&child, Order::Crash).await;
    tokio::time::sleep(SECOND).await;
}

/// "A tree that is started anew begins anew. What is to survive that too is saved in the checkpoint
/// of the session".
#[tokio::test(start_paused = true)]
async fn the_children_of_a_session_lose_theirs_with_the_tree_and_the_session_keeps_its_own() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (own, child) = (Handles::default(), Handles::default());
    let spec = session(&own, &child, &probe);
    sessions.start_session("a", spec).await.unwrap();
    own.last().save(Saved::new(1, &probe)).unwrap();
    child.last().save(Saved::new(2, &probe)).unwrap();
    crash_child(&sessions).await;
    assert_eq!((own.launches(), child.found()), (1, Some(2)));
    // The handle of the session's incarnation is still its own.
    own.last().save(Saved::new(3, &probe)).unwrap();
    assert_eq!(dropped(&probe), ["1 is dropped"]);
    // The limit of the tree is used up: the session ends, and comes back.
    crash_child(&sessions).await;
    back_tree(&sessions, "a").await;
    assert_eq!((own.launches(), own.found()), (2, Some(3)));
    assert_eq!((child.launches(), child.found()), (3, None));
    assert_eq!(dropped(&probe), ["1 is dropped", "2 is dropped"]);
    let restart = sessions.restart_session("a");
    answered("the restart", restart).await.unwrap();
    assert_eq!((own.found(), child.found()), (Some(3), None));
    sessions.stop_session("a").await.unwrap();
    assert_eq!(dropped(&probe).len(), 3);
    sessions.stop().await.unwrap();
}

/// A tree that is killed as a whole, with its session supervisor.
#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_a_tree_that_is_killed() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (own, child) = (Handles::default(), Handles::default());
    let spec = session(&own, &child, &probe);
    sessions.start_session("a", spec).await.unwrap();
    own.last().save(Saved::new(1, &probe)).unwrap();
    child.last().save(Saved::new(2, &probe)).unwrap();
    sessions.get_cell().kill();
    died(&sessions.get_cell()).await;
    probe.until(|tally| tally.notes.len() == 2).await;
}
