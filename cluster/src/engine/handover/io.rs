//! What a holder asks for, how much of it at once, and why it does not admit something.

use std::fmt;
use std::time::Duration;

use crate::engine::node::NodeName;
use crate::engine::retry::Backoff;
use crate::engine::shard::{Epoch, Shard};
use crate::engine::time::BootTime;

/// What is to be done. The effects of one input are carried out in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "another one must be handled by all that carry out effects"
)]
pub enum Effect {
    /// Ask etcd for the shard. Answered by `claimed`, `claim_refused` or `claim_unknown`.
    Claim(Shard),
    /// Open the shard: it is served under this epoch from now on, and its sessions are restored.
    Admit(Shard, Epoch),
    /// Close the shard at once: nothing is admitted for it any more.
    Freeze(Shard, Epoch),
    /// End in order all that was admitted for the shard, and kill what is left after that time.
    /// Answered by `drained` when nothing of it runs any more.
    Drain(Shard, Epoch, Duration),
    /// Close the shard and kill all that was admitted for it: another node may own it, or a drain is
    /// at its deadline. Answered by `drained`, once, also if it is being drained already.
    Kill(Shard, Epoch),
    /// Remove the shard's key from etcd, if it still has this epoch. Answered by `released`, also if
    /// it has not, or `release_unknown`.
    Release(Shard, Epoch),
    /// Close all shards and end all sessions in order, until that moment. Answered by `ended_all`.
    EndAll {
        /// When what is left is killed.
        until: BootTime,
    },
    /// Close all shards and kill all sessions now. Answered by `ended_all`.
    KillAll,
    /// Nothing runs any more. Revoke the lease, and join anew with another lease and incarnation.
    Rejoin,
    /// Nothing runs any more and nothing is owned. Revoke the lease: the node has left.
    Left,
}

/// How much a node does at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Limits {
    /// How many claims are under way at most. At least one.
    pub claims_at_once: usize,
    /// How many shards are given up at once at most. At least one.
    pub drains_at_once: usize,
    /// How long the sessions of a shard may take to end in order.
    pub drain_within: Duration,
    /// The pauses after a request to etcd that was not answered.
    pub retry: Backoff,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            claims_at_once: 64,
            drains_at_once: 16,
            drain_within: Duration::from_secs(30),
            retry: Backoff::default(),
        }
    }
}

/// Why something is not admitted here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "another reason must be answered by all that receive requests"
)]
pub enum NotHere {
    /// This node does not own the shard. The one that does, if it is known.
    Elsewhere(Option<NodeName>),
    /// The shard is being claimed or given up here: ask again soon.
    Moving,
    /// This node owns the shard, and cannot tell whether it still does.
    AuthorityOver,
}

impl fmt::Display for NotHere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere(Some(node)) => write!(f, "its shard is owned by node {node}"),
            Self::Elsewhere(None) => f.write_str("its shard is owned by no node that is known"),
            Self::Moving => f.write_str("its shard is being claimed or given up"),
            Self::AuthorityOver => f.write_str("the lease of this node was not renewed in time"),
        }
    }
}
