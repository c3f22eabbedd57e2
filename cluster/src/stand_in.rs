//! Copies of the engine's files, until its branch is merged.
#![expect(dead_code, reason = "until the merge")]

mod authority;
mod hash;
mod node;
mod retry;
mod shard;
mod time;

pub use authority::{Authority, InvalidTtl, Renewal, Standing, Ttl};
pub use node::{Incarnation, InvalidNodeName, NodeName, Owner};
pub use retry::{Backoff, InvalidBackoff, Retry};
pub use shard::{Epoch, HASH_VERSION, InvalidShards, Shard, Shards};
pub use time::BootTime;

/// Whether a node is about to leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "it leaves or it does not")]
pub enum Leaving {
    /// It stays.
    #[default]
    No,
    /// It leaves.
    Yes,
}
