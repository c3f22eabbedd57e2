//! What a static supervisor does with its children: order, failed starts, calls, strategies, and
//! what is left of a session's tree when it ends.

use ractor::{Actor, ActorRef};
use session_supervisor::error::{
    DeleteChildError, RestartChildError, StartChildError, StartError, StartSupervisorError,
    TerminateChildError,
};
use session_supervisor::{
    ChildSpec, ChildState, Exit, Options, Restart, Strategy, TreeSpec, names,
};

use super::ways::{HOUR, ms};
use crate::support::{
    Order, Parent, Probe, Worker, answered, asked, died, end, names_of, supervisor,
};
use crate::trees::scenery::{
    Notes, child, child_of, noted, noting, roles, session, start, those, three,
};

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];

#[tokio::test]
async fn row_184_children_start_in_order_and_stop_in_reverse() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = session(&probe, TreeSpec::one_for_one);
    sessions.start_session("s", spec).await.unwrap();
    assert_eq!(probe.notes(), ["+s/a", "+s/b", "+s/c"]);
    assert_eq!(sessions.stop_session("s").await, Ok(Exit::Shutdown));
    assert_eq!(probe.notes()[3..], ["-s/c", "-s/b", "-s/a"]);
    sessions.stop().await.unwrap();
}

#[derive(Debug, thiserror::Error)]
#[error("no paper")]
struct NoPaper;

