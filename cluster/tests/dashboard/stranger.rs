//! A node that is in etcd alone: it has a lease, an address at which nothing is, and claims what it is told
//! to. So shards stay without an owner, or on their way, as long as a test wants.

use std::time::Duration;

use session_supervisor_cluster::clock::Clock;
use session_supervisor_cluster::engine::{Incarnation, Leaving, NodeName, Shard, Shards, Ttl};
use session_supervisor_cluster::etcd::{
    Claim, Etcd, EtcdOptions, Lease, NodeInfo, NodeKeys, Registered, Registration, Updated,
};

pub(crate) struct Stranger {
    keys: NodeKeys,
    registered: Registered,
    info: NodeInfo,
    lease: Lease,
}

impl Stranger {
    pub(crate) async fn join(etcd: &str, name: &str, address: &str, weight: u32) -> Self {
        let options = EtcdOptions::new("/session-supervisor/rooms");
        let etcd = Etcd::connect([etcd], options).await.expect("options");
        let ttl = Ttl::new(Duration::from_secs(60)).expect("a time");
        let lease = Lease::grant(&etcd, ttl, Clock::real()).await;
        let lease = lease.expect("a lease");
        let keys = lease.keys(NodeName::try_from(name).expect("a name"));
        let info = NodeInfo {
            address: address.to_owned(),
            incarnation: Incarnation::new(1),
            protocol: 1,
            weight,
            leaving: Leaving::No,
        };
        let Ok(Registration::Registered(registered)) = keys.register(&info).await else {
            panic!("the name is free");
        };
        Self {
            keys,
            registered,
            info,
            lease,
        }
    }

    /// Claims a shard that no node owns.
    pub(crate) async fn claim(&self, shards: u32, shard: u32) -> u64 {
        let shards = Shards::new(shards).expect("a number");
        let shard: Shard = shards.get(shard).expect("a shard");
        match self.keys.claim(shard).await {
            Ok(Claim::Claimed(epoch)) => epoch.number(),
            other => panic!("{other:?}"),
        }
    }

    /// Says that it leaves, and keeps what it has.
    pub(crate) async fn leaves(&mut self) {
        self.info.leaving = Leaving::Yes;
        let updated = self.keys.update(self.registered, &self.info).await;
        assert_eq!(updated.ok(), Some(Updated::Written));
    }

    pub(crate) async fn end(self) {
        self.lease.revoke().await.expect("it ends");
    }
}
