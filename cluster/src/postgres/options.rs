//! Which server, which schema, and how long a call may take.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_rustls::rustls::ClientConfig;

use super::error::OpenPostgresError;
use crate::engine::Shards;

/// The longest name that PostgreSQL keeps, in bytes. It cuts longer ones, and two could become one.
const LONGEST_NAME: usize = 63;

/// How a [`PostgresStore`](crate::PostgresStore) is opened.
///
/// | option | default | bounds |
/// | --- | --- | --- |
/// | `schema` | `session_supervisor` | 1 to 63 bytes |
/// | `shards` | 512 | 1 to 4,096; that of the cluster |
/// | `timeout` | 10 s | 100 ms to 1 h |
/// | `tls` | none: nothing is encrypted | |
///
/// It is made of a URL, or of the options of `tokio-postgres`.
///
/// ```
/// use session_supervisor_cluster::PostgresOptions;
///
/// let options: PostgresOptions = "postgres://sessions@10.0.0.7/app".parse().unwrap();
/// let options = options.schema("chat_sessions").shards(64);
/// assert!("no url".parse::<PostgresOptions>().is_err());
/// ```
#[derive(Clone)]
#[must_use]
pub struct PostgresOptions {
    pub(super) config: Config,
    pub(super) schema: String,
    pub(super) shards: u32,
    pub(super) timeout: Duration,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("hosts", &self.config.get_hosts())
            .field("schema", &self.schema)
            .field("shards", &self.shards)
            .field("timeout", &self.timeout)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

impl PostgresOptions {
    /// A server, a database and a user.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            schema: "session_supervisor".to_owned(),
            shards: Shards::DEFAULT,
            timeout: Duration::from_secs(10),
            tls: None,
        }
    }

    /// The schema of the tables. Where there is none it is made, which needs the right to. Stores of
    /// several clusters in one database have different ones.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// Into how many shards the ids are divided. All that open the schema must have the same number.
    pub const fn shards(mut self, shards: u32) -> Self {
        self.shards = shards;
        self
    }

    /// How long a call may take.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Uses TLS, and never goes on without it. The certificate of the server is for the `host` that it is
    /// reached by, and of an authority that this configuration trusts. A client certificate is part of the
    /// configuration too. A socket of Unix has no TLS.
    ///
    /// The configuration is one of rustls 0.23. Its cryptography is its own, so it need not be that of the
    /// process:
    ///
    /// ```no_run
    /// use std::sync::Arc;
    ///
    /// use session_supervisor_cluster::PostgresOptions;
    /// use tokio_rustls::rustls::crypto::aws_lc_rs;
    /// use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};
    /// use tokio_rustls::rustls::{ClientConfig, RootCertStore};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut roots = RootCertStore::empty();
    /// roots.add(CertificateDer::from_pem_file("postgres-authority.pem")?)?;
    /// let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
    ///     .with_safe_default_protocol_versions()?
    ///     .with_root_certificates(roots)
    ///     .with_no_client_auth();
    /// let options: PostgresOptions = "postgres://sessions:secret@db.example/app".parse()?;
    /// let options = options.tls(Arc::new(tls));
    /// # Ok(())
    /// # }
    /// ```
    pub fn tls(mut self, config: Arc<ClientConfig>) -> Self {
        self.tls = Some(config);
        self
    }

    /// # Errors
    ///
    /// What is out of its bounds.
    pub(super) fn check(&self) -> Result<(), OpenPostgresError> {
        let name = &self.schema;
        let least = Duration::from_millis(100);
        let wrong = if name.is_empty() || name.len() > LONGEST_NAME || name.contains('\0') {
            format!(
                "bad schema {name:?}: it must be 1 to {LONGEST_NAME} bytes without the character 0"
            )
        } else if let Err(error) = Shards::new(self.shards) {
            error.to_string()
        } else if !(least..=Duration::from_secs(3_600)).contains(&self.timeout) {
            let timeout = self.timeout;
            format!("bad timeout {timeout:?}: it must be 100 ms to 1 h")
        } else if let Some(wrong) = self.contradiction() {
            wrong.to_owned()
        } else {
            return Ok(());
        };
        Err(OpenPostgresError::Options {
            cause: wrong.into(),
        })
    }
}

impl PostgresOptions {
    /// Where the URL says otherwise than [`tls`](Self::tls).
    fn contradiction(&self) -> Option<&'static str> {
        match (self.config.get_ssl_mode(), &self.tls) {
            (SslMode::Require, None) => {
                Some("sslmode=require, and no TLS was given: `PostgresOptions::tls`")
            }
            (SslMode::Disable, Some(_)) => Some("sslmode=disable, and TLS was given"),
            _ => None,
        }
    }
}

/// A URL such as `postgres://user:password@host:5432/database`, or pairs such as `host=/run/postgresql
/// user=app`.
impl FromStr for PostgresOptions {
    type Err = OpenPostgresError;

    fn from_str(url: &str) -> Result<Self, OpenPostgresError> {
        let cause = |cause| OpenPostgresError::Options {
            cause: Box::new(cause),
        };
        url.parse().map(Self::new).map_err(cause)
    }
}
