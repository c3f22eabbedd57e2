//! How a node joins a cluster.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use session_supervisor::Options;

use crate::error::JoinError;
use crate::etcd::{EtcdOptions, is_address};
#[cfg(feature = "etcd-tls")]
use crate::etcd_tls::EtcdTls;
use crate::gateway::{GatewayError, Tls};

/// How a node joins a cluster: [`ClusterSupervisor::join`](crate::ClusterSupervisor::join).
///
/// | option | default | bounds |
/// | --- | --- | --- |
/// | `etcd` | `http://127.0.0.1:2379` | at least one |
/// | `etcd_user` | none | |
/// | `etcd_tls` (feature `etcd-tls`) | none | with endpoints that begin with `https://` |
/// | `prefix` | `/session-supervisor/` and the cluster's name | 1 to 200 bytes, a path |
/// | `listen` | `127.0.0.1`, a free port | |
/// | `advertise` | where it listens | `host:port`, at most 300 bytes |
/// | `tls` | none: nothing is encrypted | the same on all nodes |
/// | `lease` | 10 s | 2 s to 10 min, whole seconds |
/// | `shards` | 512 | 1 to 4,096; the same on all nodes, for ever |
/// | `weight` | 100 | 1 to 1,000 |
/// | `request_timeout` | 5 s | 10 ms to 1 h |
#[derive(Clone, Debug)]
#[must_use]
pub struct ClusterOptions {
    pub(crate) cluster: String,
    pub(crate) node: String,
    pub(crate) cookie: Secret,
    pub(crate) etcd: Vec<String>,
    pub(crate) etcd_user: Option<(String, Secret)>,
    #[cfg(feature = "etcd-tls")]
    pub(crate) etcd_tls: Option<EtcdTls>,
    pub(crate) prefix: Option<String>,
    pub(crate) listen: SocketAddr,
    pub(crate) advertise: Option<String>,
    pub(crate) tls: Option<Tls>,
    pub(crate) lease: Duration,
    pub(crate) shards: u32,
    pub(crate) weight: u32,
    pub(crate) request_timeout: Duration,
    pub(crate) sessions: Options,
}

/// A secret, which is not shown.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
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
            cookie: Secret(cookie.into()),
            etcd: vec!["http://127.0.0.1:2379".to_owned()],
            etcd_user: None,
            #[cfg(feature = "etcd-tls")]
            etcd_tls: None,
            prefix: None,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            advertise: None,
            tls: None,
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

    /// As which user this node speaks with etcd. Its role reads and writes the keys below the
    /// [prefix](Self::prefix): `etcdctl role grant-permission ROLE readwrite --prefix PREFIX/`.
    ///
    /// Without [`etcd_tls`](Self::etcd_tls) the password crosses the network as it is.
    pub fn etcd_user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.etcd_user = Some((name.into(), Secret(password.into())));
        self
    }

    /// Uses TLS with etcd. All endpoints begin with `https://`.
    #[cfg(feature = "etcd-tls")]
    pub fn etcd_tls(mut self, tls: EtcdTls) -> Self {
        self.etcd_tls = Some(tls);
        self
    }

    /// Sets the prefix of the cluster's keys in etcd, such as `/chat`: 1 to 200 printable ASCII characters
    /// that begin with a slash and do not end with one.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Where other nodes connect to this one. Anything but a loopback address is open to the network: the
    /// cookie is checked, and without [`tls`](Self::tls) nothing is encrypted.
    pub const fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The address under which other nodes reach this one, `host:port`, if it is another than the one
    /// it listens at. A node that listens at every address of its machine (`0.0.0.0`) has to say which.
    pub fn advertise(mut self, address: impl Into<String>) -> Self {
        self.advertise = Some(address.into());
        self
    }

    /// Uses TLS between nodes. All nodes of a cluster use it, or none does: a node refuses a peer that
    /// differs. The certificate is for the host that this node [advertises](Self::advertise);
    /// [`join`](crate::ClusterSupervisor::join) refuses one that is not, or that has expired.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
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

    /// How etcd is reached.
    pub(crate) fn of_etcd(&self) -> EtcdOptions {
        let prefix = self.prefix.clone();
        let prefix = prefix.unwrap_or_else(|| format!("/session-supervisor/{}", self.cluster));
        let mut options = EtcdOptions::new(prefix);
        if let Some((name, password)) = &self.etcd_user {
            options = options.user(name, &password.0);
        }
        #[cfg(feature = "etcd-tls")]
        if let Some(tls) = &self.etcd_tls {
            options = options.tls(tls.clone().into_options());
        }
        options
    }

    /// What other nodes are told, as far as it is known before this one listens: the port may be 0.
    pub(crate) fn address(&self) -> String {
        let listen = self.listen.to_string();
        self.advertise.clone().unwrap_or(listen)
    }

    /// Whether others can be told where this node is, would accept its certificate there, and have to know
    /// a secret to connect.
    pub(crate) fn check(&self) -> Result<(), JoinError> {
        if self.cookie.0.is_empty() {
            return Err(GatewayError::NoCookie.into());
        }
        let address = self.address();
        let rule = match &self.advertise {
            Some(address) if !is_address(address) => "it must be `host:port`",
            Some(address) if address.ends_with(":0") => "its port must not be 0",
            None if self.listen.ip().is_unspecified() => {
                "it is every address of this machine: `advertise` has to say which"
            }
            _ => {
                return match &self.tls {
                    Some(tls) => Ok(tls.check(&address)?),
                    None => Ok(()),
                };
            }
        };
        Err(JoinError::Address { address, rule })
    }
}

