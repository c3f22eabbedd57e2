//! What comes back to the driver of a term of what is done in it.

use std::time::Duration;

use session_supervisor_store::Part;

use super::Node;
use crate::engine::{Epoch, Owner, Planned, Shard};

/// The pause before something is tried again that only the store or a stuck session holds up.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// What has come of something.
pub(super) enum Happened {
    Claimed(Shard, Epoch),
    ClaimRefused(Shard, Owner),
    ClaimUnknown(Shard),
    Released(Shard, Epoch),
    ReleaseUnknown(Shard, Epoch),
    Drained(Shard, Epoch),
    EndedAll,
    /// What was admitted has been read from the store.
    Read,
    /// The store refuses these. They are read again, since somebody may have seen to it.
    ReadAgain(Vec<(Shard, Epoch)>),
    /// The store refuses this epoch, and takes one that etcd gives now.
    Outdated(Shard, Epoch),
    Planned(Planned),
}

/// A shard, as the store knows it.
pub(super) fn part(node: &Node, shard: Shard, epoch: Epoch) -> Option<Part> {
    let of = node.local.admission.shards().count();
    Part::shard(shard.index(), of, epoch.number())
}
