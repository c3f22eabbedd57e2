//! Clocks that jump: that of a node's authority, which only a test moves, and no other.

use crate::Case;
use crate::cluster::Cluster;
use crate::scenarios::{IDS, all_run, count, epochs};

pub(crate) const CASES: &[Case] = &[
    (
        "a_node_whose_clock_jumps_forward_acts_for_nobody_and_joins_anew",
        || jumps("forward 3600"),
    ),
    (
        "a_node_whose_clock_goes_back_acts_for_nobody_and_joins_anew",
        || jumps("back 3600"),
    ),
    (
        "an_etcd_that_comes_back_after_an_hour_finds_all_nodes_again",
        after_an_hour,
    ),
];

fn jumps(command: &str) {
    let mut cluster = Cluster::start(1, &["a", "b"], 3);
    let started = cluster.node("a").tell(&format!("starts r {IDS}"));
    assert_eq!(started, IDS.to_string());
    count(&mut cluster, 0, 1);
    let before = epochs(&mut cluster, "b");
    assert_eq!(cluster.node("a").tell(command), "ok");
    // It has joined under another lease, so what it owned has other epochs.
    let mut moved = false;
    while !moved {
        cluster.node("a").until("stage", |stage| stage == "Joined");
        cluster.settled();
        moved = epochs(&mut cluster, "b") != before;
    }
    // That may have been seen while it was still away.
    cluster.node("a").until("stage", |stage| stage == "Joined");
    cluster.settled();
    all_run(&mut cluster);
    count(&mut cluster, 1, 2);
    cluster.store.history.check();
}

fn after_an_hour() {
    let mut cluster = Cluster::start(1, &["a", "b"], 3);
    let started = cluster.node("a").tell(&format!("starts r {IDS}"));
    assert_eq!(started, IDS.to_string());
    count(&mut cluster, 0, 1);
    cluster.etcd.pause(0);
    for name in ["a", "b"] {
        let node = cluster.node(name);
        node.until("running", |running| running == "0");
        assert_eq!(node.tell("forward 3600"), "ok");
        // It says why it serves nothing, and goes on trying.
        node.until("status", |status| {
            status.contains("fault: not joined again: etcd")
        });
    }
    cluster.etcd.resume(0);
    cluster.settled();
    all_run(&mut cluster);
    count(&mut cluster, 1, 2);
    cluster.store.history.check();
}
