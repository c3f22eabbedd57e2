//! Sessions over several nodes, at most one owner for each id.
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod clock;
#[doc(hidden)]
pub mod etcd;
#[doc(hidden)]
pub mod stand_in;
