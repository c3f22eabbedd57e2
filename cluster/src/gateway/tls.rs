//! TLS between nodes: which certificate a node shows, and which ones it accepts.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::ServerCertVerifier;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{
    CertificateDer, InvalidDnsNameError, PrivateKeyDer, ServerName, UnixTime,
};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::server::danger::ClientCertVerifier;
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// TLS between nodes: a node shows one certificate, whether it dials or is dialled.
///
/// A node with TLS refuses a peer without it, so all nodes of a cluster use it, or none does.
#[derive(Clone)]
#[must_use]
pub struct Tls {
    pub(super) acceptor: TlsAcceptor,
    pub(super) connector: TlsConnector,
    server_name: Option<ServerName<'static>>,
    /// What of it can be checked before a peer does.
    own: Option<Arc<Own>>,
}

/// The certificate of this node, and what its peers check it with.
struct Own {
    chain: Vec<CertificateDer<'static>>,
    of_clients: Arc<dyn ClientCertVerifier>,
    of_servers: Arc<WebPkiServerVerifier>,
}

/// Why TLS cannot be used as it was configured.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A text that was given is not what it should be in PEM.
    #[error("bad PEM of {what}")]
    Pem {
        /// What it was given for.
        what: &'static str,
        /// Why.
        #[source]
        cause: pem::Error,
    },
    /// The authorities are none.
    #[error("the authorities cannot be used")]
    Authorities(#[source] Box<dyn StdError + Send + Sync>),
    /// The certificate cannot be used with the key.
    #[error("the certificate cannot be used with the key")]
    Key(#[source] Box<dyn StdError + Send + Sync>),
    /// No peer accepts the certificate of this node: it is over, or not of these authorities.
    #[error("no peer accepts the certificate of this node")]
    NotAccepted(#[source] Box<dyn StdError + Send + Sync>),
    /// The certificate is for another host than the one that peers dial.
    #[error("no peer accepts the certificate of this node for {host:?}")]
    Host {
        /// The host of the address that peers are told, or the name that was set.
        host: String,
        /// Why.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
}

impl Tls {
    /// Reads three texts in PEM: the certificate of this node, followed by those between it and the
    /// authority; its key; and the authorities that have signed the certificates of all nodes. A peer is
    /// refused if none of these has signed its certificate, whichever side has dialled.
    ///
    /// The certificate is for the host part of the address that this node
    /// [advertises](crate::ClusterOptions::advertise), unless a [name](Self::server_name) is set. Where it
    /// has an extended key usage, that has both the server and the client.
    ///
    /// ```no_run
    /// use session_supervisor_cluster::{ClusterOptions, Tls};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let (certificate, key) = (std::fs::read("node.pem")?, std::fs::read("node.key")?);
    /// let tls = Tls::from_pem(certificate, key, std::fs::read("authority.pem")?)?;
    /// let options = ClusterOptions::new("sums", "node-1", "a long secret").tls(tls);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// A text is not what it should be, or the key is another certificate's. Whether the certificate has
    /// expired is checked when the node [joins](crate::ClusterSupervisor::join).
    pub fn from_pem(
        certificate: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
        authorities: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        let chain = certificates("the certificate", certificate.as_ref())?;
        let key = private_key("the key", key.as_ref())?;
        let mut roots = RootCertStore::empty();
        for authority in certificates("the authorities", authorities.as_ref())? {
            let added = roots.add(authority);
            added.map_err(|cause| TlsError::Authorities(Box::new(cause)))?;
        }
        let (roots, provider) = (Arc::new(roots), Arc::new(aws_lc_rs::default_provider()));
        let with = || (Arc::clone(&roots), Arc::clone(&provider));
        let (of, by) = with();
        let of_clients = WebPkiClientVerifier::builder_with_provider(of, by).build();
        let of_clients = of_clients.map_err(|cause| TlsError::Authorities(Box::new(cause)))?;
        let (of, by) = with();
        let of_servers = WebPkiServerVerifier::builder_with_provider(of, by).build();
        let of_servers = of_servers.map_err(|cause| TlsError::Authorities(Box::new(cause)))?;
        let unusable = |cause: rustls::Error| TlsError::Key(Box::new(cause));
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_client_cert_verifier(Arc::clone(&of_clients))
            .with_single_cert(chain.clone(), key.clone_key())
            .map_err(unusable)?;
        let client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(unusable)?
            .with_webpki_verifier(Arc::clone(&of_servers))
            .with_client_auth_cert(chain.clone(), key)
            .map_err(unusable)?;
        let own = Own {
            chain,
            of_clients,
            of_servers,
        };
        Ok(Self {
            own: Some(Arc::new(own)),
            ..Self::new(Arc::new(server), Arc::new(client))
        })
    }

    /// Accepts with the one and dials with the other: for all that [`from_pem`](Self::from_pem) has no
    /// way to say. The certificate of a peer must be for the host part of the peer's address.
    ///
    /// Let the server's configuration demand a certificate of the peer (`WebPkiClientVerifier`) and give
    /// the client's one: otherwise the cookie is all that a peer must know.
    pub fn new(server: Arc<ServerConfig>, client: Arc<ClientConfig>) -> Self {
        Self {
            acceptor: TlsAcceptor::from(server),
            connector: TlsConnector::from(client),
            server_name: None,
            own: None,
        }
    }

    /// Expects the certificates of all peers to be for this name, whatever their addresses are.
    pub fn server_name(mut self, name: ServerName<'static>) -> Self {
        self.server_name = Some(name);
        self
    }

    /// For which name the certificate of a peer at this address must be.
    pub(super) fn name_at(
        &self,
        address: &str,
    ) -> Result<ServerName<'static>, InvalidDnsNameError> {
        match &self.server_name {
            Some(name) => Ok(name.clone()),
            None => ServerName::try_from(host_of(address).to_owned()),
        }
    }

    /// Whether peers that dial this address would accept the certificate of this node now, and would
    /// take this node where it dials them. Nothing is known of what [`new`](Self::new) was given.
    pub(crate) fn check(&self, address: &str) -> Result<(), TlsError> {
        let Some(own) = &self.own else {
            return Ok(());
        };
        let Some((certificate, between)) = own.chain.split_first() else {
            return Ok(());
        };
        let now = UnixTime::now();
        let accepted = own.of_clients.verify_client_cert(certificate, between, now);
        accepted.map_err(|cause| TlsError::NotAccepted(Box::new(cause)))?;
        let name = self.name_at(address).map_err(|cause| TlsError::Host {
            host: host_of(address).to_owned(),
            cause: Box::new(cause),
        })?;
        let accepted = own
            .of_servers
            .verify_server_cert(certificate, between, &name, &[], now);
        accepted.map(drop).map_err(|cause| TlsError::Host {
            host: name.to_str().into_owned(),
            cause: Box::new(cause),
        })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

pub(crate) fn certificates(
    what: &'static str,
    text: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bad = |cause| TlsError::Pem { what, cause };
    let found: Vec<_> = CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(bad)?;
    if found.is_empty() {
        return Err(bad(pem::Error::NoItemsFound));
    }
    Ok(found)
}

pub(crate) fn private_key(
    what: &'static str,
    text: &[u8],
) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(text).map_err(|cause| TlsError::Pem { what, cause })
}

/// The host part of `host:port`, or of `[host]:port`.
fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.trim_start_matches('[').trim_end_matches(']')
}

#[cfg(test)]
mod tests {
    use super::{Tls, TlsError, host_of};

    const AUTHORITY: &str = include_str!("../../tests/gateway/certs/authority.pem");
    const GOOD: &str = include_str!("../../tests/gateway/certs/good.pem");
    const GOOD_KEY: &str = include_str!("../../tests/gateway/certs/good.key");
    const EXPIRED: &str = include_str!("../../tests/gateway/certs/expired.pem");
    const EXPIRED_KEY: &str = include_str!("../../tests/gateway/certs/expired.key");
    const FOREIGN: &str = include_str!("../../tests/gateway/certs/foreign.pem");
    const FOREIGN_KEY: &str = include_str!("../../tests/gateway/certs/foreign.key");

    fn told(error: &dyn std::error::Error) -> String {
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(error) = source {
            text = format!("{text}: {error}");
            source = error.source();
        }
        text
    }

    #[test]
    fn the_host_is_without_its_port() {
        for (address, host) in [
            ("node-1.example:7000", "node-1.example"),
            ("127.0.0.1:7000", "127.0.0.1"),
            ("[::1]:7000", "::1"),
        ] {
            assert_eq!(host_of(address), host);
        }
    }

    #[test]
    fn what_is_no_pem_is_told_with_what_it_was_given_for() {
        for (texts, what) in [
            (["", GOOD_KEY, AUTHORITY], "bad PEM of the certificate"),
            (
                [GOOD_KEY, GOOD_KEY, AUTHORITY],
                "bad PEM of the certificate",
            ),
            ([GOOD, GOOD, AUTHORITY], "bad PEM of the key"),
            ([GOOD, GOOD_KEY, ""], "bad PEM of the authorities"),
        ] {
            let [certificate, key, authorities] = texts;
            let error = Tls::from_pem(certificate, key, authorities).expect_err(what);
            assert!(matches!(error, TlsError::Pem { .. }), "{error:?}");
            assert_eq!(error.to_string(), what);
        }
    }

    #[test]
    fn the_key_of_another_certificate_is_refused() {
        let error = Tls::from_pem(GOOD, EXPIRED_KEY, AUTHORITY).expect_err("it is another's");
        assert!(matches!(error, TlsError::Key(_)), "{error:?}");
    }

    #[test]
    fn what_no_peer_accepts_is_told_before_one_is_asked() {
        let tls = Tls::from_pem(GOOD, GOOD_KEY, AUTHORITY).expect("TLS");
        tls.check("127.0.0.1:7000").expect("it is for this host");
        tls.check("localhost:7000").expect("and for this one");
        let error = tls.check("10.1.2.3:7000").expect_err("not for this one");
        assert!(told(&error).contains("\"10.1.2.3\""), "{}", told(&error));
        let error = tls.check("a b:7000").expect_err("no name");
        assert!(told(&error).contains("\"a b\""), "{}", told(&error));
        let named = tls.server_name("localhost".try_into().expect("a name"));
        named.check("10.1.2.3:7000").expect("the name counts");

        let over = Tls::from_pem(EXPIRED, EXPIRED_KEY, AUTHORITY).expect("TLS");
        let error = over.check("127.0.0.1:7000").expect_err("it is over");
        assert!(matches!(error, TlsError::NotAccepted(_)), "{error:?}");
        assert!(told(&error).contains("expired"), "{}", told(&error));
        let foreign = Tls::from_pem(FOREIGN, FOREIGN_KEY, AUTHORITY).expect("TLS");
        let error = foreign
            .check("127.0.0.1:7000")
            .expect_err("it is another's");
        assert!(matches!(error, TlsError::NotAccepted(_)), "{error:?}");
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let tls = Tls::from_pem(GOOD, GOOD_KEY, AUTHORITY).expect("TLS");
        assert_eq!(format!("{tls:?}"), "Tls { server_name: None, .. }");
    }
}
