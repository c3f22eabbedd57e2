//! The watch: all keys once, every change after them, and anew when something breaks.

use std::collections::BTreeMap;
use std::time::Duration;

use etcd_client::{Client, Txn, TxnOp};
use session_supervisor_cluster::engine::{Owner, Shard, Shards};
use session_supervisor_cluster::etcd::{
    Change, Changed, Claim, Election, Etcd, EtcdOptions, PlanWrite, Registration, Release, Seen,
    Snapshot, Watch,
};

use crate::node::{World, change, info, lease, name, raw, shard, shards, soon, world};
use crate::support::Cluster;

async fn reset(watch: &mut Watch) -> Snapshot {
    match soon("a view", watch.next()).await {
        Some(Seen::Reset(snapshot)) => snapshot,
        other => panic!("{other:?}"),
    }
}

async fn next(watch: &mut Watch) -> Change {
    match soon("a change", watch.next()).await {
        Some(Seen::Change(change)) => change,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_that_stands_comes_first_and_every_change_after_it_in_order() {
    let Some(world) = world("/watch/order").await else {
        return;
    };
    let (lease, keys) = world.node("a", 60).await;
    let Registration::Registered(at) = keys.register(&info(7)).await.expect("an answer") else {
        panic!("the name is free");
    };
    let Claim::Claimed(epoch) = keys.claim(shard(5)).await.expect("an answer") else {
        panic!("the shard is free");
    };
    let mut watch = Watch::start(&world.etcd, shards());
    let first = reset(&mut watch).await;
    assert_eq!(first.nodes[&name("a")].0, at);
    assert_eq!(first.nodes[&name("a")].1.address, "127.0.0.1:7");
    let owner = Owner {
        node: name("a"),
        incarnation: lease.incarnation(),
        epoch,
    };
    assert_eq!(first.owners, BTreeMap::from([(shard(5), owner.clone())]));
    assert_eq!((&first.plan, &first.planner), (&None, &None));
    assert!(first.revision >= epoch.number());

    let released = keys.release(shard(5), epoch).await.expect("an answer");
    assert_eq!(released, Release::Released);
    let Claim::Claimed(again) = keys.claim(shard(5)).await.expect("an answer") else {
        panic!("the shard is free");
    };
    let Election::Elected(term) = keys.campaign().await.expect("an answer") else {
        panic!("there is no planner");
    };
    let written = keys.write_plan(term, "all to a").await.expect("an answer");
    let PlanWrite::Written { revision } = written else {
        panic!("{written:?}")
    };
    lease.revoke().await.expect("an answer");

    assert_eq!(next(&mut watch).await.what, Changed::Shard(shard(5), None));
    let claimed = next(&mut watch).await;
    assert_eq!(claimed.revision, again.number());
    let owner = Owner {
        epoch: again,
        ..owner
    };
    assert_eq!(claimed.what, Changed::Shard(shard(5), Some(owner)));
    let planner = next(&mut watch).await;
    assert!(matches!(planner.what, Changed::Planner(Some(found)) if found.term == term));
    let plan = next(&mut watch).await;
    assert_eq!(plan.revision, revision);
    assert_eq!(plan.what, Changed::Plan(Some("all to a".into())));
    // The end of the lease is one revision.
    let mut ends = Vec::new();
    for _ in 0..3 {
        ends.push(next(&mut watch).await);
    }
    assert!(
        ends.iter()
            .all(|end| end.revision == ends[0].revision && end.revision > revision)
    );
    for end in [
        Changed::Node(name("a"), None),
        Changed::Planner(None),
        Changed::Shard(shard(5), None),
    ] {
        assert!(ends.iter().any(|seen| seen.what == end), "{ends:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_skipped_and_the_rest_is_seen() {
    let Some(mut world) = world("/watch/garbage").await else {
        return;
    };
    let good = b"a 17";
    garbage(&mut world, "before").await;
    world
        .raw
        .put(world.key("shards/0001"), good, None)
        .await
        .expect("a write");
    let mut watch = Watch::start(&world.etcd, shards());
    let first = reset(&mut watch).await;
    assert_eq!(first.owners.keys().copied().collect::<Vec<_>>(), [shard(1)]);
    assert!(first.nodes.is_empty() && first.plan.is_none() && first.planner.is_none());
    garbage(&mut world, "after").await;
    world
        .raw
        .delete(world.key("what/before"), None)
        .await
        .expect("a delete");
    world
        .raw
        .put("/watch/garbage2/shards/0003", good, None)
        .await
        .expect("a write");
    world
        .raw
        .put("/watch/garbag", good, None)
        .await
        .expect("a write");
    world
        .raw
        .put(world.key("shards/0002"), good, None)
        .await
        .expect("a write");
    let change = next(&mut watch).await;
    assert!(
        matches!(change.what, Changed::Shard(seen, Some(_)) if seen == shard(2)),
        "{change:?}"
    );
}

/// Keys that are none of a cluster's, and values that are not what their keys say.
async fn garbage(world: &mut World, mark: &str) {
    let huge = vec![b'x'; 100_000];
    let unknown = format!("what/{mark}");
    let keys: [(&str, &[u8]); 13] = [
        ("settings", b"?"),
        ("nodes/A", b"{}"),
        ("nodes/b", b"\xff\x00"),
        (
            "nodes/c",
            b"{\"address\":\"nowhere\",\"incarnation\":1,\"protocol\":1,\"weight\":1}",
        ),
        ("nodes/d", &huge),
        ("shards/7", b"a 17"),
        ("shards/0512", b"a 17"),
        ("shards/0007", b"a"),
        ("shards/0008", &huge),
        ("planner", b"\x80"),
        ("plan", b"\x80"),
        (&unknown, b"?"),
        ("", b"?"),
    ];
    for (key, value) in keys {
        world
            .raw
            .put(world.key(key), value, None)
            .await
            .expect("a write");
    }
}

#[tokio::test]
async fn a_large_cluster_is_read_at_one_revision() {
    let Some(world) = world("/watch/large").await else {
        return;
    };
    let shards = Shards::new(4_096).expect("a count");
    let (_lease, keys) = world.node("a-node-with-a-name-of-many-letters", 60).await;
    let all: Vec<_> = shards.all().collect();
    for (_, claim) in keys.claim_many(&all).await {
        let _ = claim.expect("a claim");
    }
    let mut watch = Watch::start(&world.etcd, shards);
    let first = reset(&mut watch).await;
    assert_eq!(first.owners.len(), 4_096);
    assert!(
        first
            .owners
            .values()
            .all(|owner| owner.epoch.number() <= first.revision)
    );
}

/// Forty thousand changes of which none is read, then a compaction: etcd cannot tell all of them any
/// more, and the view begins anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_that_are_compacted_before_they_are_read_lead_to_a_new_view() {
    let Some(mut world) = world("/watch/compact").await else {
        return;
    };
    let mut watch = Watch::start(&world.etcd, shards());
    reset(&mut watch).await;
    let mut last = 0;
    for round in 0..400 {
        let put = |index: u32| {
            let key = world.key(&format!("shards/{index:04}"));
            TxnOp::put(
                key,
                format!("a-name-that-fills-the-window-of-the-connection {round}"),
                None,
            )
        };
        let puts: Vec<_> = (0..100).map(put).collect();
        let answer = world
            .raw
            .txn(Txn::new().and_then(puts))
            .await
            .expect("a write");
        last = answer.header().expect("a header").revision();
    }
    world.raw.compact(last, None).await.expect("a compaction");
    let (mut resets, mut changes) = (0, 0);
    let owners = soon("the last change", async {
        let mut owners: BTreeMap<Shard, Owner> = BTreeMap::new();
        while owners.len() < 100
            || owners
                .values()
                .any(|owner| owner.incarnation.number() != 399)
        {
            match watch.next().await.expect("the watch goes on") {
                Seen::Reset(snapshot) => {
                    resets += 1;
                    owners = snapshot.owners;
                }
                Seen::Change(change) => {
                    changes += 1;
                    if let Changed::Shard(shard, Some(owner)) = change.what {
                        owners.insert(shard, owner);
                    }
                }
                Seen::WentBack(why) => panic!("{why}"),
            }
        }
        owners
    })
    .await;
    assert_eq!(
        owners,
        world
            .etcd
            .snapshot(shards())
            .await
            .expect("an answer")
            .owners
    );
    assert_eq!(resets, 1, "after {changes} changes");
    assert!(changes < 40_000);
}

async fn own(servers: &Cluster) -> (Etcd, Client) {
    let options = EtcdOptions::new("/watch/own").request_timeout(Duration::from_secs(1));
    let etcd = Etcd::connect(servers.endpoints(), options)
        .await
        .expect("options");
    (etcd, raw(servers).await)
}

#[tokio::test]
async fn a_server_that_was_killed_and_comes_back_is_followed_again() {
    let Some(mut servers) = Cluster::start(1) else {
        return;
    };
    let (etcd, mut raw) = own(&servers).await;
    let mut watch = Watch::start(&etcd, shards());
    reset(&mut watch).await;
    raw.put("/watch/own/plan", "one", None)
        .await
        .expect("a write");
    assert_eq!(
        next(&mut watch).await.what,
        Changed::Plan(Some("one".into()))
    );
    servers.stop(0);
    servers.start_again(0);
    let again = reset(&mut watch).await;
    assert_eq!(again.plan.as_deref(), Some("one"));
    let mut raw = crate::node::raw(&servers).await;
    raw.put("/watch/own/plan", "two", None)
        .await
        .expect("a write");
    let two = |what: &Changed| (*what == Changed::Plan(Some("two".into()))).then_some(());
    change(&mut watch, two).await;
}

#[tokio::test]
async fn a_server_that_is_silent_is_left() {
    let Some(servers) = Cluster::start(1) else {
        return;
    };
    let (etcd, mut raw) = own(&servers).await;
    let mut watch = Watch::start(&etcd, shards());
    reset(&mut watch).await;
    // While nothing changes the watch stays: nothing comes for three of its probes.
    let quiet = tokio::time::timeout(Duration::from_secs(4), watch.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    servers.pause(0);
    tokio::time::sleep(Duration::from_secs(4)).await;
    servers.resume(0);
    // It was left meanwhile, so this is a new view and not a change.
    let again = reset(&mut watch).await;
    assert_eq!(again.plan, None);
    raw.put("/watch/own/plan", "one", None)
        .await
        .expect("a write");
    assert_eq!(
        next(&mut watch).await.what,
        Changed::Plan(Some("one".into()))
    );
}

#[tokio::test]
async fn a_watch_that_is_dropped_ends() {
    let Some(world) = world("/watch/drop").await else {
        return;
    };
    let lease = lease(&world.etcd, 60).await;
    let tasks = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    let before = tasks();
    let mut watch = Watch::start(&world.etcd, shards());
    reset(&mut watch).await;
    assert!(tasks() > before);
    drop(watch);
    drop(lease);
    soon("the end of the tasks", async {
        while tasks() >= before {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
