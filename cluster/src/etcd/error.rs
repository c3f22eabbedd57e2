//! What can go wrong between a node and etcd.

use std::error::Error as StdError;
use std::sync::Arc;
use std::time::Duration;

use etcd_client::Error as Cause;
use thiserror::Error;

use super::history::WentBack;

/// Why etcd has not done something.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum EtcdError {
    /// No answer in time. It may have been done all the same.
    #[error("etcd at {endpoint} did not answer {request} within {within:?}")]
    TimedOut {
        /// What was asked.
        request: &'static str,
        /// Whom.
        endpoint: Arc<str>,
        /// The time limit.
        within: Duration,
    },
    /// etcd could not be reached, has no quorum, or the connection broke. It may have been done all
    /// the same.
    #[error("etcd at {endpoint} is not available for {request}")]
    Unavailable {
        /// What was asked.
        request: &'static str,
        /// Whom.
        endpoint: Arc<str>,
        /// What the client says.
        #[source]
        cause: Arc<dyn StdError + Send + Sync>,
    },
    /// The lease does not exist any more. It has not been done.
    #[error("etcd at {endpoint} has no lease for {request}: it has expired or was revoked")]
    LeaseGone {
        /// What was asked.
        request: &'static str,
        /// Whom.
        endpoint: Arc<str>,
    },
    /// etcd refuses: no permission, no space, a bad request. It has not been done.
    #[error("etcd at {endpoint} refused {request}")]
    Refused {
        /// What was asked.
        request: &'static str,
        /// Whom.
        endpoint: Arc<str>,
        /// What etcd says.
        #[source]
        cause: Arc<dyn StdError + Send + Sync>,
    },
    /// etcd is at an earlier revision than this process has seen, or is another one. What it says of owners
    /// contradicts what was done before.
    #[error(transparent)]
    WentBack(#[from] WentBack),
    /// An answer that does not fit the question.
    #[error("an answer of etcd to {request} makes no sense: {what}")]
    Nonsense {
        /// What was asked.
        request: &'static str,
        /// What is wrong.
        what: &'static str,
    },
}

/// Whether what was asked has been done nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is known or it is not")]
pub enum Outcome {
    /// It has not been done, and will not be.
    NotDone,
    /// It may have been done, or may yet be: read before it is repeated.
    Unknown,
}

/// Why etcd does not let a user in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denied {
    /// It does not know the user, or the password is another one.
    Login,
    /// It asks for a user, and none was given.
    NoUser,
    /// A user was given, and it asks for none.
    NoUsers,
    /// The user may not read or write these keys.
    Keys,
}

impl EtcdError {
    /// Whether it is a refusal of the user, and not of what was asked.
    ///
    /// Of what concerns a login, etcd tells one thing from the other by the text alone.
    #[must_use]
    pub fn denied(&self) -> Option<Denied> {
        let Self::Refused { cause, .. } = self else {
            return None;
        };
        let Some(Cause::GRpcStatus(status)) = cause.downcast_ref::<Cause>() else {
            return None;
        };
        let says = |text| status.message().contains(text);
        match i32::from(status.code()) {
            3 if says("authentication failed") => Some(Denied::Login),
            3 if says("user name is empty") => Some(Denied::NoUser),
            9 if says("authentication is not enabled") => Some(Denied::NoUsers),
            7 => Some(Denied::Keys),
            _ => None,
        }
    }

    /// Whether what was asked has been done nevertheless.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        match self {
            Self::LeaseGone { .. } | Self::Refused { .. } => Outcome::NotDone,
            Self::TimedOut { .. }
            | Self::Unavailable { .. }
            | Self::WentBack(_)
            | Self::Nonsense { .. } => Outcome::Unknown,
        }
    }

    /// What an error of the client means, in one place.
    pub(super) fn of(request: &'static str, endpoint: &Arc<str>, cause: Cause) -> Self {
        let endpoint = Arc::clone(endpoint);
        let meaning = match &cause {
            Cause::GRpcStatus(status) => meaning(i32::from(status.code())),
            // The only one of its texts that is an answer of etcd.
            Cause::LeaseKeepAliveError(text) if text == "lease not found" => Meaning::LeaseGone,
            Cause::InvalidArgs(_) | Cause::InvalidUri(_) | Cause::InvalidMetadataValue(_) => {
                Meaning::Refused
            }
            _ => Meaning::Unavailable,
        };
        match meaning {
            Meaning::LeaseGone => Self::LeaseGone { request, endpoint },
            Meaning::Refused => Self::Refused {
                request,
                endpoint,
                cause: Arc::new(cause),
            },
            Meaning::Unavailable => Self::Unavailable {
                request,
                endpoint,
                cause: Arc::new(cause),
            },
        }
    }
}

