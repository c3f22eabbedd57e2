//! Children whose values panic or block when they are dropped, children and trees that have cut
//! their links, descriptions that panic: no other child is affected.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use ractor::ActorRef;
use session_supervisor::error::StartError;
use session_supervisor::{
    Backoff, ChildSpec, Exit, Options, Restart, SessionState, Shutdown, Supervisor, TreeSpec,
};

use super::scenery::{Census, child_of, nothing_left, session};
use crate::support::{Order, Probe, answered, back_tree, died, end, names_of, supervisor};

/// When a killed tree is back, the states of its children before are gone, wherever they were
/// dropped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_state_of_a_killed_tree_outlives_the_start_of_the_next() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (left, inner) = (Arc::new(AtomicUsize::new(0)), probe.clone());
    let found = Arc::clone(&left);
    let spec = ChildSpec::tree(move |_| {
        found.fetch_add(inner.alive(), Ordering::SeqCst);
        // What takes its time before it is counted as dropped.
        let slow = || {
            let script = inner.script().on_drop(|_| ());
            script.spec().shutdown(Shutdown::BrutalKill)
        };
        TreeSpec::one_for_all()
            .child("a", slow())
            .child("b", slow())
            .child("c", slow())
    });
    let spec = spec
        .restart(Restart::Permanent)
        .without_restart_limit()
        .backoff(Backoff::none());
    sessions.start_session("s", spec).await.unwrap();
    for round in 0..2_000 {
        let root = back_tree(&sessions, "s").await.get_cell();
        match round % 2 {
            0 => root.kill(),
            _ => root.stop(None),
        }
        died(&root).await;
    }
    back_tree(&sessions, "s").await;
    assert_eq!(left.load(Ordering::SeqCst), 0);
    sessions.stop().await.unwrap();
}

