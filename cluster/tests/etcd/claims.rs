//! A shard is owned by one node at most, and its epochs grow.

use std::collections::BTreeMap;

use session_supervisor_cluster::engine::{Epoch, Shard};
use session_supervisor_cluster::etcd::{Claim, EtcdError, NodeKeys, Outcome, Release};

use crate::node::{shard, shards, world};

async fn claimed(keys: &NodeKeys, shard: Shard) -> Epoch {
    match keys.claim(shard).await.expect("an answer") {
        Claim::Claimed(epoch) => epoch,
        other @ Claim::Owned(_) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_claim_one_shard_one_gets_it() {
    let Some(world) = world("/claims/race").await else {
        return;
    };
    let mut nodes = Vec::new();
    for index in 0..16 {
        nodes.push(world.node(&format!("n{index}"), 60).await);
    }
    for round in 0..20 {
        let tries = nodes.iter().map(|(_, keys)| {
            let keys = keys.clone();
            tokio::spawn(async move { keys.claim(shard(round)).await })
        });
        let tries: Vec<_> = tries.collect();
        let mut winners = Vec::new();
        let mut seen = Vec::new();
        for (task, (lease, keys)) in tries.into_iter().zip(&nodes) {
            match task.await.expect("no panic").expect("an answer") {
                Claim::Claimed(epoch) => {
                    winners.push((keys.run().clone(), lease.incarnation(), epoch))
                }
                Claim::Owned(owner) => seen.push(owner.expect("a readable owner")),
            }
        }
        let [(run, incarnation, epoch)] = winners.as_slice() else {
            panic!("{} winners", winners.len());
        };
        assert_eq!(seen.len(), 15);
        for owner in seen {
            assert_eq!((&owner.node, owner.incarnation), (&run.name, *incarnation));
            assert_eq!(owner.epoch, *epoch);
        }
        let owner = world.etcd.owner(shard(round)).await.expect("an answer");
        assert_eq!(owner.expect("an owner").epoch, *epoch);
    }
}

#[tokio::test]
async fn a_claim_that_is_repeated_has_the_epoch_that_it_had() {
    let Some(world) = world("/claims/again").await else {
        return;
    };
    let (_lease, keys) = world.node("a", 60).await;
    let epoch = claimed(&keys, shard(3)).await;
    assert_eq!(claimed(&keys, shard(3)).await, epoch);
    // Another run of the same node is another owner.
    let (_other_lease, other) = world.node("a", 60).await;
    let answer = other.claim(shard(3)).await.expect("an answer");
    let Claim::Owned(Some(owner)) = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(owner.incarnation, keys.run().incarnation);
}

#[tokio::test]
async fn a_release_of_an_old_epoch_frees_nothing() {
    let Some(world) = world("/claims/old").await else {
        return;
    };
    let (_lease, keys) = world.node("a", 60).await;
    let (_other_lease, other) = world.node("b", 60).await;
    let first = claimed(&keys, shard(0)).await;
    assert_eq!(
        keys.release(shard(0), first).await.expect("an answer"),
        Release::Released
    );
    assert_eq!(
        keys.release(shard(0), first).await.expect("an answer"),
        Release::NotOwned
    );
    let second = claimed(&other, shard(0)).await;
    assert!(second > first);
    // What was on its way since then comes late.
    assert_eq!(
        keys.release(shard(0), first).await.expect("an answer"),
        Release::NotOwned
    );
    let owner = world
        .etcd
        .owner(shard(0))
        .await
        .expect("an answer")
        .expect("an owner");
    assert_eq!((owner.node.as_str(), owner.epoch), ("b", second));
    assert_eq!(world.etcd.owner(shard(1)).await.expect("an answer"), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_that_claim_all_shards_divide_them() {
    let Some(world) = world("/claims/all").await else {
        return;
    };
    let (_lease, one) = world.node("one", 60).await;
    let (_other_lease, other) = world.node("other", 60).await;
    let all: Vec<_> = shards().all().collect();
    let backwards: Vec<_> = all.iter().rev().copied().collect();
    let (first, second) = tokio::join!(one.claim_many(&all), other.claim_many(&backwards));
    let mut owned = BTreeMap::new();
    for (keys, claims) in [(&one, first), (&other, second)] {
        assert_eq!(claims.len(), 512);
        for (shard, claim) in claims {
            if let Claim::Claimed(epoch) = claim.expect("an answer") {
                let before = owned.insert(shard, (keys.run().name.clone(), epoch));
                assert_eq!(before, None, "{shard} has two owners");
            }
        }
    }
    assert_eq!(owned.len(), 512);
    let snapshot = world.etcd.snapshot(shards()).await.expect("an answer");
    for (shard, owner) in &snapshot.owners {
        assert_eq!(owned[shard], (owner.node.clone(), owner.epoch));
    }
    assert_eq!(snapshot.owners.len(), 512);
    // Each gives up what is its own, and asks to give up the rest in vain.
    let pairs: Vec<_> = owned
        .iter()
        .map(|(shard, (_, epoch))| (*shard, *epoch))
        .collect();
    let mut freed = 0;
    for (_, release) in one.release_many(&pairs).await {
        freed += usize::from(release.expect("an answer") == Release::Released);
    }
    assert_eq!(
        freed, 512,
        "a release is of an epoch, and each epoch is there once"
    );
    let snapshot = world.etcd.snapshot(shards()).await.expect("an answer");
    assert!(snapshot.owners.is_empty());
}

#[tokio::test]
async fn nothing_is_claimed_under_a_lease_that_is_gone() {
    let Some(mut world) = world("/claims/gone").await else {
        return;
    };
    let (lease, keys) = world.node("a", 60).await;
    world.raw.lease_revoke(lease.id()).await.expect("a lease");
    let error = keys.claim(shard(0)).await.expect_err("no lease");
    assert!(matches!(error, EtcdError::LeaseGone { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotDone);
    let all: Vec<_> = shards().all().collect();
    for (shard, claim) in keys.claim_many(&all).await {
        assert!(
            matches!(claim, Err(EtcdError::LeaseGone { .. })),
            "{shard}: {claim:?}"
        );
    }
    assert!(
        world
            .etcd
            .snapshot(shards())
            .await
            .expect("an answer")
            .owners
            .is_empty()
    );
}

#[tokio::test]
async fn a_shard_with_an_owner_that_cannot_be_read_is_owned() {
    let Some(mut world) = world("/claims/garbage").await else {
        return;
    };
    let (_lease, keys) = world.node("a", 60).await;
    for (index, value) in [&b""[..], b"\xff\xfe", b"a", b"a 1 1", b"A 1"]
        .into_iter()
        .enumerate()
    {
        let index = u32::try_from(index).expect("a small number");
        let key = world.key(&format!("shards/{index:04}"));
        world.raw.put(key, value, None).await.expect("a write");
        assert_eq!(
            keys.claim(shard(index)).await.expect("an answer"),
            Claim::Owned(None)
        );
        assert_eq!(
            world.etcd.owner(shard(index)).await.expect("an answer"),
            None
        );
    }
    // This run's name under another lease is not this run's claim.
    let value = keys.run().to_string();
    world
        .raw
        .put(world.key("shards/0100"), value, None)
        .await
        .expect("a write");
    let answer = keys.claim(shard(100)).await.expect("an answer");
    assert!(matches!(answer, Claim::Owned(Some(_))), "{answer:?}");
}
