//! How etcd is reached.

use std::fmt;
use std::time::Duration;

use super::error::ConnectError;

/// The longest prefix, in bytes.
const PREFIX: usize = 200;

/// The bounds of the time limit.
const SHORTEST: Duration = Duration::from_millis(10);
const LONGEST: Duration = Duration::from_secs(60);

/// How etcd is reached: the prefix of the keys, the time limit, user and password.
#[derive(Clone)]
pub struct EtcdOptions {
    pub(super) prefix: String,
    pub(super) request_timeout: Duration,
    pub(super) user: Option<(String, String)>,
    #[cfg(feature = "etcd-tls")]
    pub(super) tls: Option<etcd_client::TlsOptions>,
}

impl fmt::Debug for EtcdOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The password stays here.
        f.debug_struct("EtcdOptions")
            .field("prefix", &self.prefix)
            .field("request_timeout", &self.request_timeout)
            .field("user", &self.user.as_ref().map(|(name, _)| name))
            .finish_non_exhaustive()
    }
}

impl EtcdOptions {
    /// The prefix of all keys of this cluster, such as `/chat`: 1 to 200 printable ASCII characters
    /// that begin with a slash and do not end with one. Two clusters in one etcd have two prefixes of
    /// which neither is the beginning of the other's path.
    #[must_use]
    pub fn new(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            request_timeout: Duration::from_secs(2),
            user: None,
            #[cfg(feature = "etcd-tls")]
            tls: None,
        }
    }

    /// How long one request may take: 10 ms to 60 s, 2 s unless told otherwise. The renewals of the
    /// lease have a time limit of their own if that is shorter, an eighth of the lease.
    #[must_use]
    pub const fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = timeout;
        self
    }

    /// The user of etcd's authentication, with read and write access to the prefix.
    #[must_use]
    pub fn user(mut self, name: impl Into<String>, password: impl Into<String>) -> Self {
        self.user = Some((name.into(), password.into()));
        self
    }

    /// TLS for endpoints that begin with `https://`: authorities, and the certificate of this client.
    #[cfg(feature = "etcd-tls")]
    #[must_use]
    pub fn tls(mut self, tls: etcd_client::TlsOptions) -> Self {
        self.tls = Some(tls);
        self
    }

    pub(super) const fn has_tls(&self) -> bool {
        #[cfg(feature = "etcd-tls")]
        let given = self.tls.is_some();
        #[cfg(not(feature = "etcd-tls"))]
        let given = false;
        given
    }

    pub(super) fn checked(self) -> Result<Self, ConnectError> {
        let prefix = self.prefix.as_str();
        let printable = prefix.bytes().all(|byte| byte.is_ascii_graphic());
        let slashes = prefix.starts_with('/') && !prefix.ends_with('/');
        if !printable || !slashes || prefix.len() > PREFIX {
            return Err(ConnectError::Prefix {
                prefix: self.prefix,
            });
        }
        if !(SHORTEST..=LONGEST).contains(&self.request_timeout) {
            return Err(ConnectError::Timeout {
                timeout: self.request_timeout,
            });
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnectError, EtcdOptions};
    use std::time::Duration;

    #[test]
    fn a_prefix_is_a_path() {
        for good in ["/a", "/chat/eu-1", "/a.b_c"] {
            assert!(EtcdOptions::new(good).checked().is_ok(), "{good}");
        }
        let long = format!("/{}", "a".repeat(200));
        for bad in ["", "/", "a", "/a/", "/a b", "/\u{e4}", "/a\n", &long] {
            let error = EtcdOptions::new(bad).checked();
            assert!(matches!(error, Err(ConnectError::Prefix { .. })), "{bad}");
        }
    }

    #[test]
    fn a_time_limit_has_bounds() {
        for bad in [Duration::ZERO, Duration::from_secs(61), Duration::MAX] {
            let error = EtcdOptions::new("/a").request_timeout(bad).checked();
            assert!(matches!(error, Err(ConnectError::Timeout { .. })));
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let options = EtcdOptions::new("/a").user("root", "open-sesame");
        let text = format!("{options:?}");
        assert!(text.contains("root") && !text.contains("sesame"), "{text}");
    }
}
