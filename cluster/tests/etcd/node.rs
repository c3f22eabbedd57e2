//! The nodes of the tests, and what they share.

use std::sync::Arc;
use std::time::Duration;

use etcd_client::Client;
use session_supervisor_cluster::clock::Clock;
use session_supervisor_cluster::engine::{Leaving, NodeName, Shard, Shards, Ttl};
use session_supervisor_cluster::error::JoinError;
use session_supervisor_cluster::etcd::{
    Changed, Etcd, EtcdOptions, Lease, NodeInfo, NodeKeys, Seen, Watch,
};
use session_supervisor_cluster::{ClusterOptions, ClusterSupervisor, Kinds};
use session_supervisor_store::MemoryStore;

pub(crate) use crate::chain::chain;
use crate::support::{Cluster, shared};
pub(crate) use crate::wait::soon;

/// One cluster of the shared etcd.
pub(crate) struct World {
    pub(crate) etcd: Etcd,
    /// For what no node does.
    pub(crate) raw: Client,
    pub(crate) servers: Arc<Cluster>,
}

/// None: there is no etcd here.
pub(crate) async fn world(prefix: &str) -> Option<World> {
    let servers = shared()?;
    Some(World {
        etcd: connect(&servers, prefix).await,
        raw: raw(&servers).await,
        servers,
    })
}

pub(crate) async fn connect(servers: &Cluster, prefix: &str) -> Etcd {
    let options = EtcdOptions::new(prefix).request_timeout(Duration::from_secs(10));
    Etcd::connect(servers.endpoints(), options)
        .await
        .expect("options")
}

pub(crate) async fn raw(servers: &Cluster) -> Client {
    Client::connect(servers.endpoints(), None)
        .await
        .expect("a client")
}

impl World {
    pub(crate) async fn lease(&self, seconds: u64) -> Lease {
        lease(&self.etcd, seconds).await
    }

    /// A node with a lease of its own.
    pub(crate) async fn node(&self, of: &str, seconds: u64) -> (Lease, NodeKeys) {
        let lease = self.lease(seconds).await;
        let keys = lease.keys(name(of));
        (lease, keys)
    }

    pub(crate) fn key(&self, rest: &str) -> String {
        format!("{}/{rest}", self.etcd.prefix())
    }
}

pub(crate) async fn lease(etcd: &Etcd, seconds: u64) -> Lease {
    Lease::grant(etcd, ttl(seconds), Clock::real())
        .await
        .expect("a lease")
}

pub(crate) fn ttl(seconds: u64) -> Ttl {
    Ttl::new(Duration::from_secs(seconds)).expect("a time to live")
}

pub(crate) fn name(text: &str) -> NodeName {
    NodeName::try_from(text).expect("a name")
}

pub(crate) fn shards() -> Shards {
    Shards::new(512).expect("a count")
}

pub(crate) fn shard(index: u32) -> Shard {
    shards().get(index).expect("a shard")
}

pub(crate) fn info(port: u16) -> NodeInfo {
    NodeInfo {
        address: format!("127.0.0.1:{port}"),
        incarnation: session_supervisor_cluster::engine::Incarnation::new(0),
        protocol: 1,
        weight: 100,
        leaving: Leaving::No,
    }
}

/// The next change that the test looks for.
pub(crate) async fn change<T>(watch: &mut Watch, find: impl Fn(&Changed) -> Option<T>) -> T {
    soon("a change", async {
        loop {
            match watch.next().await.expect("the watch goes on") {
                Seen::Change(change) => {
                    if let Some(found) = find(&change.what) {
                        return found;
                    }
                }
                Seen::Reset(_) => {}
                Seen::WentBack(why) => panic!("{why}"),
            }
        }
    })
    .await
}

/// A whole node, which knows no kind of session.
pub(crate) async fn join(options: ClusterOptions) -> Result<ClusterSupervisor, JoinError> {
    ClusterSupervisor::join(options, Kinds::new(), MemoryStore::new()).await
}
