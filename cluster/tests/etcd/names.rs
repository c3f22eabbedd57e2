//! A name of a node is one run's at a time.

use session_supervisor_cluster::engine::Leaving;
use session_supervisor_cluster::etcd::{NodeInfo, Registration, Updated};

use crate::node::{info, name, shards, world};

#[tokio::test]
async fn a_name_in_use_is_refused_with_what_uses_it() {
    let Some(world) = world("/names/use").await else {
        return;
    };
    let (lease, keys) = world.node("a", 60).await;
    let Registration::Registered(at) = keys.register(&info(1)).await.expect("an answer") else {
        panic!("the name is free");
    };
    // The same run, whose answer was lost.
    let again = keys.register(&info(1)).await.expect("an answer");
    assert_eq!(again, Registration::Registered(at));

    let (_other_lease, other) = world.node("a", 60).await;
    let used = NodeInfo {
        incarnation: lease.incarnation(),
        ..info(1)
    };
    let refused = other.register(&info(2)).await.expect("an answer");
    assert_eq!(refused, Registration::InUse(Some(used)));

    lease.revoke().await.expect("an answer");
    let registered = other.register(&info(2)).await.expect("an answer");
    assert!(matches!(registered, Registration::Registered(now) if now.revision > at.revision));
}

#[tokio::test]
async fn a_node_says_that_it_leaves_as_long_as_its_key_is_its_own() {
    let Some(mut world) = world("/names/leave").await else {
        return;
    };
    let (lease, keys) = world.node("a", 60).await;
    let Registration::Registered(at) = keys.register(&info(1)).await.expect("an answer") else {
        panic!("the name is free");
    };
    let leaving = NodeInfo {
        leaving: Leaving::Yes,
        ..info(1)
    };
    let updated = keys.update(at, &leaving).await.expect("an answer");
    assert_eq!(updated, Updated::Written);
    let snapshot = world.etcd.snapshot(shards()).await.expect("an answer");
    let (registered, node) = &snapshot.nodes[&name("a")];
    assert_eq!((*registered, node.leaving), (at, Leaving::Yes));
    assert_eq!(node.incarnation, lease.incarnation());

    world
        .raw
        .delete(world.key("nodes/a"), None)
        .await
        .expect("a delete");
    let updated = keys.update(at, &leaving).await.expect("an answer");
    assert_eq!(updated, Updated::NotRegistered);
}

#[tokio::test]
async fn a_name_with_garbage_is_in_use() {
    let Some(mut world) = world("/names/garbage").await else {
        return;
    };
    let (_lease, keys) = world.node("a", 60).await;
    world
        .raw
        .put(world.key("nodes/a"), "{\"address\":", None)
        .await
        .expect("a write");
    let refused = keys.register(&info(1)).await.expect("an answer");
    assert_eq!(refused, Registration::InUse(None));
}
