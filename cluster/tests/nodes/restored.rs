//! An etcd that was restored from a backup or begun anew, whose epochs would go back.

use etcd_client::Client;

use crate::Case;
use crate::cluster::Cluster;
use crate::scenarios::{IDS, all_run, count};

pub(crate) const CASES: &[Case] = &[
    (
        "an_etcd_that_was_restored_is_followed_by_no_node_that_has_seen_more",
        restored,
    ),
    (
        "an_etcd_that_was_begun_anew_is_not_believed_against_the_store",
        begun_anew,
    ),
];

/// Raises the revision of etcd, as somebody who has restored it may.
fn raise(cluster: &Cluster, by: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let client = Client::connect(cluster.etcd.endpoints(), None).await;
        let mut client = client.expect("a client");
        for number in 0..by {
            let written = client.put("/raised", number.to_string(), None).await;
            written.expect("a write");
        }
    });
}

/// Nothing is served, and that is told with its cause.
fn is_refused(cluster: &mut Cluster, name: &str, text: &str) {
    let node = cluster.node(name);
    node.until("running", |running| running == "0");
    node.until("status", |status| status.contains(text));
    let refused = node.tell("ensure r1");
    assert!(refused.starts_with("error NotSent"), "{refused}");
    // It stays so.
    let status = node.tell("status");
    assert!(status.contains(text), "{status}");
}

fn restored() {
    let mut cluster = Cluster::start(1, &["a", "b"], 5);
    let started = cluster.node("a").tell(&format!("starts r {IDS}"));
    assert_eq!(started, IDS.to_string());
    cluster.etcd.stop(0);
    cluster.etcd.back_up(0);
    cluster.etcd.start_again(0);
    cluster.settled();
    all_run(&mut cluster);
    count(&mut cluster, 0, 1);
    // What is not in the backup: shards that have moved.
    let mut leaving = cluster.take("b");
    assert_eq!(leaving.tell("leave"), "ok");
    drop(leaving);
    cluster.settled();
    cluster.add("b");
    cluster.settled();
    all_run(&mut cluster);
    count(&mut cluster, 1, 2);

    cluster.etcd.stop(0);
    cluster.etcd.restore(0);
    cluster.etcd.start_again(0);
    for name in ["a", "b"] {
        is_refused(
            &mut cluster,
            name,
            "it was restored from a backup, or is another one",
        );
    }
    cluster.store.history.check();
    raise(&cluster, 500);
    cluster.settled();
    all_run(&mut cluster);
    count(&mut cluster, 0, 3);
    cluster.store.history.check();
}

fn begun_anew() {
    let mut cluster = Cluster::start(1, &["a"], 3);
    assert_eq!(cluster.take("a").tell("leave"), "ok");
    raise(&cluster, 300);
    cluster.add("a");
    cluster.settled();
    let started = cluster.node("a").tell(&format!("starts r {IDS}"));
    assert_eq!(started, IDS.to_string());
    count(&mut cluster, 0, 1);
    assert_eq!(cluster.take("a").tell("leave"), "ok");

    // No process is left that has seen anything. The store has.
    cluster.etcd.stop(0);
    cluster.etcd.forget(0);
    cluster.etcd.start_again(0);
    cluster.add("a");
    is_refused(
        &mut cluster,
        "a",
        "64 shards are not served: the store has seen epoch 3",
    );
    let refused = cluster.node("a").tell("ensure r1");
    assert!(refused.contains("the store has seen epoch 3"), "{refused}");
    cluster.store.history.check();
    raise(&cluster, 500);
    // What it owns is claimed anew, in epochs that are past those that the store has seen.
    all_run(&mut cluster);
    cluster.settled();
    count(&mut cluster, 0, 2);
    cluster.store.history.check();
}
