//! What a node does when something of it ends that should go on.

use std::time::{Duration, Instant};

use session_supervisor::ChildSpec;
use session_supervisor_cluster::error::{JoinError, Outcome};
use session_supervisor_cluster::{
    ClusterOptions, ClusterSupervisor, Drain, Kinds, Owner, Remote, ShardOutcome, Stage,
};
use session_supervisor_store::MemoryStore;

use crate::log::panics_at;
use crate::node::{Count, count, soon, until, world};
use crate::store::Does;

async fn nodes(world: &crate::node::World) -> i64 {
    let options = etcd_client::GetOptions::new()
        .with_prefix()
        .with_count_only();
    let mut raw = world.raw.clone();
    let all = raw.get(world.key("nodes/"), Some(options)).await;
    all.expect("an answer").count()
}

/// It could run nothing any more, and would keep its shards from all others.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_whose_supervisor_has_ended_leaves() {
    let Some(world) = world("/terms/supervisor", 4).await else {
        return;
    };
    let node = world.join("n").await;
    let started = node.start_session("s", "count", &()).await;
    assert!(started.is_ok(), "{started:?}");
    let stopped = node.sessions().stop().await;
    assert!(stopped.is_ok(), "{stopped:?}");
    until(&node, |status| status.stage == Stage::Left).await;
    assert_eq!(nodes(&world).await, 0);
    world.unowned().await;
    // What it ran is remembered.
    let other = world.join("n").await;
    assert_eq!(count(&other, "s").await, 1);
    other.leave().await;
}

/// A node that hears nothing of etcd any more joins anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_watch_that_has_ended_is_begun_anew() {
    let Some(world) = world("/terms/watch", 4).await else {
        return;
    };
    let node = world.join("n").await;
    let before = node.start_session("s", "count", &()).await;
    let before = before.expect("it starts").epoch;
    panics_at("/terms/watch/nodes/unreadable");
    let mut raw = world.raw.clone();
    let put = raw.put(world.key("nodes/unreadable"), "?", None).await;
    put.expect("an answer");
    let greedy = world.greedy().await;
    until(&node, |status| status.nodes.len() == 2).await;
    greedy.revoke().await.expect("an answer");
    until(&node, |status| status.nodes.len() == 1).await;
    let after = node.find("s").await.expect("it is owned");
    assert!(after.expect("it is remembered").epoch > before);
    assert_eq!(count(&node, "s").await, 1);
    node.leave().await;
}

/// Nobody ends what it runs when its lease is over, so that is done at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_node_whose_task_has_panicked_runs_nothing() {
    let Some(world) = world("/terms/task", 4).await else {
        return;
    };
    let node = world.join("doomed").await;
    let started = node.start_session("s", "count", &()).await;
    assert!(started.is_ok(), "{started:?}");
    let end = node.sessions().wait();
    panics_at("etcd has removed this node node=doomed");
    world.delete("nodes/doomed").await;
    soon("the end of the supervisor", end).await;
    until(&node, |status| status.stage == Stage::Left).await;
    let late = node.start_session("t", "count", &()).await;
    assert!(late.is_err(), "{late:?}");
}

/// The session has ended, so the caller must not be told that nothing was done.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stop_that_is_not_written_may_have_been_done() {
    let Some(world) = world("/terms/stop", 1).await else {
        return;
    };
    let node = world.join("n").await;
    let started = node.start_session("s", "count", &()).await;
    assert!(started.is_ok(), "{started:?}");
    world.trouble.set(Does::FailWrites);
    let error = node.stop_session("s").await.expect_err("it is not written");
    assert!(
        error.to_string().contains("stopped, but not forgotten"),
        "{error}"
    );
    assert_eq!(error.outcome(), Outcome::Unknown);
    world.trouble.set(Does::Well);
    node.leave().await;
}

/// A store may hang, as one over a network can whose author gave it no time limit. It costs what was not
/// written, and neither the shards of the node nor its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_never_answers_keeps_no_node_from_its_end() {
    let Some(world) = world("/terms/hung", 4).await else {
        return;
    };
    let node = world.join("n").await;
    let started = node.start_session("s", "count", &()).await;
    assert!(started.is_ok(), "{started:?}");
    world.trouble.set(Does::HoldWrites);
    assert_eq!(count(&node, "s").await, 1);
    soon("a write that hangs", world.trouble.held()).await;
    let begun = Instant::now();
    let report = soon(
        "the drain",
        node.drain(Drain::within(Duration::from_secs(2))),
    )
    .await;
    let report = report.expect("it drains");
    let all = report.shards.iter().map(|shard| shard.outcome);
    let handed_over = all.filter(|outcome| *outcome == ShardOutcome::HandedOver);
    assert_eq!(handed_over.count(), 4, "{report:?}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{report:?}");
    soon("the end of the node", node.leave()).await;
    world.unowned().await;
    assert_eq!(nodes(&world).await, 0);
}

/// The same when its lease is lost: it ends what it runs, and joins anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_never_answers_keeps_no_node_from_joining_anew() {
    let Some(world) = world("/terms/hung-again", 4).await else {
        return;
    };
    let node = world.join("n").await;
    let before = node.start_session("s", "count", &()).await;
    let before = before.expect("it starts").epoch;
    world.trouble.set(Does::HoldWrites);
    assert_eq!(count(&node, "s").await, 1);
    soon("a write that hangs", world.trouble.held()).await;
    world.delete("nodes/n").await;
    until(&node, |status| {
        let anew = |owner: &Owner| owner.epoch.number() > before;
        !status.owners.is_empty() && status.owners.values().all(anew)
    })
    .await;
    node.leave().await;
}

/// No other node could read it, nor this one its own: it would join again and again.
#[tokio::test]
async fn an_address_without_a_port_is_refused() {
    let Some(world) = world("/terms/address", 4).await else {
        return;
    };
    for address in ["10.0.0.1", "10.0.0.1:x", "a b:1", &"x".repeat(300)] {
        let options = world.options("n").advertise(address);
        let joined = ClusterSupervisor::join(options, Kinds::new(), MemoryStore::new()).await;
        let Err(JoinError::Address {
            address: refused, ..
        }) = joined
        else {
            panic!("{joined:?}");
        };
        assert_eq!(refused, address);
    }
}

/// Of two types with one name, the requests of one would never be read.
#[tokio::test]
async fn two_message_types_of_one_protocol_are_refused() {
    struct Other;
    impl ractor::Message for Other {}
    impl Remote for Other {
        const PROTOCOL: &'static str = Count::PROTOCOL;
        type Request = String;
        type Reply = String;
        fn of(_: String, _: Option<ractor::RpcReplyPort<String>>) -> Self {
            Self
        }
    }
    struct OfCount;
    #[ractor::actor(message = Count, state = (), arguments = ())]
    impl OfCount {}
    struct OfOther;
    #[ractor::actor(message = Other, state = (), arguments = ())]
    impl OfOther {}
    let kinds = Kinds::new()
        .kind("count", |(): (), _| ChildSpec::new(|_| (OfCount, ())))
        .kind("again", |(): (), _| ChildSpec::new(|_| (OfCount, ())))
        .kind("other", |(): (), _| ChildSpec::new(|_| (OfOther, ())));
    let options = ClusterOptions::new("terms", "n", "a cookie");
    let joined = ClusterSupervisor::join(options, kinds, MemoryStore::new()).await;
    let Err(JoinError::Protocol { protocol, .. }) = joined else {
        panic!("{joined:?}");
    };
    assert_eq!(protocol, "count/1");
}
