//! What a session costs the node that runs it, the one that has started it, and a third one.

use super::cluster::Cluster;
use super::table::{Table, Unit};

/// How many are started by one command.
const SOME: usize = 5_000;

/// Starts sessions on node b that save something, by node c.
pub(super) fn fill(cluster: &mut Cluster, sessions: usize) {
    for at in 0..sessions.div_ceil(SOME) {
        let count = SOME.min(sessions - at * SOME);
        cluster.number("c", &format!("start b saver load-{at} {count} 64"));
    }
}

pub(super) fn measure(cluster: &mut Cluster, table: &mut Table, sessions: usize) {
    let on = |what: &str| format!("memory of a session on {what}");
    let own = table.row(on("its node"), Unit::Bytes, None);
    let starter = table.row(on("the node that started it"), Unit::Bytes, Some(own));
    let third = table.row(on("a third node"), Unit::Bytes, Some(own));
    // What the first ones take is taken once.
    cluster.number("c", "start b saver first 2000 64");
    let nodes = [("b", own), ("c", starter), ("a", third)];
    let before = nodes.map(|(node, _)| cluster.number(node, "bytes"));
    fill(cluster, sessions);
    for ((node, row), before) in nodes.into_iter().zip(before) {
        let more = cluster.number(node, "bytes") - before;
        table.add(row, more / sessions as f64);
    }
}
