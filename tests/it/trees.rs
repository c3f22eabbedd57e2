//! Static supervisors and sessions that are trees.

mod basics;
mod hammer;
pub(crate) mod scenery;
