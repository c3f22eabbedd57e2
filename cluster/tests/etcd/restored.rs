//! An etcd that was restored from a backup, or begun anew: it is at an earlier revision than was seen, and
//! nothing it says is believed.

use etcd_client::Client;
use session_supervisor_cluster::etcd::{
    Claim, Etcd, EtcdError, LeaseState, Lost, Seen, Snapshot, Watch, WentBack,
};

use crate::node::{connect, lease, name, raw, shard, shards, soon};
use crate::support::Cluster;

/// Writes that are no node's.
async fn write(raw: &mut Client, count: u64) {
    for number in 0..count {
        let written = raw.put("/somebody-else", number.to_string(), None).await;
        written.expect("a write");
    }
}

async fn revision(etcd: &Etcd) -> u64 {
    etcd.snapshot(shards()).await.expect("an answer").revision
}

/// What is answered once there is an answer: a connection that has ended is noticed by its next request.
async fn answered(etcd: &Etcd) -> Result<Snapshot, EtcdError> {
    soon("an answer", async {
        loop {
            match etcd.snapshot(shards()).await {
                Err(EtcdError::Unavailable { .. } | EtcdError::TimedOut { .. }) => {}
                answer => return answer,
            }
        }
    })
    .await
}

fn went_back<T: std::fmt::Debug>(answer: Result<T, EtcdError>) -> WentBack {
    match answer {
        Err(EtcdError::WentBack(why)) => why,
        other => panic!("{other:?}"),
    }
}

/// What happens to the disk of a server that is stopped.
type Loss = fn(&Cluster);

const LOSSES: [(&str, Loss); 2] = [
    ("restored", |servers| servers.restore(0)),
    ("begun anew", |servers| servers.forget(0)),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_request_tells_it_until_etcd_is_past_what_was_seen() {
    for (how, loss) in LOSSES {
        let Some(mut servers) = Cluster::start(1) else {
            return;
        };
        let etcd = connect(&servers, "/back").await;
        let keys = lease(&etcd, 60).await.keys(name("a"));
        write(&mut raw(&servers).await, 20).await;
        let before = revision(&etcd).await;
        servers.stop(0);
        servers.back_up(0);
        servers.start_again(0);
        answered(&etcd).await.expect("it goes on");
        write(&mut raw(&servers).await, 60).await;
        let claim = keys.claim(shard(7)).await.expect("an answer");
        let Claim::Claimed(epoch) = claim else {
            panic!("{claim:?}");
        };
        let seen = revision(&etcd).await;
        assert!(seen >= epoch.number() && seen >= before + 60);

        servers.stop(0);
        loss(&servers);
        servers.start_again(0);
        let other = connect(&servers, "/back").await;
        assert!(revision(&other).await < seen, "{how}");
        let why = went_back(answered(&etcd).await);
        assert_eq!(why.seen.revision, seen, "{how}");
        assert!(why.found.revision < seen, "{how}");
        // The lease is in the backup.
        let all = keys.claim_many(&[shard(1), shard(2)]).await.into_iter();
        let all = all.map(|(_, claim)| claim);
        for claim in all.chain([keys.claim(shard(7)).await]) {
            let fails = matches!(claim, Err(EtcdError::WentBack(_)))
                || how == "begun anew" && matches!(claim, Err(EtcdError::LeaseGone { .. }));
            assert!(fails, "{how}: {claim:?}");
        }
        went_back(etcd.begin().await);

        // Who has seen nothing before has nothing to contradict; and this is past it one day.
        let mut raw = raw(&servers).await;
        write(&mut raw, seen).await;
        etcd.begin().await.expect("it is past what was seen");
        assert!(revision(&etcd).await > seen, "{how}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lease_is_lost_and_the_watch_ends() {
    for (how, loss) in LOSSES {
        let Some(mut servers) = Cluster::start(1) else {
            return;
        };
        let etcd = connect(&servers, "/back").await;
        // It is there before and after: that it is renewed says nothing.
        let mut lease = lease(&etcd, 24).await;
        servers.stop(0);
        servers.back_up(0);
        servers.start_again(0);
        write(&mut raw(&servers).await, 60).await;
        let mut watch = Watch::start(&etcd, shards());
        let first = soon("the first view", watch.next()).await;
        assert!(matches!(first, Some(Seen::Reset(_))), "{first:?}");

        servers.stop(0);
        loss(&servers);
        servers.start_again(0);
        let told = soon("the end of the watch", async {
            loop {
                match watch.next().await {
                    Some(Seen::WentBack(why)) => return why,
                    Some(Seen::Reset(_) | Seen::Change(_)) => {}
                    None => panic!("{how}: it ended without a word"),
                }
            }
        });
        let why = told.await;
        assert!(why.found.revision < why.seen.revision, "{how}: {why}");
        assert_eq!(soon("nothing more", watch.next()).await, None);
        let lost = soon("the loss", async {
            loop {
                if let LeaseState::Lost { why, .. } = lease.changed().await {
                    return why;
                }
            }
        });
        let lost = lost.await;
        // One that is not in the backup is gone.
        assert!(
            matches!(lost, Lost::WentBack(_)) || how == "begun anew" && lost == Lost::Gone,
            "{how}: {lost:?}"
        );
    }
}

#[tokio::test]
async fn another_etcd_at_the_same_place_is_told_however_far_it_is() {
    let Some(mut servers) = Cluster::start(1) else {
        return;
    };
    let etcd = connect(&servers, "/back").await;
    let seen = revision(&etcd).await;
    servers.stop(0);
    servers.forget(0);
    servers.start_as_another(0);
    write(&mut raw(&servers).await, seen + 50).await;
    let why = went_back(answered(&etcd).await);
    assert_ne!(why.seen.cluster, why.found.cluster);
    assert!(why.found.revision > seen);
    // Who runs nothing may begin with it, since no epoch goes back.
    etcd.begin().await.expect("it is past what was seen");
    assert!(revision(&etcd).await > seen);
    lease(&etcd, 10).await;
}
