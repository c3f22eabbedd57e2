//! Sessions over several nodes, at most one owner for each id: [`ClusterSupervisor`] starts them where
//! etcd says that they belong, and reaches them by messages of ractor.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod admission;
mod chain;
#[doc(hidden)]
pub mod clock;
mod cluster_ref;
mod cluster_supervisor;
#[cfg(feature = "dashboard")]
pub mod dashboard;
mod drain;
#[doc(hidden)]
pub mod engine;
pub mod error;
#[doc(hidden)]
pub mod etcd;
#[cfg(feature = "etcd-tls")]
mod etcd_tls;
mod event;
mod fault;
mod feed;
#[doc(hidden)]
pub mod gateway;
mod kinds;
mod local;
mod meter;
#[cfg(feature = "metrics")]
pub mod metrics;
mod node;
mod options;
mod pages;
#[cfg(feature = "postgres")]
mod postgres;
mod remote;
mod route;
mod seat;
mod stats;
mod status;
mod store_calls;
mod subscription;
#[doc(hidden)]
pub mod wire;

pub use admission::NotAdmitted;
pub use cluster_ref::ClusterRef;
pub use cluster_supervisor::{ClusterSupervisor, Started};
#[cfg(feature = "dashboard")]
pub use dashboard::{ClusterDashboard, dashboard};
pub use drain::{Drain, Draining};
pub use engine::{
    BootTime, DrainProgress, DrainReport, DrainSummary, DrainedShard, Epoch, EventKind,
    Incarnation, KnownNode, KnownShard, Lapse, Leaving, Loss, NodeName, Owner, Restored, Shard,
    ShardOutcome, ShardState, Snapshot, Standing,
};
#[cfg(feature = "etcd-tls")]
pub use etcd_tls::EtcdTls;
pub use event::{Event, Lagged, TryNextError};
pub use fault::Fault;
pub use gateway::{PeerInfo, PeerState, PeerStatus, Tls, TlsError};
pub use kinds::Kinds;
pub use node::Stage;
pub use options::ClusterOptions;
pub use pages::Page;
#[cfg(feature = "postgres")]
pub use postgres::{OpenPostgresError, PostgresOptions, PostgresStore};
pub use remote::Remote;
pub use seat::Seat;
pub use stats::{ByKind, Refused, Sent, Served, ShardCounts, Stats};
pub use status::{NodeStatus, Status};
pub use store_calls::StoreCall;
pub use subscription::Subscription;
pub use wire::{Found, Row, StartedHow};