#[tokio::test]
async fn row_185_a_child_that_fails_to_start_fails_the_whole_with_its_role_and_cause() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let inner = probe.clone();
    let spec = ChildSpec::tree(move |_| {
        let bad: ChildSpec<Worker> = ChildSpec::from_fn(|_| async { Err(NoPaper.into()) });
        TreeSpec::one_for_one()
            .child("manager", noted(&inner))
            .child("state", bad)
            .child("late", noted(&inner))
    });
    for _ in 0..3 {
        let Err(StartError::Failed { id, cause }) = sessions.start_session("s", spec.clone()).await
        else {
            panic!("it does not start");
        };
        assert_eq!(&*id, "s");
        match cause.downcast_ref::<StartSupervisorError>() {
            Some(StartSupervisorError::ChildFailed {
                role,
                error: StartChildError::Failed { cause, .. },
            }) => {
                assert_eq!(&**role, "state");
                assert!(cause.is::<NoPaper>(), "as it was made");
            }
            other => panic!("{other:?}"),
        }
        assert!(cause.to_string().contains("state"), "{cause}");
        assert_eq!(names_of(sessions.name()), [sessions.name()]);
        assert_eq!(probe.alive(), 0);
        assert_eq!(sessions.count_sessions().await.unwrap().specs, 0);
    }
    let once = ["+s/manager", "-s/manager"];
    assert_eq!(probe.notes(), [once, once, once].concat());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn row_186_a_terminated_child_keeps_its_spec_until_it_is_deleted() {
    let probe = Probe::default();
    let tree = start(three(TreeSpec::one_for_all(), &probe)).await;
    let b = child(&tree, "b");
    // One that runs is neither restarted by hand nor deleted.
    match tree.restart_child("b").await {
        Err(RestartChildError::Running { cell }) => assert_eq!(cell.get_id(), b.get_id()),
        other => panic!("{other:?}"),
    }
    match tree.delete_child("b").await {
        Err(DeleteChildError::Running { cell }) => assert_eq!(cell.get_id(), b.get_id()),
        other => panic!("{other:?}"),
    }
    let mut notes = Notes::of(&probe);
    assert_eq!(tree.terminate_child("b").await, Ok(Exit::Shutdown));
    assert_eq!(notes.fresh(), ["-b"], "whatever the strategy");
    assert_eq!(tree.terminate_child("b").await, Ok(Exit::NotRunning));
    assert_eq!(roles(&tree).await, ["a", "b", "c"], "it keeps its place");
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["b"]);
    let counts = tree.count_children().await.unwrap();
    assert_eq!((counts.specs, counts.active, counts.workers), (3, 2, 3));
    let present = tree.start_child("b", noted(&probe)).await;
    assert!(
        matches!(&present, Err(StartChildError::AlreadyPresent { role }) if &**role == "b"),
        "{present:?}"
    );
    let again = tree.restart_child("b").await.unwrap();
    assert_eq!(again.get_id(), child(&tree, "b").get_id());
    assert_eq!(notes.fresh(), ["+b"]);
    assert_eq!(roles(&tree).await, ["a", "b", "c"]);
    assert_eq!(
        tree.which_children().await.unwrap()[1].restarts,
        0,
        "by hand"
    );
    tree.terminate_child("b").await.unwrap();
    tree.delete_child("b").await.unwrap();
    assert_eq!(roles(&tree).await, ["a", "c"]);
    let gone = (
        tree.terminate_child("b").await,
        tree.delete_child("b").await,
        tree.restart_child("b").await,
    );
    assert!(matches!(gone.0, Err(TerminateChildError::NotFound)));
    assert!(matches!(gone.1, Err(DeleteChildError::NotFound)));
    assert!(matches!(gone.2, Err(RestartChildError::NotFound)));
    // A new one under the old role is the last.
    tree.start_child("b", noted(&probe)).await.unwrap();
    assert_eq!(roles(&tree).await, ["a", "c", "b"]);
    // A start that fails leaves nothing, a restart by hand that fails leaves the spec.
    let bad = probe.script().launch(|start| async move {
        match start.incarnation {
            2 => Ok(true),
            _ => Err("no ink".into()),
        }
    });
    let failed = tree.start_child("d", bad.clone().spec()).await;
    assert!(
        matches!(failed, Err(StartChildError::Failed { .. })),
        "{failed:?}"
    );
    assert_eq!(roles(&tree).await, ["a", "c", "b"]);
    let good_then_bad = probe.script().launch(|start| async move {
        match start.incarnation {
            2 => Err("no ink".into()),
            _ => Ok(true),
        }
    });
    tree.start_child("d", good_then_bad.spec()).await.unwrap();
    tree.terminate_child("d").await.unwrap();
    let failed = tree.restart_child("d").await;
    assert!(
        matches!(
            &failed,
            Err(RestartChildError::Start(StartChildError::Failed { .. }))
        ),
        "{failed:?}"
    );
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["d"]);
    tree.restart_child("d").await.unwrap();
    tree.stop().await.unwrap();
    for answer in [
        tree.start_child("x", noted(&probe))
            .await
            .unwrap_err()
            .to_string(),
        tree.terminate_child("a").await.unwrap_err().to_string(),
        tree.restart_child("a").await.unwrap_err().to_string(),
        tree.delete_child("a").await.unwrap_err().to_string(),
    ] {
        assert_eq!(answer, "the supervisor is down");
    }
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn row_186_one_that_waits_for_its_restart_is_neither_restarted_by_hand_nor_deleted() {
    let probe = Probe::default();
    let pause = session_supervisor::Backoff::constant(HOUR);
    let tree = start(TreeSpec::one_for_one().child("a", noted(&probe).backoff(pause))).await;
    end(&child(&tree, "a"), Order::Crash).await;
    assert_eq!(those(&tree, ChildState::Restarting).await, ["a"]);
    let restart = tree.restart_child("a").await;
    assert!(
        matches!(
            restart,
            Err(RestartChildError::Start(StartChildError::Restarting))
        ),
        "{restart:?}"
    );
    let start = tree.start_child("a", noted(&probe)).await;
    assert!(
        matches!(start, Err(StartChildError::Restarting)),
        "{start:?}"
    );
    let delete = tree.delete_child("a").await;
    assert!(
        matches!(delete, Err(DeleteChildError::Restarting)),
        "{delete:?}"
    );
    // Terminated it does not come back.
    assert_eq!(tree.terminate_child("a").await, Ok(Exit::NotRunning));
    tokio::time::sleep(2 * HOUR).await;
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["a"]);
    tree.restart_child("a").await.unwrap();
    tree.stop().await.unwrap();
}

fn list(roles: &[String]) -> String {
    match roles {
        [] => "–".to_owned(),
        roles => roles.join(", "),
    }
}

/// One row of the truth table, made by real actors.
async fn row(strategy: Strategy, kind: Restart, event: &str) -> String {
    let probe = Probe::default();
    let child_of_kind = |kind| noted(&probe).restart(kind);
    let tree = start(
        TreeSpec::new(strategy)
            .child("a", child_of_kind(Restart::Permanent))
            .child("b", child_of_kind(kind))
            .child("c", child_of_kind(Restart::Permanent))
            .child("d", child_of_kind(Restart::Temporary))
            .child("e", child_of_kind(Restart::Transient)),
    )
    .await;
    let e = child(&tree, "e");
    e.stop(None);
    died(&e.get_cell()).await;
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["e"]);
    let mut notes = Notes::of(&probe);
    let b = child(&tree, "b");
    let own = match event {
        "ends in order" => {
            b.stop(None);
            "-b"
        }
        "crashes" => {
            b.cast(Order::Crash).unwrap();
            ""
        }
        _ => {
            tree.terminate_child("b").await.unwrap();
            ""
        }
    };
    died(&b.get_cell()).await;
    // Time moves on when no task has anything left to do.
    tokio::time::sleep(ms(1)).await;
    let mut told = notes.fresh();
    if let Some(at) = told.iter().position(|note| note == own) {
        told.remove(at);
    }
    let of = |sign: &str| {
        let of = told.iter().filter_map(|note| note.strip_prefix(sign));
        of.map(str::to_owned).collect::<Vec<_>>()
    };
    let known = roles(&tree).await;
    let gone = ["a", "b", "c", "d", "e"].map(str::to_owned).into_iter();
    let gone: Vec<_> = gone.filter(|role| !known.contains(role)).collect();
    let line = format!(
        "| {strategy:?} | {kind:?} | {event} | {} | {} | {} | {} | {} |",
        list(&of("-")),
        list(&of("+")),
        list(&those(&tree, ChildState::Running).await),
        list(&those(&tree, ChildState::NotRunning).await),
        list(&gone),
    );
    let first_start = told.iter().position(|note| note.starts_with('+'));
    let last_stop = told.iter().rposition(|note| note.starts_with('-'));
    if let (Some(start), Some(stop)) = (first_start, last_stop) {
        assert!(stop < start, "all stops come before all starts: {told:?}");
    }
    tree.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
    line
}

