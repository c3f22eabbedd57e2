//! etcd whose disk is full: what is read and renewed goes on, and what is written is refused with its
//! words.

use std::error::Error;
use std::time::Duration;

use etcd_client::{AlarmAction, AlarmType};
use session_supervisor_cluster::etcd::{Claim, Etcd, EtcdError, EtcdOptions, LeaseState};

use crate::node::{lease, name, raw, shard, shards, soon};
use crate::support::Cluster;

#[tokio::test]
async fn without_space_nothing_new_is_claimed_and_the_lease_goes_on() {
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
    let error = keys.claim(shard(1)).await.expect_err("no space");
    let EtcdError::Unavailable { ref cause, .. } = error else {
        panic!("{error:?}");
    };
    assert!(
        cause.to_string().contains("database space exceeded"),
        "{cause}"
    );
    assert!(error.source().is_some());
    let owners = etcd.snapshot(shards()).await.expect("an answer").owners;
    assert_eq!(owners.len(), 1);
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
