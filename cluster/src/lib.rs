//! Sessions over several nodes, at most one owner for each id.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod clock;
#[doc(hidden)]
pub mod engine;
#[doc(hidden)]
pub mod etcd;
