//! Sessions over several nodes, at most one owner for each id.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod engine;
pub mod gateway;
pub mod wire;
