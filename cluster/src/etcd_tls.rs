//! TLS to etcd: the authorities that have signed the certificates of its servers, and the certificate
//! that a node shows them.

use std::fmt;

use etcd_client::{Certificate, Identity, TlsOptions};

use crate::gateway::{TlsError, certificates, private_key};

/// TLS to etcd ([`ClusterOptions::etcd_tls`](crate::ClusterOptions::etcd_tls)), for endpoints that begin
/// with `https://`.
///
/// ```no_run
/// use session_supervisor_cluster::{ClusterOptions, EtcdTls};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let tls = EtcdTls::from_pem(std::fs::read("etcd-authority.pem")?)?
///     .identity(std::fs::read("node.pem")?, std::fs::read("node.key")?)?;
/// let options = ClusterOptions::new("sums", "node-1", "a long secret")
///     .etcd(["https://10.0.0.1:2379"])
///     .etcd_tls(tls);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct EtcdTls {
    options: TlsOptions,
    server_name: Option<String>,
    shows_certificate: bool,
}

impl EtcdTls {
    /// Accepts the certificates of etcd that one of these authorities has signed. They are texts in PEM.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`]: they are none.
    pub fn from_pem(authorities: impl AsRef<[u8]>) -> Result<Self, TlsError> {
        let authorities = authorities.as_ref();
        certificates("the authorities of etcd", authorities)?;
        Ok(Self {
            options: TlsOptions::new().ca_certificate(Certificate::from_pem(authorities)),
            server_name: None,
            shows_certificate: false,
        })
    }

    /// Shows etcd this certificate, for one that demands it (`--client-cert-auth`). Two texts in PEM: the
    /// certificate, followed by those between it and the authority, and its key.
    ///
    /// With users of etcd, the common name of the certificate is the user, unless
    /// [`etcd_user`](crate::ClusterOptions::etcd_user) names one.
    ///
    /// # Errors
    ///
    /// [`TlsError::Pem`]: a text is not what it should be.
    pub fn identity(
        mut self,
        certificate: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
    ) -> Result<Self, TlsError> {
        let (certificate, key) = (certificate.as_ref(), key.as_ref());
        certificates("the certificate for etcd", certificate)?;
        private_key("the key for etcd", key)?;
        self.options = self.options.identity(Identity::from_pem(certificate, key));
        self.shows_certificate = true;
        Ok(self)
    }

    /// Expects the certificates of etcd to be for this name, whatever the hosts of the endpoints are.
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        self.options = self.options.domain_name(name.as_str());
        self.server_name = Some(name);
        self
    }

    pub(crate) fn into_options(self) -> TlsOptions {
        self.options
    }
}

impl fmt::Debug for EtcdTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key stays here.
        f.debug_struct("EtcdTls")
            .field("server_name", &self.server_name)
            .field("shows_certificate", &self.shows_certificate)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::EtcdTls;

    const AUTHORITY: &str = include_str!("../tests/gateway/certs/authority.pem");
    const GOOD: &str = include_str!("../tests/gateway/certs/good.pem");
    const GOOD_KEY: &str = include_str!("../tests/gateway/certs/good.key");

    #[test]
    fn what_is_no_pem_is_told_with_what_it_was_given_for() {
        let error = EtcdTls::from_pem("").expect_err("nothing");
        assert_eq!(error.to_string(), "bad PEM of the authorities of etcd");
        for (certificate, key, text) in [
            ("", GOOD_KEY, "bad PEM of the certificate for etcd"),
            (GOOD, GOOD, "bad PEM of the key for etcd"),
        ] {
            let tls = EtcdTls::from_pem(AUTHORITY).expect("authorities");
            let error = tls.identity(certificate, key).expect_err(text);
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn no_key_is_shown() {
        let tls = EtcdTls::from_pem(AUTHORITY).expect("authorities");
        let tls = tls.identity(GOOD, GOOD_KEY).expect("a certificate");
        assert_eq!(
            format!("{:?}", tls.server_name("etcd")),
            "EtcdTls { server_name: Some(\"etcd\"), shows_certificate: true, .. }"
        );
    }
}
