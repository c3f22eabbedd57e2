//! What every side is asked to do, and the watch that is held to it.
//!
//! A side says how it starts, crashes and stops sessions ([`Peer`]); [`rows::main`] does the rest,
//! the same for all, and prints one line for each row of the table.

#[path = "../../sides/alloc.rs"]
mod alloc;
mod census;
mod peer;
#[cfg(any(feature = "ours", feature = "ractor-supervisor"))]
pub mod ractor_session;
pub mod rows;

pub use census::{Census, Presence, SpawnArguments};
pub use peer::Peer;

#[global_allocator]
static ALLOCATOR: alloc::Counting = alloc::Counting;
