//! etcd whose space is used up: the nodes that are there go on, and one that joins is refused with
//! etcd's words.

use std::time::Duration;

use etcd_client::{AlarmAction, AlarmType};
use session_supervisor_cluster::clock::Clock;
use session_supervisor_cluster::etcd::{
    Claim, Etcd, EtcdError, EtcdOptions, GrantError, Lease, LeaseState,
};

use crate::node::{lease, name, raw, shard, shards, soon, ttl};
use crate::support::Cluster;

#[tokio::test]
async fn without_space_nodes_go_on_and_none_joins() {
    let quota = format!("--quota-backend-bytes={}", 16 << 20);
    let Some(servers) = Cluster::start_with(1, &[&quota]) else {
        return;
    };
    let options = EtcdOptions::new("/full").request_timeout(Duration::from_secs(5));
    let etcd = Etcd::connect(servers.endpoints(), options)
        .await
        .expect("options");
    let mut lease = lease(&etcd, 4).await;
    let keys = lease.keys(name("a"));
    let Claim::Claimed(epoch) = keys.claim(shard(0)).await.expect("an answer") else {
        panic!("the shard is free");
    };
    let mut raw = raw(&servers).await;
    let large = vec![b'x'; 1 << 20];
    let full = async {
        for number in 0..100 {
            if raw
                .put(format!("/other/{number}"), large.clone(), None)
                .await
                .is_err()
            {
                return;
            }
        }
        panic!("it is never full");
    };
    soon("a full disk", full).await;
    // What a node writes is a transaction within one, of which etcd does not count the size: it goes on.
    let claim = keys.claim(shard(1)).await.expect("an answer");
    assert!(matches!(claim, Claim::Claimed(_)), "{claim:?}");
    // A node that joins needs a new lease.
    let error = soon("a refusal", async {
        loop {
            if let Err(error) = Lease::grant(&etcd, ttl(60), Clock::real()).await {
                return error;
            }
        }
    })
    .await;
    let GrantError::Etcd(EtcdError::Unavailable { cause, .. }) = &error else {
        panic!("{error:?}");
    };
    let text = cause.to_string();
    assert!(text.contains("database space exceeded"), "{text}");
    let owners = etcd.snapshot(shards()).await.expect("an answer").owners;
    assert_eq!(owners.len(), 2);
    let state = soon("a renewal", lease.changed()).await;
    assert!(matches!(state, LeaseState::Held { .. }), "{state:?}");
    // What is given up is deleted, which needs no space.
    let _ = keys.release(shard(0), epoch).await.expect("an answer");
    // The operator has made room.
    raw.delete(
        "/other/",
        Some(etcd_client::DeleteOptions::new().with_prefix()),
    )
    .await
    .expect("a delete");
    raw.alarm(AlarmAction::Deactivate, AlarmType::Nospace, None)
        .await
        .expect("an answer");
}
