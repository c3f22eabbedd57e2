//! The decisions of a node, without a clock, a runtime, a disk or a network: which shard an id is in
//! ([`Shards`]), which node is to own it ([`plan()`](plan())), which one does ([`OwnerMap`]), what this node may
//! do and has to do ([`Holder`]), and for how long ([`Authority`]). What has changed by all that is told by
//! a [`Picture`]. What is told can be serialized.
//!
//! Time is an argument, and so is each seed. What is decided here is carried out elsewhere.

mod as_data;
mod authority;
mod drain;
mod event;
mod handover;
pub(crate) mod hash;
mod map;
mod node;
mod picture;
mod plan;
mod planning;
mod rendezvous;
mod requests;
mod retry;
pub(crate) mod serial;
mod shard;
mod snapshot;
mod time;

pub use authority::{Authority, InvalidTtl, Renewal, Standing, Ttl};
pub use drain::{
    DrainOrder, DrainProgress, DrainReport, DrainStage, DrainSummary, DrainedShard, ShardOutcome,
};
pub use event::{EventKind, KnownNode, Lapse, Loss, Restored};
pub use handover::{Effect, Hold, Holder, Limits, NotHere, Wait};
pub use map::{Heard, OwnerMap};
pub use node::{Incarnation, InvalidNodeName, NodeName, Owner};
pub use picture::{Picture, PlanSeen};
pub use plan::{Candidate, InvalidPlan, Leaving, Plan, plan};
pub use planning::{Planned, Planner, Planning};
pub use requests::{Begin, RequestId, Requests};
pub use retry::{Backoff, InvalidBackoff, Retry};
pub use shard::{Epoch, HASH_VERSION, InvalidShards, Shard, Shards};
pub use snapshot::{KnownShard, ShardState, Snapshot};
pub use time::BootTime;
