//! Static supervisors and sessions that are trees.

mod basics;
mod endings;
mod hammer;
pub(crate) mod scenery;
mod zombies;
