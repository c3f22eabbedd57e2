//! Shards that are read from the store: many at once, and none that somebody else has by then.

use std::time::Duration;

use session_supervisor_cluster::clock::Clock;
use session_supervisor_cluster::engine::Shards;
use session_supervisor_cluster::{ClusterSupervisor, Fault, StoreCall};

use crate::node::{World, soon, until, world};
use crate::store::Does;

/// An id of a shard.
fn id(world: &World, shard: u32) -> String {
    let shards = Shards::new(world.shards()).expect("a count");
    let mut ids = (0..).map(|n| format!("s{n}"));
    let id = ids.find(|id| shards.of(id).index() == shard);
    id.expect("there are many")
}

/// It waits until the shard is served.
async fn start_in(world: &World, node: &ClusterSupervisor, shard: u32) {
    let started = node.start_session(&id(world, shard), "count", &()).await;
    assert!(started.is_ok(), "{started:?}");
}

/// While a shard is read, the others of a node that has died come.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn shards_that_wait_for_the_store_are_read_at_once() {
    const SHARDS: u32 = 48;
    let Some(world) = world("/terms/at-once", SHARDS).await else {
        return;
    };
    world.trouble.set(Does::HoldLoads);
    let node = world.join("n").await;
    soon("a load", world.trouble.held()).await;
    until(&node, |status| status.owned_here == SHARDS).await;
    world.trouble.set(Does::Well);
    for shard in 0..SHARDS {
        start_in(&world, &node, shard).await;
    }
    let loads = world.trouble.loads();
    let mut read: Vec<_> = loads.iter().flatten().map(|part| part.number()).collect();
    read.sort_unstable();
    assert_eq!(read, (0..SHARDS).collect::<Vec<_>>(), "each is read once");
    assert!(loads.len() <= 8, "{} reads", loads.len());
    node.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shard_that_cannot_be_read_holds_up_no_other() {
    const SHARDS: u32 = 8;
    let Some(world) = world("/terms/unreadable", SHARDS).await else {
        return;
    };
    world.trouble.set(Does::FailLoads(3));
    let node = world.join("n").await;
    for shard in (0..SHARDS).filter(|shard| *shard != 3) {
        start_in(&world, &node, shard).await;
    }
    // What is read with it once is read again, and from then on it is alone.
    let loads = world.trouble.loads();
    let of_it = loads.iter().filter(|parts| {
        let mut numbers = parts.iter().map(|part| part.number());
        parts.len() > 1 && numbers.any(|number| number == 3)
    });
    assert!(of_it.count() <= 1, "{loads:?}");
    world.trouble.set(Does::Well);
    start_in(&world, &node, 3).await;
    node.leave().await;
}

/// The others are read well meanwhile, which changes nothing for this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shard_that_cannot_be_read_is_a_fault_as_long_as_it_is_this_nodes() {
    const SHARDS: u32 = 8;
    let Some(world) = world("/terms/fault", SHARDS).await else {
        return;
    };
    world.trouble.set(Does::FailLoads(3));
    let failed = world.trouble.failed(2);
    let node = world.join("n").await;
    soon("two tries", failed).await;
    for shard in (0..SHARDS).filter(|shard| *shard != 3) {
        start_in(&world, &node, shard).await;
    }
    let faults = node.status().faults;
    let [Fault::Unread { shards, why }] = &*faults else {
        panic!("{faults:?}");
    };
    let shards: Vec<_> = shards.iter().map(|shard| shard.index()).collect();
    assert_eq!(shards, [3]);
    assert!(why.ends_with("it is told to fail"), "{why}");
    // Another node has it now.
    let mut raw = world.raw.clone();
    let put = raw.put(world.key("shards/0003"), "other 7", None).await;
    put.expect("an answer");
    until(&node, |status| status.owned_here == SHARDS - 1).await;
    assert_eq!(node.status().faults, []);
    node.leave().await;
}

/// Another node gets a shard whose turn to be read has not come.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shard_that_is_lost_before_it_is_read_is_not_read() {
    let Some(world) = world("/terms/not-read", 2).await else {
        return;
    };
    let second = world.key("shards/0001");
    let mut raw = world.raw.clone();
    let put = raw.put(second.clone(), "other 7", None).await;
    put.expect("an answer");
    world.trouble.set(Does::HoldLoads);
    let node = world.join("n").await;
    soon("a load", world.trouble.held()).await;
    // It comes, and waits for the one that is held up.
    world.delete("shards/0001").await;
    until(&node, |status| status.owned_here == 2).await;
    let put = raw.put(second, "other 9", None).await;
    put.expect("an answer");
    until(&node, |status| status.owned_here == 1).await;
    world.delete("shards/0001").await;
    world.trouble.set(Does::Well);
    for shard in 0..2 {
        start_in(&world, &node, shard).await;
    }
    let loads = world.trouble.loads();
    let mut read: Vec<_> = loads.iter().flatten().map(|part| part.number()).collect();
    read.sort_unstable();
    assert_eq!(read, [0, 1], "{loads:?}");
    node.leave().await;
}

/// The node is well by all other signs: it has its lease, and owns its shards.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_does_not_answer_is_a_fault_until_it_does() {
    let Some(world) = world("/terms/silent", 2).await else {
        return;
    };
    let (clock, offset) = Clock::movable();
    world.trouble.set(Does::HoldLoads);
    let node = world.join_by("n", clock).await;
    soon("a load", world.trouble.held()).await;
    assert_eq!(node.status().faults, [], "it may take a while");
    offset.forward(Duration::from_secs(6));
    let status = node.status();
    let [
        Fault::StoreNotResponding {
            call,
            shards,
            waited,
        },
    ] = &*status.faults
    else {
        panic!("{:?}", status.faults);
    };
    assert_eq!(*call, StoreCall::LoadMany);
    let loads = world.trouble.loads();
    let asked: Vec<_> = loads.iter().flatten().map(|part| part.number()).collect();
    let mut told: Vec<_> = shards.iter().map(|shard| shard.index()).collect();
    told.sort_by_key(|shard| asked.iter().position(|asked| asked == shard));
    assert_eq!(told, asked);
    assert!(*waited >= Duration::from_secs(6), "{waited:?}");
    assert!(status.to_string().contains("fault: the session store"));
    world.trouble.set(Does::Well);
    for shard in 0..2 {
        start_in(&world, &node, shard).await;
    }
    assert_eq!(node.status().faults, []);
    node.leave().await;
}
