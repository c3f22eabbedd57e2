//! What a crash does to the others, what failing restarts cost, and when the limit ends the tree.

use std::time::Duration;

use session_supervisor::reason::{RESTART_LIMIT_REACHED, SHUTDOWN};
use session_supervisor::{
    AutoShutdown, ChildSpec, ChildState, Exit, Options, Restart, StartContext, Strategy,
    Supervisor, TreeSpec,
};

use super::scenery::{Census, Notes, child, noted, noting, roles, start, those, three};
use crate::support::{Order, Probe, Worker, died, end, names_of, parent, supervisor};

const WINDOW: Duration = Duration::from_secs(5);

async fn until_idle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[tokio::test(start_paused = true)]
async fn the_set_of_each_strategy_is_stopped_in_reverse_and_started_in_order() {
    for (strategy, told) in [
        (Strategy::OneForOne, vec!["+b"]),
        (Strategy::OneForAll, vec!["-c", "-a", "+a", "+b", "+c"]),
        (Strategy::RestForOne, vec!["-c", "+b", "+c"]),
    ] {
        let probe = Probe::default();
        let tree = start(three(TreeSpec::new(strategy), &probe)).await;
        let mut notes = Notes::of(&probe);
        end(&child(&tree, "b"), Order::Crash).await;
        until_idle().await;
        assert_eq!(notes.fresh(), told, "{strategy:?}");
        assert_eq!(those(&tree, ChildState::Running).await, ["a", "b", "c"]);
        tree.stop().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_temporary_sibling_that_was_stopped_this_way_is_not_started_again() {
    for strategy in [Strategy::OneForAll, Strategy::RestForOne] {
        let probe = Probe::default();
        let tree = TreeSpec::new(strategy)
            .child("a", noted(&probe))
            .child("t", noted(&probe).restart(Restart::Temporary))
            .child("c", noted(&probe));
        let tree = start(tree).await;
        let mut notes = Notes::of(&probe);
        end(&child(&tree, "a"), Order::Crash).await;
        until_idle().await;
        assert_eq!(notes.fresh(), ["-c", "-t", "+a", "+c"], "{strategy:?}");
        assert_eq!(roles(&tree).await, ["a", "c"]);
        tree.stop().await.unwrap();
    }
}

/// A child whose launches from the second on fail so often.
fn failing(probe: &Probe, times: u64) -> ChildSpec<Worker> {
    let note = probe.clone();
    let launch = move |start: StartContext| {
        let fails = (2..2 + times).contains(&start.incarnation);
        if fails {
            note.note(format!("!{} attempt {}", start.key(), start.attempt));
        }
        async move {
            if fails {
                Err("no ink".into())
            } else {
                Ok(true)
            }
        }
    };
    noting(probe).launch(launch).spec()
}

#[tokio::test(start_paused = true)]
async fn a_failing_restart_tries_the_whole_set_again_and_each_attempt_counts_once() {
    for (strategy, told) in [
        (
            Strategy::OneForAll,
            vec![
                "-c",
                "-b",
                "+a",
                "!b attempt 1",
                "-a",
                "+a",
                "!b attempt 2",
                "-a",
                "+a",
                "+b",
                "+c",
            ],
        ),
        // From the child that failed on: the one before it stays.
        (
            Strategy::RestForOne,
            vec!["-c", "-b", "+a", "!b attempt 1", "!b attempt 2", "+b", "+c"],
        ),
    ] {
        let probe = Probe::default();
        let ended = Probe::default();
        let parent = parent(&ended).await;
        // Three decisions: the crash, and two attempts that failed.
        let tree = |limit| {
            TreeSpec::new(strategy)
                .unique_name()
                .restart_limit(limit, WINDOW)
                .child("a", noted(&probe))
                .child("b", failing(&probe, 2))
                .child("c", noted(&probe))
        };
        let good = Supervisor::start_link(parent.clone(), tree(3))
            .await
            .unwrap();
        let mut notes = Notes::of(&probe);
        let began = tokio::time::Instant::now();
        end(&child(&good, "a"), Order::Crash).await;
        probe
            .until(|tally| tally.notes.len() == 3 + told.len())
            .await;
        assert_eq!(notes.fresh(), told, "{strategy:?}");
        // At once, then after 10 ms, then after 40 ms: fourfold since D7 has it so.
        assert_eq!(began.elapsed(), Duration::from_millis(50));
        until_idle().await;
        let children = good.which_children().await.unwrap();
        assert_eq!(children[1].incarnation, 4);
        assert_eq!(those(&good, ChildState::Running).await, ["a", "b", "c"]);
        good.stop().await.unwrap();
        let bad = Supervisor::start_link(parent.clone(), tree(2))
            .await
            .unwrap();
        end(&child(&bad, "a"), Order::Crash).await;
        died(&bad.get_cell()).await;
        ended.until(|tally| tally.notes.len() == 2).await;
        assert_eq!(ended.notes(), [SHUTDOWN, RESTART_LIMIT_REACHED]);
        assert_eq!(probe.alive(), 0);
        assert_eq!(names_of(bad.name()), [""; 0]);
        parent.stop(None);
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_counts_decisions_of_the_last_window_for_all_children() {
    let probe = Probe::default();
    let ended = Probe::default();
    let tree = three(TreeSpec::one_for_all().unique_name(), &probe);
    let tree = Supervisor::start_link(parent(&ended).await, tree)
        .await
        .unwrap();
    let crash = |role: &'static str| {
        let tree = tree.clone();
        async move {
            end(&child(&tree, role), Order::Crash).await;
            until_idle().await;
        }
    };
    for role in ["a", "b", "c"] {
        crash(role).await;
    }
    tokio::time::sleep(WINDOW).await;
    for role in ["c", "b", "a"] {
        crash(role).await;
    }
    assert_eq!(those(&tree, ChildState::Running).await, ["a", "b", "c"]);
    let mut notes = Notes::of(&probe);
    let b = child(&tree, "b");
    end(&b, Order::Crash).await;
    died(&tree.get_cell()).await;
    assert_eq!(notes.fresh(), ["-c", "-a"], "it ends in order");
    ended.until(|tally| !tally.notes.is_empty()).await;
    assert_eq!(ended.notes(), [RESTART_LIMIT_REACHED]);
}

/// Two significant children and one that is not.
fn significant(rule: AutoShutdown, probe: &Probe) -> TreeSpec {
    TreeSpec::one_for_one()
        .unique_name()
        .auto_shutdown(rule)
        .child("s", noted(probe).restart(Restart::Transient).significant())
        .child("p", noted(probe))
        .child("t", noted(probe).restart(Restart::Temporary).significant())
}

async fn stop_by_itself(tree: &Supervisor, role: &str) {
    let child = child(tree, role);
    child.stop(None);
    died(&child.get_cell()).await;
    until_idle().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_significant_children_ends_the_tree_as_its_rule_says() {
    let probe = Probe::default();
    let ended = Probe::default();
    let parent = parent(&ended).await;
    let under = |rule| Supervisor::start_link(parent.clone(), significant(rule, &probe));

    let never = under(AutoShutdown::Never).await.unwrap();
    stop_by_itself(&never, "s").await;
    stop_by_itself(&never, "t").await;
    assert_eq!(those(&never, ChildState::Running).await, ["p"]);
    never.stop().await.unwrap();

    let any = under(AutoShutdown::AnySignificant).await.unwrap();
    // Restarted, stopped by a caller, or not significant: none of it is an end that counts.
    end(&child(&any, "s"), Order::Crash).await;
    until_idle().await;
    any.terminate_child("s").await.unwrap();
    any.restart_child("s").await.unwrap();
    stop_by_itself(&any, "p").await;
    assert_eq!(those(&any, ChildState::Running).await, ["s", "p", "t"]);
    let mut notes = Notes::of(&probe);
    stop_by_itself(&any, "s").await;
    died(&any.get_cell()).await;
    assert_eq!(notes.fresh(), ["-s", "-t", "-p"]);

    // A temporary one that crashes is not restarted, so its end counts.
    let any = under(AutoShutdown::AnySignificant).await.unwrap();
    end(&child(&any, "t"), Order::Crash).await;
    died(&any.get_cell()).await;

    let all = under(AutoShutdown::AllSignificant).await.unwrap();
    stop_by_itself(&all, "t").await;
    assert_eq!(those(&all, ChildState::Running).await, ["s", "p"]);
    let mut notes = Notes::of(&probe);
    stop_by_itself(&all, "s").await;
    died(&all.get_cell()).await;
    assert_eq!(notes.fresh(), ["-s", "-p"]);

    ended.until(|tally| tally.notes.len() == 4).await;
    assert_eq!(ended.notes(), [SHUTDOWN; 4], "a normal end");
    assert_eq!(probe.alive(), 0);
}

/// To the session supervisor such an end is a normal one.
#[tokio::test(start_paused = true)]
async fn a_session_whose_tree_shuts_down_by_itself_ended_in_order() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let (census, remains) = Census::new();
    for kind in [Restart::Transient, Restart::Permanent] {
        let (inner, entered) = (probe.clone(), census.clone());
        let spec = ChildSpec::tree(move |_| {
            let last = entered.noting(&inner).spec();
            TreeSpec::one_for_one()
                .auto_shutdown(AutoShutdown::AnySignificant)
                .child("a", entered.noting(&inner).spec())
                .child("s", last.restart(Restart::Transient).significant())
        });
        let tree = sessions
            .start_session("s", spec.restart(kind))
            .await
            .unwrap();
        stop_by_itself(&tree, "s").await;
        died(&tree.get_cell()).await;
        until_idle().await;
        let info = sessions.session_info("s").await.unwrap();
        match (kind, info) {
            (Restart::Transient, None) => {}
            (Restart::Permanent, Some(info)) => {
                assert_eq!(info.incarnation, 2);
                match info.last_exit {
                    Some(Exit::Normal { reason }) => assert_eq!(reason.as_deref(), Some(SHUTDOWN)),
                    other => panic!("{other:?}"),
                }
            }
            (kind, info) => panic!("{kind:?}: {info:?}"),
        }
    }
    sessions.stop().await.unwrap();
    census.all_ended(remains).await;
}
