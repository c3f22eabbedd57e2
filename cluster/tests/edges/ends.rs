//! The end of what a node lives in.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use session_supervisor_cluster::Drain;
use session_supervisor_cluster::error::DrainError;
use tokio::runtime::Builder;

use crate::node::{Echo, kinds_with, soon, world};

fn runtime() -> tokio::runtime::Runtime {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime")
}

/// A node runs in the runtime in which it has joined. One that asks it from another one is answered also when
/// that is gone.
#[test]
fn a_node_whose_runtime_has_ended_answers_that_it_has_left() {
    let Some(world) = world("no-runtime", 4) else {
        return;
    };
    let (first, second) = (runtime(), runtime());
    let node = first.block_on(world.join("n"));
    let started = second.block_on(node.ensure_session("s", "echo", ""));
    assert!(started.is_ok(), "{started:?}");
    let mut feed = node.subscribe();
    drop(first);
    second.block_on(async {
        let ended = async {
            while let Some(event) = feed.next().await {
                drop(event);
            }
        };
        soon("the end of the feed", ended).await;
        let limit = Duration::from_secs(10);
        let drained = soon("a drain", node.drain(Drain::within(limit))).await;
        assert!(matches!(drained, Err(DrainError::Left)), "{drained:?}");
        soon("leave", node.leave()).await;
        let session = node.session_ref::<Echo>("s");
        let called = soon("a call", session.call(&1, limit)).await;
        assert!(called.is_err(), "{called:?}");
        let page = soon("a list", node.list(None, 10)).await;
        assert!(page.sessions.is_empty(), "{page:?}");
    });
}

/// A program of one thread is one too.
#[tokio::test]
async fn a_node_runs_on_one_thread() {
    let Some(world) = world("one-thread", 8) else {
        return;
    };
    let node = world.join("n").await;
    let started = node.ensure_session("s", "echo", "").await;
    assert!(started.is_ok(), "{started:?}");
    let called = node
        .session_ref::<Echo>("s")
        .call(&3, Duration::from_secs(30))
        .await;
    assert_eq!(called.expect("it answers"), "xxx");
    node.leave().await;
}

/// A call that is never answered must not take the time in which the sessions of its shard end in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_an_answer_keeps_no_session_from_ending_in_order() {
    let Some(world) = world("unanswered-call", 1) else {
        return;
    };
    let seen = Arc::default();
    let node = world.join_with("n", kinds_with(&seen)).await;
    for (id, kind) in [("s", "mute"), ("t", "orderly")] {
        let started = node.ensure_session(id, kind, "").await;
        assert!(started.is_ok(), "{started:?}");
    }
    let session = node.session_ref::<Echo>("s");
    let call = tokio::spawn(async move { session.call(&1, Duration::from_secs(600)).await });
    seen.asked(1).await;
    let report = soon(
        "the drain",
        node.drain(Drain::within(Duration::from_secs(8))),
    )
    .await;
    let report = report.expect("it drains").summary;
    assert_eq!((report.handed_over, report.killed), (1, 0), "{report}");
    assert!(seen.ended.load(Ordering::SeqCst), "it was killed");
    call.abort();
    node.leave().await;
}