#[cfg(test)]
mod tests {
    use super::ClusterOptions;
    use crate::error::JoinError;
    use crate::gateway::Tls;

    fn options() -> ClusterOptions {
        ClusterOptions::new("c", "n", "open sesame")
    }

    #[test]
    fn a_cookie_is_not_shown() {
        let text = format!("{:?}", options());
        assert!(!text.contains("sesame"), "{text}");
    }

    #[test]
    fn of_a_user_of_etcd_the_name_is_shown_and_no_password() {
        let options = options().etcd_user("node", "one-two-three");
        for text in [format!("{options:?}"), format!("{:?}", options.of_etcd())] {
            assert!(text.contains("\"node\""), "{text}");
            assert!(!text.contains("one-two-three"), "{text}");
        }
    }

    #[test]
    fn others_are_told_where_it_is_or_it_does_not_join() {
        let everywhere = || options().listen(([0, 0, 0, 0], 7_000).into());
        for good in [
            options(),
            options().advertise("node-1:7000"),
            options().advertise("[::1]:7000"),
            everywhere().advertise("10.0.0.7:7000"),
        ] {
            assert!(good.check().is_ok(), "{}", good.address());
        }
        for (bad, text) in [
            (
                everywhere(),
                "\"0.0.0.0:7000\" for other nodes: it is every address",
            ),
            (
                options().advertise("node-1"),
                "\"node-1\" for other nodes: it must be `host:port`",
            ),
            (
                options().advertise(":7000"),
                "\":7000\" for other nodes: it must be `host:port`",
            ),
            (options().advertise("a b:7000"), "it must be `host:port`"),
            (
                options().advertise("node-1:70000"),
                "it must be `host:port`",
            ),
            (options().advertise("node-1:0"), "its port must not be 0"),
        ] {
            let error = bad.check().expect_err(text);
            assert!(matches!(error, JoinError::Address { .. }), "{error:?}");
            assert!(error.to_string().contains(text), "{error}");
        }
    }

    #[test]
    fn a_certificate_for_another_host_is_refused() {
        let certificate = include_str!("../tests/gateway/certs/good.pem");
        let key = include_str!("../tests/gateway/certs/good.key");
        let authority = include_str!("../tests/gateway/certs/authority.pem");
        let tls = Tls::from_pem(certificate, key, authority).expect("TLS");
        let options = options().tls(tls);
        assert!(options.check().is_ok());
        let error = options.advertise("10.0.0.7:7000").check();
        let error = error.expect_err("it is for 127.0.0.1");
        assert!(matches!(error, JoinError::Tls(_)), "{error:?}");
    }
}
