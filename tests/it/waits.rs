//! `wait` on both handles: the end of a supervisor, whatever ended it, with its report.

use std::future::Future;
use std::time::Duration;

use ractor::ActorCell;
use session_supervisor::{Options, ShutdownReport, Supervisor, TreeSpec};

use crate::support::{Probe, answered, ask_and_go, asked, supervisor};

const CHILDREN: usize = 3;

/// A supervisor of either kind with three children.
struct Waited {
    root: ActorCell,
    wait: Box<dyn Fn() -> Wait>,
    stop: Wait,
    probe: Probe,
}

type Wait = std::pin::Pin<Box<dyn Future<Output = Option<ShutdownReport>> + Send>>;

async fn both() -> [Waited; 2] {
    let probe = Probe::default();
    let sessions = supervisor(Options::new()).await;
    for id in ["a", "b", "c"] {
        sessions.start_session(id, probe.spec()).await.unwrap();
    }
    let (waiting, stopping) = (sessions.clone(), sessions.clone());
    let dynamic = Waited {
        root: sessions.get_cell(),
        wait: Box::new(move || Box::pin(waiting.wait())),
        stop: Box::pin(async move { stopping.stop().await.ok() }),
        probe,
    };
    let probe = Probe::default();
    let mut tree = TreeSpec::one_for_one().unique_name();
    for role in ["a", "b", "c"] {
        tree = tree.child(role, probe.spec());
    }
    let tree = Supervisor::start(tree).await.unwrap();
    let (waiting, stopping) = (tree.clone(), tree.clone());
    let fixed = Waited {
        root: tree.get_cell(),
        wait: Box::new(move || Box::pin(waiting.wait())),
        stop: Box::pin(async move { stopping.stop().await.ok() }),
        probe,
    };
    [dynamic, fixed]
}

#[tokio::test(start_paused = true)]
async fn all_that_wait_get_the_report_of_the_stop_also_those_that_come_after_the_end() {
    for waited in both().await {
        let first = asked((waited.wait)()).await;
        let second = asked((waited.wait)()).await;
        // It starts no stop.
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert!(!first.is_finished() && !second.is_finished());
        assert_eq!(waited.probe.alive(), CHILDREN);
        let report = answered("the stop", waited.stop).await.unwrap();
        assert_eq!(report.stopped, CHILDREN);
        assert_eq!(answered("the first", first).await.unwrap(), Some(report));
        assert_eq!(answered("the second", second).await.unwrap(), Some(report));
        for _ in 0..2 {
            let late = answered("one after the end", (waited.wait)()).await;
            assert_eq!(late, Some(report));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_kill_and_a_stop_by_others_end_the_wait_with_a_report_too() {
    for killed in [true, false] {
        for waited in both().await {
            let wait = asked((waited.wait)()).await;
            if killed {
                waited.root.kill();
            } else {
                waited.root.stop(None);
            }
            let report = answered("the wait", wait).await.unwrap();
            let report = report.expect("it had ended");
            let expected = if killed { (0, CHILDREN) } else { (CHILDREN, 0) };
            assert_eq!((report.stopped, report.killed), expected);
            assert_eq!(waited.probe.alive(), 0);
            let late = answered("one after the end", (waited.wait)()).await;
            assert_eq!(late, Some(report));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_whose_caller_has_gone_changes_nothing() {
    for waited in both().await {
        for _ in 0..100 {
            ask_and_go((waited.wait)()).await;
        }
        let wait = asked((waited.wait)()).await;
        // Never polled.
        drop((waited.wait)());
        let report = answered("the stop", waited.stop).await.unwrap();
        assert_eq!(report.stopped, CHILDREN);
        assert_eq!(answered("the wait", wait).await.unwrap(), Some(report));
    }
}

#[test]
fn a_wait_ends_without_a_report_when_the_runtime_is_shut_down() {
    let own = tokio::runtime::Runtime::new().unwrap();
    let sessions = own.block_on(supervisor(Options::new()));
    let wait = sessions.wait();
    own.shutdown_background();
    let other = tokio::runtime::Builder::new_current_thread().build();
    assert_eq!(other.unwrap().block_on(wait), None);
}
