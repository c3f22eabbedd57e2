//! Why a gateway is not opened, and why a request has no answer.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ractor::SpawnErr;
use thiserror::Error;

use crate::engine::{Incarnation, NodeName};
use crate::wire::FrameError;

/// Why a gateway was not opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The cookie is empty, so anybody could connect.
    #[error("the cookie of the cluster is empty")]
    NoCookie,
    /// The address is in use, or is none of this machine.
    #[error("the gateway cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// This process has such a gateway.
    #[error("this process has a gateway of node {node} in incarnation {incarnation} already")]
    NameTaken {
        /// The node.
        node: NodeName,
        /// Its incarnation.
        incarnation: Incarnation,
    },
    /// One of its actors could not be started.
    #[error("the actors of the gateway could not be started")]
    Start(#[source] SpawnErr),
}

/// What is known of a request that has no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// It was not sent, so it was not carried out and never will be; or it changes nothing. It can be sent
    /// again as it is.
    NotSent,
    /// It may have been carried out, or may still be.
    Unknown,
}

/// Why a request has no answer. [`outcome`](Self::outcome) says whether it may have been carried out.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AskError {
    /// No node of this name is known.
    #[error("node {node} is not known")]
    UnknownNode {
        /// The name.
        node: NodeName,
    },
    /// There is no connection to it just now.
    #[error("node {node} is not connected{}", told(cause.as_deref()))]
    NotConnected {
        /// The node.
        node: NodeName,
        /// Why the last connection or attempt ended.
        cause: Option<Arc<str>>,
    },
    /// The limits of requests of its class in flight and of those that wait were reached.
    #[error("{waiting} requests to node {node} wait already")]
    Overloaded {
        /// The node.
        node: NodeName,
        /// How many wait.
        waiting: usize,
    },
    /// It is connected, but nothing was heard of it, not even an answer to a pulse.
    #[error("node {node} has not answered anything for {quiet:?}")]
    Silent {
        /// The node.
        node: NodeName,
        /// For so long.
        quiet: Duration,
    },
    /// There was no answer in time.
    #[error("node {node} has not answered in time")]
    TimedOut {
        /// The node.
        node: NodeName,
        /// [`NotSent`](Outcome::NotSent) if it waited all the time for its turn, or changes nothing.
        outcome: Outcome,
    },
    /// The connection ended before there was an answer.
    #[error("the connection to node {node} has ended")]
    Gone {
        /// The node.
        node: NodeName,
        /// [`NotSent`](Outcome::NotSent) if it had ended before.
        outcome: Outcome,
    },
    /// The request cannot be written, or the answer cannot be read.
    #[error("no frame between this node and node {node}")]
    Frame {
        /// The node.
        node: NodeName,
        /// [`NotSent`](Outcome::NotSent) if it is about the request.
        outcome: Outcome,
        /// What is wrong with it.
        #[source]
        cause: FrameError,
    },
}

fn told(cause: Option<&str>) -> String {
    cause.map_or_else(String::new, |cause| format!(": {cause}"))
}

impl AskError {
    /// Whether the request may have been carried out.
    pub fn outcome(&self) -> Outcome {
        match self {
            Self::UnknownNode { .. }
            | Self::NotConnected { .. }
            | Self::Overloaded { .. }
            | Self::Silent { .. } => Outcome::NotSent,
            Self::TimedOut { outcome, .. }
            | Self::Gone { outcome, .. }
            | Self::Frame { outcome, .. } => *outcome,
        }
    }

    /// The same of a request that changes nothing, carried out or not.
    pub(crate) fn without_effect(mut self) -> Self {
        if let Self::TimedOut { outcome, .. }
        | Self::Gone { outcome, .. }
        | Self::Frame { outcome, .. } = &mut self
        {
            *outcome = Outcome::NotSent;
        }
        self
    }
}
