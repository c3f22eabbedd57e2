//! The outcomes of the work of a term, which come back to its driver.

use std::time::Duration;

use session_supervisor_store::Part;

use super::Node;
use crate::engine::{Epoch, Owner, Planned, Shard};

/// The pause before work is tried again that the store or a stuck session delays.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// The outcome of a piece of work.
pub(super) enum Happened {
    Claimed(Shard, Epoch),
    ClaimRefused(Shard, Owner),
    ClaimUnknown(Shard),
    Released(Shard, Epoch),
    ReleaseUnknown(Shard, Epoch),
    Drained(Shard, Epoch),
    /// Sessions of the shard were killed and do not end. The hand-over is tried again.
    Stuck(Shard),
    EndedAll,
    /// The store refuses this epoch, and takes one that etcd gives now.
    Outdated(Shard, Epoch),
    Planned(Planned),
    /// Nothing is read from the store any more, nor written.
    StoreEnded,
    /// A piece of work has panicked.
    Panicked(String),
}

/// A shard, as the store knows it.
pub(super) fn part(node: &Node, shard: Shard, epoch: Epoch) -> Option<Part> {
    let of = node.local.admission.shards().count();
    Part::shard(shard.index(), of, epoch.number())
}