enum Meaning {
    LeaseGone,
    Refused,
    Unavailable,
}

/// The status codes of gRPC. What is not certain counts as unavailable, of which no caller believes that
/// it was not done.
const fn meaning(code: i32) -> Meaning {
    match code {
        // Not found: of all that is asked here only a lease can be.
        5 => Meaning::LeaseGone,
        // Invalid argument, already exists, permission denied, failed precondition, out of range,
        // unimplemented, unauthenticated.
        3 | 6 | 7 | 9 | 11 | 12 | 16 => Meaning::Refused,
        _ => Meaning::Unavailable,
    }
}

/// Why there is no handle on etcd.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The list was empty.
    #[error("no endpoint of etcd was given")]
    NoEndpoint,
    /// One is no URL.
    #[error("bad endpoint {endpoint:?} of etcd")]
    Endpoint {
        /// What was given.
        endpoint: String,
        /// What is wrong with it.
        #[source]
        cause: Arc<dyn StdError + Send + Sync>,
    },
    /// The prefix is none.
    #[error(
        "bad prefix {prefix:?}: it must be 1 to 200 printable ASCII characters that begin with a \
         slash and do not end with one"
    )]
    Prefix {
        /// What was given.
        prefix: String,
    },
    /// The time limit is outside its bounds.
    #[error("bad request timeout {timeout:?}: it must be 10 ms to 60 s")]
    Timeout {
        /// What was given.
        timeout: Duration,
    },
}

/// Why there is no lease.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum GrantError {
    /// etcd grants less than was asked.
    #[error("etcd granted a lease of {granted} s, {asked} s were asked")]
    Shorter {
        /// What was asked, in seconds.
        asked: i64,
        /// What was granted, in seconds.
        granted: i64,
    },
    /// etcd has not answered it.
    #[error(transparent)]
    Etcd(#[from] EtcdError),
}

/// Why a node does not fit the cluster whose prefix it was given.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The cluster was made with another value.
    #[error("the cluster at {key} has {theirs} for {what}, this node has {ours}")]
    Different {
        /// The key of the settings.
        key: String,
        /// Which value.
        what: &'static str,
        /// What this node was given.
        ours: u32,
        /// What the cluster has.
        theirs: u32,
    },
    /// Another cluster has the prefix.
    #[error("at {key} is the cluster {theirs:?}, and this node is one of {ours:?}")]
    OtherName {
        /// The key of the settings.
        key: String,
        /// The name of this node's cluster.
        ours: String,
        /// The name of the cluster that is there.
        theirs: String,
    },
    /// The cluster was made anew while this node ran.
    #[error(
        "at {key} is the cluster {theirs} by now, and this node has joined {ours}: start it anew"
    )]
    Replaced {
        /// The key of the settings.
        key: String,
        /// The UUID of the cluster that this node has joined.
        ours: String,
        /// The UUID of the cluster that is there.
        theirs: String,
    },
    /// What stands there are no settings.
    #[error("what stands at {key} are not the settings of a cluster")]
    Unreadable {
        /// The key of the settings.
        key: String,
        /// What is wrong with them.
        #[source]
        cause: Arc<dyn StdError + Send + Sync>,
    },
    /// etcd has not answered it.
    #[error(transparent)]
    Etcd(#[from] EtcdError),
}

#[cfg(test)]
mod tests {
    use super::{Cause, EtcdError, Outcome};

    fn of(cause: Cause) -> EtcdError {
        EtcdError::of("a claim", &"http://127.0.0.1:1".into(), cause)
    }

    #[test]
    fn only_certain_refusals_count_as_not_done() {
        let gone = of(Cause::LeaseKeepAliveError("lease not found".into()));
        assert!(matches!(gone, EtcdError::LeaseGone { .. }));
        assert_eq!(gone.outcome(), Outcome::NotDone);
        let broken = of(Cause::LeaseKeepAliveError("channel closed".into()));
        assert!(matches!(broken, EtcdError::Unavailable { .. }));
        assert_eq!(broken.outcome(), Outcome::Unknown);
        let refused = of(Cause::InvalidArgs("empty".into()));
        assert_eq!(refused.outcome(), Outcome::NotDone);
        let internal = of(Cause::Internal("?".into()));
        assert_eq!(internal.outcome(), Outcome::Unknown);
    }
}
