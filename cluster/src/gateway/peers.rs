//! The peers of a node, and asking them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use super::error::AskError;
use super::link::Link;
use super::options::GatewayOptions;
use super::status::{PeerInfo, PeerState, PeerStatus};
use crate::engine::NodeName;
use crate::wire::{Answer, Request};

pub(super) type Nodes = HashMap<NodeName, PeerInfo>;

/// The links by the names of their nodes.
pub(super) struct Table {
    own: NodeName,
    options: GatewayOptions,
    links: RwLock<HashMap<NodeName, Arc<Link>>>,
}

impl Table {
    pub(super) fn new(own: NodeName, options: GatewayOptions) -> Self {
        Self {
            own,
            options,
            links: RwLock::default(),
        }
    }

    pub(super) fn get(&self, node: &NodeName) -> Option<Arc<Link>> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.get(node).cloned()
    }

    /// Notes how it stands with each.
    pub(super) fn tell<'a>(&self, states: impl Iterator<Item = (&'a NodeName, PeerState)>) {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        for (node, state) in states {
            if let Some(link) = links.get(node) {
                link.set_state(state);
            }
        }
    }

    /// A connection of one that dials this node was refused, and nobody knows whose it was.
    pub(super) fn refused(&self, text: &str) {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.values().for_each(|link| link.refused(text));
    }

    /// These are the nodes now. `told` is called before another thread can set others.
    fn set(&self, nodes: Nodes, told: impl FnOnce(Nodes)) {
        let mut links = self.links.write().unwrap_or_else(PoisonError::into_inner);
        links.retain(|node, link| {
            let stays = nodes.contains_key(node);
            if !stays {
                link.set_line(None);
            }
            stays
        });
        for (node, info) in &nodes {
            if *node == self.own {
                continue;
            }
            match links.get(node) {
                Some(link) => link.set_info(info.clone()),
                None => {
                    let (own, info) = (self.own.clone(), info.clone());
                    let link = Link::new(own, node.clone(), info, &self.options);
                    links.insert(node.clone(), Arc::new(link));
                }
            }
        }
        told(nodes);
    }

    fn connected(&self) -> usize {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        links.values().filter(|link| link.line().is_some()).count()
    }

    fn status(&self) -> Vec<PeerStatus> {
        let links = self.links.read().unwrap_or_else(PoisonError::into_inner);
        let mut status: Vec<_> = links.values().map(|link| link.status()).collect();
        status.sort_by(|a, b| a.node.cmp(&b.node));
        status
    }
}

/// The peers of a node, and asking them. Cheap to clone.
#[derive(Clone)]
pub struct Peers {
    table: Arc<Table>,
    nodes: watch::Sender<Nodes>,
    changes: watch::Receiver<u64>,
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Peers").field(&self.status()).finish()
    }
}

impl Peers {
    pub(super) fn new(
        table: Arc<Table>,
        nodes: watch::Sender<Nodes>,
        changes: watch::Receiver<u64>,
    ) -> Self {
        Self {
            table,
            nodes,
            changes,
        }
    }

    /// Sets the nodes of the cluster, and returns at once. This node itself may be among them.
    ///
    /// Those that are new are connected: of two nodes, the one with the lower name dials, again and
    /// again, with growing pauses, until it is told otherwise. Connections of those that are missing, and
    /// of earlier incarnations, are closed.
    pub fn set(&self, nodes: HashMap<NodeName, PeerInfo>) {
        self.table.set(nodes, |nodes| {
            self.nodes.send_replace(nodes);
        });
    }

    /// Sends a request to a node and waits for its answer.
    ///
    /// It waits for its turn when [`in_flight`](GatewayOptions::in_flight) requests of its
    /// [class](super) to this node are without an answer, and for the answer, `timeout` at most in all.
    /// Requests of other classes and to other nodes do not wait for it. `from` and `deadline_ms` of the
    /// request are set here; the peer is given a little less time than the caller waits, so that its own
    /// "not in time" arrives.
    ///
    /// # Errors
    ///
    /// There is no answer. [`AskError::outcome`] tells whether the request may have been carried out; one
    /// that may is repeated with the same id ([`Request::again`]).
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the request was not sent, or it may have been carried out.
    pub async fn ask(
        &self,
        node: &NodeName,
        request: Request,
        timeout: Duration,
    ) -> Result<Answer, AskError> {
        let Some(link) = self.table.get(node) else {
            return Err(AskError::UnknownNode { node: node.clone() });
        };
        link.ask(request, timeout).await
    }

    /// Whether a node can be asked just now. It may be out of date when it is read.
    pub fn is_up(&self, node: &NodeName) -> bool {
        self.table
            .get(node)
            .is_some_and(|link| link.line().is_some())
    }

    /// How it stands with each peer, in the order of their names.
    pub fn status(&self) -> Vec<PeerStatus> {
        self.table.status()
    }

    /// How many peers can be asked just now. It may be out of date when it is read.
    pub fn connected(&self) -> usize {
        self.table.connected()
    }

    /// A count that changes whenever a peer has become one that can be asked, or has ceased to be.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.clone()
    }
}
