//! Three servers, of which one is killed, stopped, or was the leader.

use std::time::Duration;

use etcd_client::Client;
use session_supervisor_cluster::clock;
use session_supervisor_cluster::engine::Shard;
use session_supervisor_cluster::etcd::{
    Changed, Claim, Etcd, EtcdOptions, Lease, LeaseState, NodeKeys, Watch,
};

use crate::node::{change, lease, name, shard, shards, soon};
use crate::support::Cluster;

async fn connect(servers: &Cluster) -> Etcd {
    let options = EtcdOptions::new("/servers").request_timeout(Duration::from_secs(1));
    Etcd::connect(servers.endpoints(), options)
        .await
        .expect("options")
}

/// Which one leads.
async fn leader(servers: &Cluster) -> usize {
    for (index, endpoint) in servers.endpoints().into_iter().enumerate() {
        let mut client = Client::connect([endpoint], None).await.expect("a client");
        let status = client.status().await.expect("an answer");
        if status.header().expect("a header").member_id() == status.leader() {
            return index;
        }
    }
    panic!("no leader");
}

/// As a node claims: until there is an answer.
async fn claim(keys: &NodeKeys, shard: Shard) -> Claim {
    soon("a claim", async {
        loop {
            match keys.claim(shard).await {
                Ok(claim) => return claim,
                Err(error) => {
                    eprintln!("{error:?}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    })
    .await
}

/// Waits for a renewal that was sent later than now.
async fn renewed(lease: &mut Lease) {
    let from = clock::now();
    loop {
        match soon("a renewal", lease.changed()).await {
            LeaseState::Held { sent } if sent >= from => return,
            LeaseState::Held { .. } => {}
            lost @ LeaseState::Lost { .. } => panic!("{lost:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_goes_on_with_any_one_of_three_servers_gone() {
    let Some(mut servers) = Cluster::start(3) else {
        return;
    };
    let etcd = connect(&servers).await;
    let mut lease = lease(&etcd, 20).await;
    let keys = lease.keys(name("a"));
    let mut watch = Watch::start(&etcd, shards());
    let mut index = 0;
    for gone in 0..3 {
        servers.stop(gone);
        assert!(matches!(
            claim(&keys, shard(index)).await,
            Claim::Claimed(_)
        ));
        renewed(&mut lease).await;
        servers.start_again(gone);
        index += 1;

        servers.pause(gone);
        assert!(matches!(
            claim(&keys, shard(index)).await,
            Claim::Claimed(_)
        ));
        renewed(&mut lease).await;
        servers.resume(gone);
        index += 1;
    }
    assert!(matches!(
        claim(&keys, shard(index)).await,
        Claim::Claimed(_)
    ));
    // The watch has found its way too. It may have begun anew after this claim.
    let (Claim::Claimed(epoch), last) = (claim(&keys, shard(100)).await, shard(100)) else {
        panic!("the shard is free");
    };
    soon("the last claim", async {
        loop {
            use session_supervisor_cluster::etcd::Seen;
            let found = match watch.next().await.expect("the watch goes on") {
                Seen::Reset(snapshot) => snapshot.owners.get(&last).cloned(),
                Seen::Change(change) => match change.what {
                    Changed::Shard(shard, owner) if shard == last => owner,
                    _ => None,
                },
                Seen::WentBack(why) => panic!("{why}"),
            };
            if found.is_some_and(|owner| owner.epoch == epoch) {
                return;
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_outlives_a_leader_that_was_stopped_and_goes_on_as_another_s_follower() {
    let Some(servers) = Cluster::start(3) else {
        return;
    };
    let old = leader(&servers).await;
    // This node asks only the server that leads.
    let options = EtcdOptions::new("/servers").request_timeout(Duration::from_secs(1));
    let endpoint = servers.endpoints().swap_remove(old);
    let etcd = Etcd::connect([endpoint], options).await.expect("options");
    let mut lease = lease(&etcd, 30).await;
    let keys = lease.keys(name("a"));
    assert!(matches!(claim(&keys, shard(0)).await, Claim::Claimed(_)));
    servers.pause(old);
    tokio::time::sleep(Duration::from_secs(6)).await;
    servers.resume(old);
    renewed(&mut lease).await;
    renewed(&mut lease).await;
    let mut others = servers.endpoints();
    others.swap_remove(old);
    let other = Etcd::connect(others, EtcdOptions::new("/servers"))
        .await
        .expect("options");
    let owner = other.owner(shard(0)).await.expect("an answer");
    assert_eq!(
        owner.map(|owner| owner.incarnation),
        Some(lease.incarnation())
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_majority_nothing_is_renewed_or_claimed() {
    let Some(servers) = Cluster::start(3) else {
        return;
    };
    let leader = leader(&servers).await;
    // This node asks only the server that leads, until that finds out that it does not.
    let options = EtcdOptions::new("/servers").request_timeout(Duration::from_secs(1));
    let endpoint = servers.endpoints().swap_remove(leader);
    let etcd = Etcd::connect([endpoint], options).await.expect("options");
    let mut lease = lease(&etcd, 4).await;
    let keys = lease.keys(name("a"));
    assert!(matches!(claim(&keys, shard(0)).await, Claim::Claimed(_)));
    renewed(&mut lease).await;
    for index in (0..3).filter(|index| *index != leader) {
        servers.pause(index);
    }
    let stopped = clock::now();
    keys.claim(shard(1)).await.expect_err("no majority");
    let lost = loop {
        match soon("the loss", lease.changed()).await {
            // The leader still answers renewals for a while, and none of them counts.
            LeaseState::Held { sent } => assert!(sent <= stopped, "{sent:?} {stopped:?}"),
            lost @ LeaseState::Lost { .. } => break lost,
        }
    };
    assert!(
        clock::now().since(stopped) < Duration::from_secs(4),
        "{lost:?}"
    );
    for index in (0..3).filter(|index| *index != leader) {
        servers.resume(index);
    }
    drop(lease);
    let mut watch = Watch::start(&etcd, shards());
    let free = |what: &Changed| (*what == Changed::Shard(shard(0), None)).then_some(());
    change(&mut watch, free).await;
}

/// The reason why a renewal is confirmed by a read: a leader that was stopped does not know that it is
/// none any more, and answers the renewals that wait for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_of_before_answers_renewals_and_its_term_tells() {
    let Some(servers) = Cluster::start(3) else {
        return;
    };
    let old = leader(&servers).await;
    let endpoint = servers.endpoints().swap_remove(old);
    let mut client = Client::connect([endpoint], None).await.expect("a client");
    let lease = client.lease_grant(600, None).await.expect("a lease").id();
    let (mut sender, mut answers) = client.lease_keep_alive(lease).await.expect("a stream");
    servers.pause(old);
    sender.keep_alive().await.expect("a message");
    // The others elect one of them.
    let mut others = servers.endpoints();
    others.swap_remove(old);
    let other = Etcd::connect(others, EtcdOptions::new("/servers"))
        .await
        .expect("options");
    soon("another leader", async {
        while other.snapshot(shards()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    servers.resume(old);
    let answer = soon("an answer", answers.message()).await;
    let read = soon("a read", client.get("/servers/settings", None)).await;
    let term = read
        .expect("a read")
        .header()
        .expect("a header")
        .raft_term();
    // etcd 3.4.23 answers. Later versions ask the others first, and end the stream.
    if let Ok(Some(answer)) = answer {
        let answered = answer.header().expect("a header").raft_term();
        let seconds = answer.ttl();
        eprintln!("renewed for {seconds} s in term {answered}, now it is {term}");
        assert!(answered < term, "{answered} {term}");
    }
}
