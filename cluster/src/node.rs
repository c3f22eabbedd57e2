//! A node of a cluster: the state that its handles and its driver share.

mod draining;
mod driver;
mod happened;
mod life;
mod planner;
mod reads;
mod take_over;
mod term;
mod told;
mod work;

use std::sync::Arc;

use serde::Serialize;
use session_supervisor_store::DurableSupervisor;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::engine::{NodeName, Ttl};
use crate::etcd::{Etcd, Settings};
use crate::gateway::Peers;
use crate::local::Local;
use crate::options::ClusterOptions;
use crate::store_calls::StoreCalls;

pub(crate) use draining::{DrainTold, Drains};
pub(crate) use life::run;
pub(crate) use term::{PROTOCOL, begin};

/// What the handles and the driver of a node share.
pub(crate) struct Node {
    pub(crate) name: NodeName,
    pub(crate) options: ClusterOptions,
    pub(crate) ttl: Ttl,
    pub(crate) etcd: Etcd,
    pub(crate) settings: Settings,
    pub(crate) local: Local,
    pub(crate) clock: Clock,
    pub(crate) store_calls: Arc<StoreCalls>,
    /// Told that the node is to leave.
    pub(crate) leave: Arc<Notify>,
    pub(crate) drains: Drains,
    pub(crate) now: watch::Sender<Now>,
}

/// The present state of a node.
#[derive(Clone, Debug, Default)]
pub(crate) struct Now {
    pub(crate) stage: Stage,
    /// None while it is not joined.
    pub(crate) peers: Option<Peers>,
    /// Why the last attempt to join again failed. None: the node is joined, or has not tried yet.
    pub(crate) not_joined: Option<Arc<str>>,
    /// The revision of etcd as of the last change that was seen.
    pub(crate) revision: u64,
}

/// How far a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// It is in the cluster.
    #[default]
    Joined,
    /// It hands over what it owns, or has done so, and stays in the cluster.
    Draining,
    /// It hands over what it owns, and ends.
    Leaving,
    /// Its lease was lost: it ends what it runs, and joins anew.
    Rejoining,
    /// It has left.
    Left,
}

impl Node {
    pub(crate) fn sessions(&self) -> &DurableSupervisor {
        &self.local.sessions
    }

    pub(crate) fn stage(&self, stage: Stage) {
        self.now.send_modify(|now| {
            now.stage = stage;
            if matches!(stage, Stage::Rejoining | Stage::Left) {
                now.peers = None;
            }
            now.not_joined = None;
        });
    }
}
