//! The shell: the only files that call ractor or tokio. It translates what happens into the
//! engine's inputs and carries out the engine's effects.
//!
//! The engine decides. Where a file here seems to, it reads a fact and passes it on.

pub(crate) mod answers;
pub(crate) mod carry;
pub(crate) mod checkpoint;
pub(crate) mod clock;
pub(crate) mod completion;
pub(crate) mod directory;
pub(crate) mod drive;
pub(crate) mod driver;
pub(crate) mod driver_task;
mod drop_queue;
pub(crate) mod exit;
pub(crate) mod feed;
mod fences;
pub(crate) mod found;
pub(crate) mod guarded;
mod held_claims;
pub(crate) mod inbox;
pub(crate) mod item;
mod last_failure;
pub(crate) mod launch;
mod launch_pool;
pub(crate) mod life;
mod lines;
mod linked;
mod lists;
pub(crate) mod log;
pub(crate) mod machine;
mod outbox;
pub(crate) mod plan;
pub(crate) mod progress;
mod publisher;
mod query;
pub(crate) mod root;
mod roots;
pub(crate) mod session;
pub(crate) mod shared;
mod span;
pub(crate) mod spawn;
pub(crate) mod task;
pub(crate) mod ticket;
pub(crate) mod turns;
pub(crate) mod unwind;
