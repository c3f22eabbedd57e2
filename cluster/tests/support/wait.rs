//! Waiting for nodes of this process, each time with a limit that only a broken test reaches.

use std::time::Duration;

use session_supervisor_cluster::{ClusterSupervisor, Status};

const LIMIT: Duration = Duration::from_secs(60);

/// Waits for something.
pub(crate) async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(LIMIT, wait).await;
    waited.unwrap_or_else(|_| panic!("{what}: waited {LIMIT:?}"))
}

/// Waits until the status of a node is right. It is looked at after each event, as it is never behind them.
///
/// No event tells of the age of a lease, of faults, of connections that are not up, and of requests, nor of
/// the begin of a claim and the end of what ran of a shard that was lost. What needs those does not wait here.
pub(crate) async fn until(node: &ClusterSupervisor, right: impl Fn(&Status) -> bool) {
    let mut feed = node.subscribe();
    let told = async {
        while !right(&node.status()) {
            let event = feed.next().await;
            assert!(event.is_some(), "it has left: {:#?}", node.status());
        }
    };
    let told = tokio::time::timeout(LIMIT, told).await;
    assert!(told.is_ok(), "it stays at {:#?}", node.status());
}