/// Children whose states do this when they are dropped.
fn dropping(
    probe: &Probe,
    on_drop: impl Fn() + Clone + Send + Sync + 'static,
) -> ChildSpec<Supervisor> {
    let probe = probe.clone();
    ChildSpec::tree(move |_| {
        let child = || {
            let on_drop = on_drop.clone();
            probe.script().on_drop(move |_| on_drop()).spec()
        };
        TreeSpec::one_for_all()
            .child("a", child())
            .child("b", child())
            .child("c", child())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn states_that_panic_in_their_drop_affect_no_other() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let other = session(&probe, TreeSpec::one_for_one);
    let other = sessions.start_session("other", other).await.unwrap();
    let panics = dropping(&probe, || panic!("in a drop"))
        .without_restart_limit()
        .backoff(Backoff::none());
    for _ in 0..20 {
        let tree = sessions.start_session("s", panics.clone()).await.unwrap();
        // All three at once: their states are dropped unread, with the tree (docs/ractor.md).
        tree.get_cell().kill();
        died(&tree.get_cell()).await;
        let tree = back_tree(&sessions, "s").await;
        end(&child_of(&sessions, "s", "b"), Order::Panic).await;
        drop(tree);
        let stop = answered("the stop", sessions.stop_session("s")).await;
        assert_eq!(stop, Ok(Exit::Shutdown));
        assert_eq!(probe.alive(), 3, "the other's");
    }
    assert_eq!(other.count_children().await.unwrap().active, 3);
    sessions.start_session("s", panics).await.unwrap();
    sessions.get_cell().kill();
    died(&sessions.get_cell()).await;
    probe.until(|tally| tally.alive == 0).await;
}

/// One blocked thread of several: a runtime all of whose threads are blocked does nothing at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_state_that_blocks_in_its_drop_keeps_its_own_session_alone() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let other = session(&probe, TreeSpec::one_for_one);
    sessions.start_session("other", other).await.unwrap();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (released, note) = (Arc::new(Mutex::new(Some(released))), probe.clone());
    // The first one that is dropped.
    let blocks = dropping(&probe, move || {
        let released = released.lock().unwrap().take();
        if let Some(released) = released {
            note.note("blocks");
            released.recv().ok();
        }
    });
    let tree = sessions.start_session("s", blocks).await.unwrap();
    tree.get_cell().kill();
    let blocks = |notes: &[String]| notes.iter().any(|note| note == "blocks");
    probe.until(|tally| blocks(&tally.notes)).await;
    let a = child_of(&sessions, "other", "a");
    assert_eq!(ractor::call!(a, Order::Echo, 1).unwrap(), 1);
    end(&a, Order::Crash).await;
    let again = |notes: &[String]| notes.last().is_some_and(|note| note == "+other/a");
    probe.until(|tally| again(&tally.notes)).await;
    drop(release);
    let back = answered("the session", back_tree(&sessions, "s")).await;
    assert_eq!(back.count_children().await.unwrap().active, 3);
    answered("the stop", sessions.stop()).await.unwrap();
    assert_eq!(probe.alive(), 0);
}

/// The child or the tree cuts the link to what supervises it.
#[tokio::test(start_paused = true)]
async fn children_and_trees_that_unlink_themselves_are_stopped_and_killed_all_the_same() {
    for kill in [false, true] {
        let sessions = supervisor(Options::new()).await;
        let probe = Probe::default();
        let (census, remains) = Census::new();
        let (inner, entered) = (probe.clone(), census.clone());
        let spec = ChildSpec::tree(move |_| {
            TreeSpec::one_for_one()
                .child("a", entered.noting(&inner).spec())
                .child("b", entered.noting(&inner).spec())
        });
        let tree = sessions.start_session("s", spec).await.unwrap();
        census.enter(tree.get_cell());
        for role in ["a", "b"] {
            let child: ActorRef<Order> = child_of(&sessions, "s", role);
            child.unlink(tree.get_cell());
            assert!(sessions.find_child("s", role).is_none());
        }
        tree.get_cell().unlink(sessions.get_cell());
        assert!(sessions.find_session("s").is_none());
        assert_eq!(tree.count_children().await.unwrap().active, 2);
        if kill {
            sessions.get_cell().kill();
            died(&sessions.get_cell()).await;
        } else {
            let report = sessions.stop().await.unwrap();
            assert_eq!((report.stopped, report.killed), (3, 0));
            assert_eq!(probe.notes()[2..], ["-s/b", "-s/a"]);
        }
        nothing_left(sessions.name(), &probe, census, remains).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_description_that_panics_fails_the_start_and_is_tried_again_at_a_restart() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let inner = probe.clone();
    let spec = ChildSpec::tree(move |start| {
        assert!(!matches!(start.incarnation, 2 | 3), "out of order");
        assert!(start.key() != "bad", "bad from the start");
        TreeSpec::one_for_one().child("a", inner.spec())
    });
    match sessions.start_session("bad", spec.clone()).await {
        Err(StartError::Failed { cause, .. }) => {
            assert!(cause.to_string().contains("bad from the start"), "{cause}");
        }
        other => panic!("{other:?}"),
    }
    let tree = sessions.start_session("s", spec).await.unwrap();
    tree.get_cell().kill();
    died(&tree.get_cell()).await;
    back_tree(&sessions, "s").await;
    let info = sessions.session_info("s").await.unwrap().unwrap();
    assert_eq!((info.incarnation, info.restarts), (4, 3));
    // The next crash within the window is one too many: it is parked, and holds nothing.
    sessions.find_session("s").unwrap().kill();
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let info = sessions.session_info("s").await.unwrap().unwrap();
    assert_eq!(info.state, SessionState::Parked);
    assert_eq!(names_of(sessions.name()), [sessions.name()]);
    assert_eq!(probe.alive(), 0);
    sessions.restart_session("s").await.unwrap();
    assert!(sessions.find_child("s", "a").is_some());
    sessions.stop().await.unwrap();
}

/// A session whose tree is not to be waited for without end.
#[tokio::test(start_paused = true)]
async fn a_tree_with_a_shutdown_rule_of_its_own_is_killed_with_its_children() {
    let sessions = supervisor(Options::new()).await;
    // Under a timeout the tree shares out its time, so `a` is asked while `b` hangs (D12).
    for (rule, stops) in [
        (Shutdown::BrutalKill, 0),
        (Shutdown::Timeout(std::time::Duration::from_secs(2)), 1),
    ] {
        let probe = Probe::default();
        let (census, remains) = Census::new();
        let (inner, entered) = (probe.clone(), census.clone());
        let spec = ChildSpec::tree(move |_| {
            let hangs = entered
                .noting(&inner)
                .post_stop(|_, _| std::future::pending());
            TreeSpec::one_for_one()
                .child("a", entered.noting(&inner).spec())
                .child("b", hangs.spec().shutdown(Shutdown::Infinity))
        });
        let tree = sessions
            .start_session("s", spec.shutdown(rule))
            .await
            .unwrap();
        census.enter(tree.get_cell());
        let stop = answered("the stop", sessions.stop_session("s")).await;
        assert_eq!(stop, Ok(Exit::Killed), "{rule:?}");
        assert_eq!((probe.alive(), probe.stops()), (0, stops));
        assert_eq!(names_of(sessions.name()), [sessions.name()]);
        census.all_ended(remains).await;
    }
    sessions.stop().await.unwrap();
}