#[tokio::test(start_paused = true)]
async fn row_187_every_strategy_does_with_every_kind_what_the_truth_table_says() {
    let documented = include_str!("../../../src/engine/ordered/truth.md");
    let documented: Vec<_> = documented
        .lines()
        .filter(|line| line.starts_with("| One") || line.starts_with("| Rest"))
        .collect();
    let mut shown = Vec::new();
    for strategy in [
        Strategy::OneForOne,
        Strategy::OneForAll,
        Strategy::RestForOne,
    ] {
        for kind in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
            for event in ["ends in order", "crashes", "is stopped by a caller"] {
                shown.push(row(strategy, kind, event).await);
            }
        }
    }
    assert_eq!(shown.len(), 27);
    assert_eq!(shown, documented);
}

#[tokio::test(start_paused = true)]
async fn row_188_nothing_of_a_stopped_session_lives_on() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let inner = probe.clone();
    // Each child has spawned an actor of its own, under a name of its own.
    let spec = ChildSpec::tree(move |_| {
        let tree = TreeSpec::one_for_all();
        let spawning = |inner: &Probe| {
            let child = inner.clone();
            let script = noting(inner).post_start(move |start, myself: ActorRef<Order>| {
                let (child, role) = (child.clone(), start.role.unwrap());
                async move {
                    let name =
                        names::child(start.supervisor.unwrap().name(), &format!("own of {role}"));
                    Parent::spawn_linked(Some(name), Parent, child, myself.get_cell()).await?;
                    Ok(())
                }
            });
            script.spec()
        };
        tree.child("manager", spawning(&inner))
            .child("state", spawning(&inner))
    });
    for graceful in [true, false] {
        let tree = sessions.start_session("s", spec.clone()).await.unwrap();
        tree.start_child("agent", noted(&probe)).await.unwrap();
        let ready = if graceful { 3 } else { 6 };
        probe.until(|tally| tally.ready == ready).await;
        assert_eq!(names_of(sessions.name()).len(), 1 + 1 + 3 + 2);
        if graceful {
            assert_eq!(sessions.stop_session("s").await, Ok(Exit::Shutdown));
        } else {
            let stop = asked(sessions.stop_session("s")).await;
            tree.get_cell().kill();
            let exit = stop.await.unwrap();
            assert!(exit.is_ok(), "{exit:?}");
        }
        assert_eq!(probe.alive(), 0);
        assert_eq!(names_of(sessions.name()), [sessions.name()]);
    }
    sessions.stop().await.unwrap();
}

/// The hammer of `trees` does this ten thousand times for restarts.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_189_a_killed_tree_takes_its_children_along_and_its_id_is_free_when_that_is_told() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let spec = session(&probe, TreeSpec::one_for_all).restart(Restart::Temporary);
    for _ in 0..500 {
        let started = answered("the start", sessions.start_session("s", spec.clone())).await;
        let tree = started.expect("no name of the tree before is left");
        let children = ["a", "b", "c"].map(|role| child_of(&sessions, "s", role));
        tree.get_cell().kill();
        died(&tree.get_cell()).await;
        let next = sessions.start_session("s", spec.clone());
        let next = answered("the next", next)
            .await
            .expect("as soon as it is told");
        for child in children {
            died(&child.get_cell()).await;
        }
        assert_eq!(probe.alive(), 3);
        next.get_cell().kill();
        died(&next.get_cell()).await;
    }
    sessions.stop().await.unwrap();
    assert_eq!(probe.alive(), 0);
    assert_eq!(
        probe.stops(),
        0,
        "a killed tree's children have no post_stop"
    );
}
