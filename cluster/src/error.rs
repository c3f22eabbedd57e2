//! Why a node does not join, and why something asked of the cluster was not done.

mod request;

use std::time::Duration;

use session_supervisor_store::error::OpenError;
use thiserror::Error;

use crate::engine::NodeName;

pub use crate::engine::{InvalidNodeName, InvalidShards, InvalidTtl};
pub use crate::etcd::{ConnectError, Denied, EtcdError, GrantError, SettingsError};
pub use crate::gateway::{AskError, GatewayError, Outcome, TlsError};
pub use crate::wire::{FrameError, Refusal, RefusalKind, Retry};
pub use request::RequestError;

/// Why a node has not joined a cluster.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum JoinError {
    /// The name of the cluster or of the node is none.
    #[error(transparent)]
    Name(#[from] InvalidNodeName),
    /// The number of shards is out of its bounds.
    #[error(transparent)]
    Shards(#[from] InvalidShards),
    /// The lease cannot last so long.
    #[error(transparent)]
    Lease(#[from] InvalidTtl),
    /// The weight is none.
    #[error("bad weight {weight}: it must be 1 to 1,000")]
    Weight {
        /// What was given.
        weight: u32,
    },
    /// The time for a request is none.
    #[error("bad request timeout {timeout:?}: it must be 10 ms to 1 h")]
    RequestTimeout {
        /// What was given.
        timeout: Duration,
    },
    /// The store divides the ids into another number of shards than the cluster, so nothing of it could be
    /// read.
    #[error(
        "the store has {store} shards and the cluster {cluster}: \
         give both the same number (`ClusterOptions::shards`, `PostgresOptions::shards`)"
    )]
    StoreShards {
        /// Those of the store.
        store: u32,
        /// Those of the cluster.
        cluster: u32,
    },
    /// What a message type is called on the wire is no name, or that of another type.
    #[error("bad protocol {protocol:?}: {rule}")]
    Protocol {
        /// The name.
        protocol: &'static str,
        /// What it must be.
        rule: &'static str,
    },
    /// The addresses of etcd are none, or its options.
    #[error("etcd cannot be reached as it was configured")]
    Connect(#[from] ConnectError),
    /// etcd does not let this node in.
    #[error("etcd does not let this node in{}: {rule}", as_user(user.as_deref()))]
    EtcdLogin {
        /// As which user, if one was given.
        user: Option<String>,
        /// What is wrong.
        rule: &'static str,
        /// What etcd says.
        #[source]
        cause: EtcdError,
    },
    /// This node does not fit the cluster that is there.
    #[error("this node does not fit the cluster")]
    Settings(#[from] SettingsError),
    /// etcd gave no lease.
    #[error("etcd gave no lease")]
    Grant(#[from] GrantError),
    /// etcd did not answer.
    #[error("etcd did not take the node")]
    Etcd(#[from] EtcdError),
    /// A node of this name is in the cluster. That of a node that was killed is free when its lease has
    /// ended.
    #[error("a node of the name {node} is in the cluster{}", at(address.as_deref()))]
    NameInUse {
        /// The name.
        node: NodeName,
        /// Where it is.
        address: Option<String>,
    },
    /// Other nodes cannot be told where this one is.
    #[error("bad address {address:?} for other nodes: {rule}")]
    Address {
        /// What they would be told.
        address: String,
        /// What it must be.
        rule: &'static str,
    },
    /// The certificate cannot be used with the address that others are told, or not any more.
    #[error("no TLS between this node and others")]
    Tls(#[from] TlsError),
    /// Other nodes could not reach this one.
    #[error("no gateway for other nodes")]
    Gateway(#[from] GatewayError),
    /// The supervisor of the sessions could not be started.
    #[error("the sessions of this node cannot be supervised")]
    Sessions(#[from] OpenError),
}

impl JoinError {
    /// What the settings of the cluster did not fit, or etcd as it was asked for them.
    pub(crate) fn of_settings(error: SettingsError, user: Option<&String>) -> Self {
        match error {
            SettingsError::Etcd(cause) => Self::of_etcd(cause, user),
            error => Self::Settings(error),
        }
    }

    /// Of the first requests to etcd, at which a login fails.
    pub(crate) fn of_etcd(cause: EtcdError, user: Option<&String>) -> Self {
        let rule = match cause.denied() {
            None => return Self::Etcd(cause),
            Some(Denied::Login) => "the name or the password of the user is wrong",
            Some(Denied::NoUser) => "it asks for a user, and none was given",
            Some(Denied::NoUsers) => "a user was given, and its authentication is off",
            Some(Denied::Keys) => "the user may not read and write the keys of the cluster",
        };
        Self::EtcdLogin {
            user: user.cloned(),
            rule,
            cause,
        }
    }
}

fn as_user(user: Option<&str>) -> String {
    user.map_or_else(String::new, |user| format!(" as user {user:?}"))
}

fn at(address: Option<&str>) -> String {
    address.map_or_else(String::new, |address| format!(", at {address}"))
}

/// Why a node was not drained.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum DrainError {
    /// The number of shards at a time is out of its bounds. Nothing was asked.
    #[error("bad drain: {shards} shards at a time: it must be at least 1")]
    AtMost {
        /// What was given.
        shards: usize,
    },
    /// The node has left the cluster.
    #[error("the node has left the cluster")]
    Left,
}
