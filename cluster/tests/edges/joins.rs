//! Joining: in vain, again, and several nodes of one process.

use std::time::Duration;

use session_supervisor_cluster::clock::Clock;
use session_supervisor_cluster::engine::{Incarnation, Leaving, Ttl};
use session_supervisor_cluster::etcd::{Lease, NodeInfo, Registration};
use session_supervisor_cluster::{ClusterSupervisor, NodeName};
use session_supervisor_store::DurableSupervisor;

use crate::node::{Echo, kinds, soon, until, world};

/// Its supervisor would run for ever, and keep its name from the next try.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_that_is_given_up_leaves_nothing_that_runs() {
    let Some(world) = world("given-up", 4) else {
        return;
    };
    let etcd = world.etcd().await;
    let ttl = Ttl::new(Duration::from_secs(600)).expect("a time to live");
    let lease = Lease::grant(&etcd, ttl, Clock::real()).await;
    let lease = lease.expect("a lease");
    let other = NodeInfo {
        address: "127.0.0.1:9".to_owned(),
        incarnation: Incarnation::new(0),
        protocol: 1,
        weight: 1,
        leaving: Leaving::No,
    };
    let name = NodeName::try_from("n").expect("a name");
    let registered = lease.keys(name).register(&other).await;
    assert!(matches!(registered, Ok(Registration::Registered(_))));

    let options = || world.options("n").sessions(|of| of.name("given up"));
    let mut join = Box::pin(ClusterSupervisor::join(
        options(),
        kinds(),
        world.store.clone(),
    ));
    let began = DurableSupervisor::await_named("given up");
    let began = tokio::select! {
        joined = &mut join => panic!("the name is in use: {joined:?}"),
        began = soon("the supervisor of the sessions", began) => began,
    };
    drop(join);
    soon("the end of its supervisor", began.sessions().wait()).await;
    lease.revoke().await.expect("an answer");
    let joined = ClusterSupervisor::join(options(), kinds(), world.store.clone()).await;
    joined.expect("it joins now").leave().await;
}

/// ractor's registries are those of the process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_of_one_process_reach_each_other() {
    let Some(world) = world("one-process", 32) else {
        return;
    };
    let (a, b, c) = tokio::join!(world.join("a"), world.join("b"), world.join("c"));
    let nodes = [a, b, c];
    for node in &nodes {
        until(node, |status| {
            status.unowned == 0
                && status.nodes.values().all(|node| node.shards > 0)
                && status.peers.len() == 2
        })
        .await;
    }
    for node in &nodes {
        for number in 0..32 {
            let id = format!("session-{number}");
            let ensured = node.ensure_session(&id, "echo", "").await;
            ensured.unwrap_or_else(|error| panic!("{id} on {}: {error:?}", node.node()));
            let called = node.session_ref::<Echo>(id.as_str());
            let called = called.call(&3, Duration::from_secs(30)).await;
            assert_eq!(called.expect("it answers"), "xxx", "{id}");
        }
    }
    for node in &nodes {
        let page = node.list(None, 1_000).await;
        assert_eq!((page.sessions.len(), page.missing), (32, Vec::new()));
    }
    for node in nodes {
        soon("its end", node.leave()).await;
    }
}
