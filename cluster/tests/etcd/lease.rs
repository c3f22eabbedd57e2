//! The lease: when a renewal counts from, when it is lost, and what is left of it.

use std::time::Duration;

use session_supervisor_cluster::clock::{self, Clock};
use session_supervisor_cluster::etcd::{Changed, Lease, LeaseState, Lost, Watch};

use crate::node::{change, connect, lease, shard, shards, soon, ttl, world};
use crate::support::Cluster;

#[tokio::test]
async fn a_renewal_counts_from_before_it_was_sent() {
    let Some(world) = world("/lease/stamp").await else {
        return;
    };
    let before = clock::now();
    let mut lease = world.lease(8).await;
    let LeaseState::Held { sent: mut last } = lease.state() else {
        panic!("{lease:?}")
    };
    assert!(before <= last && last <= clock::now());
    for _ in 0..2 {
        let state = soon("a renewal", lease.changed()).await;
        let LeaseState::Held { sent } = state else {
            panic!("{state:?}")
        };
        assert!(last < sent && sent <= clock::now(), "{last:?} {sent:?}");
        // A quarter of eight seconds, or later if the machine is busy. Never at once.
        assert!(
            sent.since(last) >= Duration::from_millis(1_900),
            "{:?}",
            sent.since(last)
        );
        last = sent;
    }
}

#[tokio::test]
async fn an_answer_that_comes_late_counts_from_when_its_renewal_was_sent() {
    let Some(servers) = Cluster::start(1) else {
        return;
    };
    let etcd = connect(&servers, "/lease/slow").await;
    let mut lease = lease(&etcd, 24).await;
    let LeaseState::Held { sent: first } = soon("a renewal", lease.changed()).await else {
        panic!("{lease:?}");
    };
    servers.pause(0);
    // The next one is sent after 6 s, and given up after another 3.
    tokio::time::sleep(Duration::from_millis(7_500).saturating_sub(clock::now().since(first)))
        .await;
    let resumed = clock::now();
    servers.resume(0);
    let state = soon("a renewal", lease.changed()).await;
    let LeaseState::Held { sent } = state else {
        panic!("{state:?}");
    };
    assert!(first < sent, "{first:?} {sent:?}");
    let before = resumed.since(sent);
    assert!(before > Duration::from_millis(500), "{before:?}");
}

#[tokio::test]
async fn a_lease_that_was_revoked_is_lost_at_the_next_renewal() {
    let Some(mut world) = world("/lease/gone").await else {
        return;
    };
    let mut lease = world.lease(12).await;
    let LeaseState::Held { sent } = lease.state() else {
        panic!("{lease:?}")
    };
    world.raw.lease_revoke(lease.id()).await.expect("a lease");
    let why = Lost::Gone;
    assert_eq!(
        soon("the loss", lease.changed()).await,
        LeaseState::Lost { sent, why }
    );
    // It stays so, and is told at once.
    assert_eq!(lease.changed().await, LeaseState::Lost { sent, why });
    lease
        .revoke()
        .await
        .expect("a lease that is gone is no error");
}

#[tokio::test]
async fn what_hangs_on_a_lease_is_deleted_when_nothing_renews_it() {
    let Some(world) = world("/lease/end").await else {
        return;
    };
    let (lease, keys) = world.node("a", 2).await;
    let some: Vec<_> = (0..10).map(shard).collect();
    for (_, claim) in keys.claim_many(&some).await {
        let _ = claim.expect("a claim");
    }
    let mut watch = Watch::start(&world.etcd, shards());
    let LeaseState::Held { sent } = lease.state() else {
        panic!("{lease:?}")
    };
    drop(lease);
    for shard in some {
        let free = |what: &Changed| (*what == Changed::Shard(shard, None)).then_some(());
        change(&mut watch, free).await;
    }
    // etcd may take longer, and never less.
    assert!(clock::now().since(sent) >= Duration::from_secs(2));
}

#[tokio::test]
async fn what_hangs_on_a_lease_that_is_revoked_is_deleted_at_once() {
    let Some(world) = world("/lease/revoke").await else {
        return;
    };
    let (lease, keys) = world.node("a", 600).await;
    let _ = keys.claim(shard(1)).await.expect("an answer");
    lease.revoke().await.expect("an answer");
    assert_eq!(world.etcd.owner(shard(1)).await.expect("an answer"), None);
}

#[tokio::test]
async fn a_clock_that_jumps_past_the_authority_ends_it() {
    let Some(world) = world("/lease/jump").await else {
        return;
    };
    let (clock, offset) = Clock::movable();
    let mut lease = Lease::grant(&world.etcd, ttl(8), clock)
        .await
        .expect("a lease");
    let LeaseState::Held { sent } = lease.state() else {
        panic!("{lease:?}")
    };
    offset.forward(Duration::from_secs(6));
    let why = Lost::NotRenewed;
    assert_eq!(
        soon("the loss", lease.changed()).await,
        LeaseState::Lost { sent, why }
    );
}

#[tokio::test]
async fn without_etcd_it_is_lost_after_two_thirds_and_not_before() {
    let Some(mut servers) = Cluster::start(1) else {
        return;
    };
    let etcd = connect(&servers, "/lease/away").await;
    let mut lease = lease(&etcd, 6).await;
    soon("a renewal", lease.changed()).await;
    servers.stop(0);
    let LeaseState::Held { .. } = lease.state() else {
        panic!("{lease:?}")
    };
    let (sent, lost_at) = loop {
        match soon("the loss", lease.changed()).await {
            LeaseState::Held { .. } => {}
            LeaseState::Lost { sent, why } => {
                assert_eq!(why, Lost::NotRenewed);
                break (sent, clock::now());
            }
        }
    };
    let after = lost_at.since(sent);
    assert!(after >= Duration::from_secs(4), "{after:?}");
    assert!(after < Duration::from_millis(5_900), "{after:?}");
}

#[tokio::test]
async fn a_server_that_was_stopped_for_a_while_renews_it_again() {
    let Some(servers) = Cluster::start(1) else {
        return;
    };
    let etcd = connect(&servers, "/lease/pause").await;
    let mut lease = lease(&etcd, 12).await;
    soon("a renewal", lease.changed()).await;
    servers.pause(0);
    // Longer than a renewal may take, shorter than the authority.
    tokio::time::sleep(Duration::from_secs(5)).await;
    let resumed = clock::now();
    servers.resume(0);
    let last = loop {
        match soon("a renewal", lease.changed()).await {
            LeaseState::Held { sent } if sent >= resumed => break sent,
            LeaseState::Held { .. } => {}
            lost @ LeaseState::Lost { .. } => panic!("{lost:?}"),
        }
    };
    // And it goes on.
    let state = soon("a renewal", lease.changed()).await;
    assert!(
        matches!(state, LeaseState::Held { sent } if sent > last),
        "{state:?}"
    );
}

#[tokio::test]
async fn an_answer_that_comes_after_the_authority_revives_nothing() {
    let Some(servers) = Cluster::start(1) else {
        return;
    };
    let etcd = connect(&servers, "/lease/late").await;
    let mut lease = lease(&etcd, 6).await;
    soon("a renewal", lease.changed()).await;
    servers.pause(0);
    let lost = loop {
        match soon("the loss", lease.changed()).await {
            LeaseState::Held { .. } => {}
            lost @ LeaseState::Lost { .. } => break lost,
        }
    };
    servers.resume(0);
    // The server now answers what it was sent meanwhile, and the lease still exists there.
    etcd.snapshot(shards()).await.expect("an answer");
    assert_eq!(lease.changed().await, lost);
    assert_eq!(lease.state(), lost);
}
