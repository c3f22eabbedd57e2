//! What a node has done, in numbers, and how it stands.

use super::ClusterSupervisor;
use crate::stats::{ShardCounts, Stats};
use crate::status::held;

impl ClusterSupervisor {
    /// What this node has done so far, in numbers: requests by their kind and outcome, shards that it
    /// claimed, handed over and lost, how long all of that took; and how it stands now.
    ///
    /// It is counted always, and read at any time: no message is sent, nothing is waited for, and nothing
    /// is blocked. It also tells what a node did that has left. **After any answer, the numbers hold at
    /// least what that answer tells of.**
    ///
    /// With the feature `metrics`, the module `metrics` hands the same numbers to the facade of that
    /// name, and so to Prometheus.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let node = self.of_node();
        let peers = node.now.borrow().peers.clone();
        let held = held(node);
        let feed = &node.local.feed;
        let (nodes, unowned) = feed.look(|picture| {
            let known = picture.snapshot();
            (known.nodes.len(), known.unowned())
        });
        let mut stats = node.local.meter.read();
        stats.nodes = nodes;
        stats.shards = ShardCounts {
            owned: held.map_or(0, |held| held.owned),
            moving: held.map_or(0, |held| held.moving),
            unowned,
        };
        stats.peers_connected = peers.map_or(0, |peers| peers.connected());
        stats.lease_age = held.map(|held| held.lease_age);
        stats
    }
}
