//! The shell: the only files that call ractor or tokio. It translates what happens into the engine's
//! inputs and carries out the engine's effects.
//!
//! Absent on purpose: decisions. Where a file here seems to make one, it reads a fact and passes it
//! on.

pub(crate) mod answers;
pub(crate) mod birth;
pub(crate) mod carry;
pub(crate) mod clock;
pub(crate) mod directory;
pub(crate) mod drive;
pub(crate) mod exit;
mod graveyard;
pub(crate) mod inbox;
pub(crate) mod keeper;
mod leftovers;
pub(crate) mod life;
mod lines;
mod linked;
pub(crate) mod log;
pub(crate) mod machine;
pub(crate) mod plan;
pub(crate) mod root;
pub(crate) mod session;
pub(crate) mod shared;
mod tell;
pub(crate) mod undertaker;
pub(crate) mod unwind;
