//! Children that are started when they are asked for, children that are stopped together, and
//! requests whose callers have gone.

use std::time::Duration;

use session_supervisor::error::{RestartChildError, StartChildError};
use session_supervisor::{
    AutoShutdown, ChildSpec, ChildState, Options, Restart, Shutdown, Strategy, TreeSpec,
};

use super::scenery::{Notes, child, noted, roles, start, those};
use crate::support::{Gate, Order, Probe, asked, back_tree, died, end, supervisor};

/// `a`, an agent on demand, and `c`.
fn with_agent(tree: TreeSpec, probe: &Probe, agent: Restart) -> TreeSpec {
    tree.child("a", noted(probe))
        .child_on_demand("agent", noted(probe).restart(agent))
        .child("c", noted(probe))
}

#[tokio::test(start_paused = true)]
async fn a_child_on_demand_is_known_and_down_until_it_is_asked_for() {
    let probe = Probe::default();
    let tree = with_agent(TreeSpec::one_for_one(), &probe, Restart::Permanent);
    let tree = start(tree).await;
    assert_eq!(probe.notes(), ["+a", "+c"]);
    assert_eq!(roles(&tree).await, ["a", "agent", "c"]);
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["agent"]);
    let counts = tree.count_children().await.unwrap();
    assert_eq!((counts.specs, counts.active, counts.workers), (3, 2, 3));
    assert!(tree.find_child("agent").is_none());
    let added = tree.start_child("agent", noted(&probe)).await;
    assert!(
        matches!(added, Err(StartChildError::AlreadyPresent { .. })),
        "{added:?}"
    );
    tree.restart_child("agent").await.unwrap();
    let again = tree.restart_child("agent").await;
    assert!(
        matches!(again, Err(RestartChildError::Running { .. })),
        "{again:?}"
    );
    let mut notes = Notes::of(&probe);
    let report = tree.stop().await.unwrap();
    assert_eq!(
        notes.fresh(),
        ["-c", "-agent", "-a"],
        "it has its place in the order"
    );
    assert_eq!((report.stopped, report.not_running), (3, 0));
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_the_tree_keeps_a_child_on_demand_and_none_that_was_added() {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    let inner = probe.clone();
    let spec =
        ChildSpec::tree(move |_| with_agent(TreeSpec::one_for_one(), &inner, Restart::Permanent));
    let tree = sessions.start_session("s", spec).await.unwrap();
    tree.start_child("added", noted(&probe)).await.unwrap();
    tree.restart_child("agent").await.unwrap();
    let root = tree.get_cell();
    root.kill();
    died(&root).await;
    let tree = back_tree(&sessions, "s").await;
    assert_eq!(roles(&tree).await, ["a", "agent", "c"]);
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["agent"]);
    tree.restart_child("agent").await.unwrap();
    assert!(sessions.find_child("s", "agent").is_some());
    sessions.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_strategy_starts_it_before_it_has_run_and_all_do_after() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let probe = Probe::default();
        let tree = with_agent(TreeSpec::new(strategy), &probe, Restart::Permanent);
        let tree = start(tree).await;
        let mut notes = Notes::of(&probe);
        end(&child(&tree, "a"), Order::Crash).await;
        probe.until(|tally| tally.ready == 4).await;
        assert_eq!(notes.fresh(), ["-c", "+a", "+c"]);
        assert_eq!(those(&tree, ChildState::NotRunning).await, ["agent"]);
        tree.restart_child("agent").await.unwrap();
        end(&child(&tree, "a"), Order::Crash).await;
        probe.until(|tally| tally.ready == 8).await;
        let told = ["+agent", "-c", "-agent", "+a", "+agent", "+c"];
        assert_eq!(notes.fresh(), told);
        tree.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_temporary_one_stays_known_when_it_has_ended() {
    let probe = Probe::default();
    let tree = with_agent(TreeSpec::one_for_all(), &probe, Restart::Temporary);
    let tree = start(tree).await;
    for ready in [3, 4] {
        tree.restart_child("agent").await.unwrap();
        probe.until(|tally| tally.ready == ready).await;
        end(&child(&tree, "agent"), Order::Crash).await;
        assert_eq!(those(&tree, ChildState::NotRunning).await, ["agent"]);
    }
    // With the others it is stopped, and not started again.
    tree.restart_child("agent").await.unwrap();
    end(&child(&tree, "a"), Order::Crash).await;
    probe.until(|tally| tally.ready == 7).await;
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["agent"]);
    tree.delete_child("agent").await.unwrap();
    assert_eq!(roles(&tree).await, ["a", "c"]);
    tree.stop().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_significant_one_that_has_never_run_does_not_keep_the_tree_up() {
    let probe = Probe::default();
    let significant = || noted(&probe).restart(Restart::Transient).significant();
    let tree = TreeSpec::one_for_one()
        .auto_shutdown(AutoShutdown::AllSignificant)
        .child("a", significant())
        .child_on_demand("agent", significant());
    let tree = start(tree).await;
    child(&tree, "a").stop(None);
    died(&tree.get_cell()).await;
    assert_eq!(probe.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_bad_role_on_demand_is_told_as_any_other() {
    let probe = Probe::default();
    for role in ["", "a/b", "session", "a"] {
        let tree = TreeSpec::one_for_one()
            .unique_name()
            .child("a", noted(&probe));
        let tree = tree.child_on_demand(role, noted(&probe));
        let begun = session_supervisor::Supervisor::start(tree).await;
        assert!(begun.is_err(), "{role:?}");
    }
    assert_eq!(probe.starts(), 0);
}

#[tokio::test(start_paused = true)]
async fn children_that_stop_together_take_as_long_as_the_slowest() {
    let probe = Probe::default();
    let slow = |seconds| probe.slow_to_stop(Duration::from_secs(seconds));
    let tree = TreeSpec::one_for_all()
        .stop_together()
        .child("a", slow(3))
        .child("b", slow(1).shutdown(Shutdown::BrutalKill))
        .child(
            "c",
            slow(3).shutdown(Shutdown::Timeout(Duration::from_secs(2))),
        )
        .child("d", slow(4).shutdown(Shutdown::Infinity));
    let tree = start(tree).await;
    let report = tree.stop().await.unwrap();
    assert_eq!(
        (report.stopped, report.killed),
        (2, 2),
        "each by its own rule"
    );
    assert_eq!(report.took, Duration::from_secs(4));
}

/// Only the stop of the supervisor is in parallel.
#[tokio::test(start_paused = true)]
async fn a_set_of_those_who_stop_together_is_taken_down_in_order() {
    let probe = Probe::default();
    let tree = TreeSpec::one_for_all().stop_together();
    let tree = start(super::scenery::three(tree, &probe)).await;
    let mut notes = Notes::of(&probe);
    end(&child(&tree, "a"), Order::Crash).await;
    probe.until(|tally| tally.ready == 6).await;
    assert_eq!(notes.fresh(), ["-c", "-b", "+a", "+b", "+c"]);
    tree.stop().await.unwrap();
}

/// D3: nothing is launched for a caller that has gone.
#[tokio::test(start_paused = true)]
async fn what_waits_for_its_turn_is_dropped_when_its_caller_has_gone() {
    let probe = Probe::default();
    let gate = Gate::closed();
    let holds = probe.script().post_stop(gate.holds()).spec();
    let tree = TreeSpec::one_for_all()
        .child("a", noted(&probe))
        .child_on_demand("agent", noted(&probe))
        .child("c", holds.shutdown(Shutdown::Infinity));
    let tree = start(tree).await;
    end(&child(&tree, "a"), Order::Crash).await;
    // `c` is being taken down, so all wait.
    let mut gone = Vec::new();
    for n in 0..50 {
        let restart = tree.restart_child("agent");
        gone.push(asked(async { drop(restart.await) }).await);
        let start = tree.start_child(&format!("added-{n}"), noted(&probe));
        gone.push(asked(async { drop(start.await) }).await);
    }
    let deleted = asked(tree.delete_child("agent")).await;
    let stays = asked(tree.start_child("stays", noted(&probe))).await;
    let stop = asked(tree.terminate_child("a")).await;
    for caller in gone {
        caller.abort();
        drop(caller.await);
    }
    deleted.abort();
    drop(deleted.await);
    stop.abort();
    drop(stop.await);
    gate.open();
    stays.await.unwrap().unwrap();
    assert_eq!(roles(&tree).await, ["a", "agent", "c", "stays"]);
    // A stop is never dropped.
    assert_eq!(those(&tree, ChildState::NotRunning).await, ["a", "agent"]);
    tree.stop().await.unwrap();
}

/// Of many who restart one child, one starts it.
#[tokio::test(start_paused = true)]
async fn a_hundred_restarts_of_one_child_start_it_once() {
    let probe = Probe::default();
    let tree = with_agent(TreeSpec::one_for_one(), &probe, Restart::Permanent);
    let tree = start(tree).await;
    let mut calls = Vec::new();
    for _ in 0..100 {
        calls.push(tokio::spawn(tree.restart_child("agent")));
    }
    let mut started = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(_) => started += 1,
            Err(RestartChildError::Running { .. }) => {}
            Err(other) => panic!("{other:?}"),
        }
    }
    assert_eq!((started, probe.starts()), (1, 3));
    tree.stop().await.unwrap();
}
