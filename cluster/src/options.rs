//! How a node joins a cluster.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use session_supervisor::Options;

/// How a node joins a cluster: [`ClusterSupervisor::join`](crate::ClusterSupervisor::join).
///
/// | option | default | bounds |
/// | --- | --- | --- |
/// | `etcd` | `http://127.0.0.1:2379` | at least one |
/// | `prefix` | `/session-supervisor/` and the cluster's name | 1 to 256 bytes |
/// | `listen` | `127.0.0.1`, a free port | |
/// | `advertise` | where it listens | `host:port`, at most 300 bytes |
/// | `lease` | 10 s | 2 s to 10 min, whole seconds |
/// | `shards` | 512 | 1 to 4,096; the same on all nodes, for ever |
/// | `weight` | 100 | 1 to 1,000 |
/// | `request_timeout` | 5 s | 10 ms to 1 h |
#[derive(Clone, Debug)]
#[must_use]
pub struct ClusterOptions {
    pub(crate) cluster: String,
    pub(crate) node: String,
    pub(crate) cookie: String,
    pub(crate) etcd: Vec<String>,
    pub(crate) prefix: Option<String>,
    pub(crate) listen: SocketAddr,
    pub(crate) advertise: Option<String>,
    pub(crate) lease: Duration,
    pub(crate) shards: u32,
    pub(crate) weight: u32,
    pub(crate) request_timeout: Duration,
    pub(crate) sessions: Options,
}

impl ClusterOptions {
    /// A node of this name in a cluster of this name; the names have 1 to 64 bytes of `a-z`, `0-9`,
    /// `.`, `_` and `-`. The cookie is a secret that all nodes have.
    pub fn new(
        cluster: impl Into<String>,
        node: impl Into<String>,
        cookie: impl Into<String>,
    ) -> Self {
        let (cluster, node) = (cluster.into(), node.into());
        let name = format!("{cluster}-{node}");
        Self {
            cluster,
            node,
            cookie: cookie.into(),
            etcd: vec!["http://127.0.0.1:2379".to_owned()],
            prefix: None,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            advertise: None,
            lease: Duration::from_secs(10),
            shards: 512,
            weight: 100,
            request_timeout: Duration::from_secs(5),
            sessions: Options::new().name(name),
        }
    }

    /// Where etcd is: the addresses of its servers, such as `http://10.0.0.1:2379`.
    pub fn etcd<I: IntoIterator<Item: Into<String>>>(mut self, endpoints: I) -> Self {
        self.etcd = endpoints.into_iter().map(Into::into).collect();
        self
    }

    /// Under which keys the cluster lies in etcd.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Where other nodes connect to this one. Anything but a loopback address is open to the network:
    /// the cookie is checked, and nothing is encrypted.
    pub const fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The address under which other nodes reach this one, `host:port`, if it is another than the one
    /// it listens at.
    pub fn advertise(mut self, address: impl Into<String>) -> Self {
        self.advertise = Some(address.into());
        self
    }

    /// How long this node owns its shards without a word from etcd. After two thirds of it nothing is
    /// admitted any more, and what runs is stopped.
    pub const fn lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Into how many shards the ids are divided.
    pub const fn shards(mut self, shards: u32) -> Self {
        self.shards = shards;
        self
    }

    /// How many shards this node has in proportion to others.
    pub const fn weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }

    /// How long a request to another node may take.
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// How this node supervises its sessions. The name stays that of cluster and node, joined by a
    /// `-`, unless these options give another one.
    pub fn sessions(mut self, configure: impl FnOnce(Options) -> Options) -> Self {
        self.sessions = configure(self.sessions);
        self
    }
}
