//! Times and sizes at their bounds, and beyond.

use std::time::Duration;

use session_supervisor_cluster::{Drain, ShardOutcome, Stage};

use crate::node::{Echo, soon, until, world};

/// A caller who has no limit gives the longest time that there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_without_an_end_is_answered() {
    let Some(world) = world("no-end", 1) else {
        return;
    };
    let node = world.join("n").await;
    let ensured = node.ensure_session("s", "echo", "").await;
    assert!(ensured.is_ok(), "{ensured:?}");
    let called = node.session_ref::<Echo>("s").call(&3, Duration::MAX).await;
    assert_eq!(called.expect("it answers"), "xxx");
    node.leave().await;
}

/// The end of such a drain is as far as can be, and no moment after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_without_an_end_hands_over_in_order() {
    let Some(world) = world("endless-drain", 1) else {
        return;
    };
    let node = world.join("n").await;
    let ensured = node.ensure_session("s", "echo", "").await;
    assert!(ensured.is_ok(), "{ensured:?}");
    until(&node, |status| status.owned_here == 1).await;
    let report = soon("the drain", node.drain(Drain::within(Duration::MAX))).await;
    let report = report.expect("it drains");
    let outcomes: Vec<_> = report.shards.iter().map(|shard| shard.outcome).collect();
    assert_eq!(outcomes, [ShardOutcome::HandedOver]);
    assert_eq!(node.status().stage, Stage::Draining);
    node.leave().await;
}
