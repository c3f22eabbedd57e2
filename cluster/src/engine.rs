//! The decisions of a node, without a clock, a runtime, a disk or a network: which shard an id is in
//! ([`Shards`]), which node is to own it ([`plan()`](plan())), which one does ([`OwnerMap`]), what this node may
//! do and has to do ([`Holder`]), and for how long ([`Authority`]).
//!
//! Time is an argument, and so is each seed. What is decided here is carried out elsewhere.

mod authority;
mod handover;
pub(crate) mod hash;
mod map;
mod node;
mod plan;
mod planning;
mod rendezvous;
mod requests;
mod retry;
mod shard;
mod time;

pub use authority::{Authority, InvalidTtl, Renewal, Standing, Ttl};
pub use handover::{Effect, Hold, Holder, Limits, NotHere, Wait};
pub use map::{Heard, OwnerMap};
pub use node::{Incarnation, InvalidNodeName, NodeName, Owner};
pub use plan::{Candidate, InvalidPlan, Leaving, Plan, plan};
pub use planning::{Planned, Planner, Planning};
pub use requests::{Begin, RequestId, Requests};
pub use retry::{Backoff, InvalidBackoff, Retry};
pub use shard::{Epoch, HASH_VERSION, InvalidShards, Shard, Shards};
pub use time::BootTime;
