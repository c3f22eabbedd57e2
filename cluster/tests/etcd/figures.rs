//! What it costs. Not run with the other tests: see `main.rs` for the command.

use std::time::{Duration, Instant};

use session_supervisor_cluster::clock;
use session_supervisor_cluster::engine::{Epoch, Shard, Shards};
use session_supervisor_cluster::etcd::{Changed, Claim, LeaseState, NodeKeys, Seen, Watch};
use tokio::task::JoinSet;

use crate::node::{connect, lease, name, shards, soon};
use crate::support::Cluster;

fn epochs(
    claims: Vec<(
        Shard,
        Result<Claim, session_supervisor_cluster::etcd::EtcdError>,
    )>,
) -> Vec<(Shard, Epoch)> {
    let epoch = |(shard, claim)| match claim {
        Ok(Claim::Claimed(epoch)) => (shard, epoch),
        other => panic!("{shard}: {other:?}"),
    };
    claims.into_iter().map(epoch).collect()
}

async fn release(keys: &NodeKeys, owned: &[(Shard, Epoch)]) {
    for (_, released) in keys.release_many(owned).await {
        let _ = released.expect("an answer");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "figures"]
async fn claims_and_releases() {
    for servers in [1, 3] {
        let Some(cluster) = Cluster::start(servers) else {
            return;
        };
        let etcd = connect(&cluster, "/figures").await;
        let lease = lease(&etcd, 60).await;
        let keys = lease.keys(name("a"));
        let all: Vec<_> = shards().all().collect();

        let started = Instant::now();
        let mut owned = Vec::new();
        for shard in &all {
            owned.extend(epochs(vec![(*shard, keys.claim(*shard).await)]));
        }
        let each = started.elapsed() / 512;
        println!("{servers} servers: a claim {each:?}, one after another");
        release(&keys, &owned).await;

        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for some in all.chunks(8) {
            let (keys, some) = (keys.clone(), some.to_vec());
            tasks.spawn(async move {
                let mut owned = Vec::new();
                for shard in some {
                    owned.extend(epochs(vec![(shard, keys.claim(shard).await)]));
                }
                owned
            });
        }
        let owned: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
        let taken = started.elapsed();
        let rate = 512.0 / taken.as_secs_f64();
        println!("{servers} servers: 512 claims, 64 at a time: {taken:?}, {rate:.0}/s");
        release(&keys, &owned).await;

        let mut best = [Duration::MAX; 3];
        for _ in 0..10 {
            let started = Instant::now();
            let owned = epochs(keys.claim_many(&all).await);
            best[0] = best[0].min(started.elapsed());
            let started = Instant::now();
            etcd.snapshot(shards()).await.expect("an answer");
            best[2] = best[2].min(started.elapsed());
            let started = Instant::now();
            release(&keys, &owned).await;
            best[1] = best[1].min(started.elapsed());
        }
        println!(
            "{servers} servers: 512 shards in batches of 100, best of 10: claimed {:?}, released \
             {:?}, read {:?}",
            best[0], best[1], best[2]
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "figures"]
async fn from_the_last_renewal_to_the_deletion_seen() {
    for (ttl, count) in [(2, 512), (5, 512), (10, 512), (10, 4_096)] {
        let Some(cluster) = Cluster::start(3) else {
            return;
        };
        let etcd = connect(&cluster, "/figures").await;
        let shards = Shards::new(count).expect("a count");
        let mut lease = lease(&etcd, ttl).await;
        let keys = lease.keys(name("a"));
        let all: Vec<_> = shards.all().collect();
        epochs(keys.claim_many(&all).await);
        let mut watch = Watch::start(&etcd, shards);
        soon("a view", watch.next()).await;
        soon("a renewal", lease.changed()).await;
        let LeaseState::Held { sent } = lease.state() else {
            panic!("{lease:?}")
        };
        drop(lease);
        let (mut first, mut seen) = (None, 0);
        while seen < count {
            match soon("an end", watch.next())
                .await
                .expect("the watch goes on")
            {
                Seen::Change(change) if matches!(change.what, Changed::Shard(_, None)) => {
                    first.get_or_insert_with(clock::now);
                    seen += 1;
                }
                other => panic!("{other:?}"),
            }
        }
        let first = first.expect("a first one").since(sent);
        let last = clock::now().since(sent);
        println!(
            "3 servers, a lease of {ttl} s with {count} shards: first end seen after {first:?}, last after {last:?}"
        );
    }
}
