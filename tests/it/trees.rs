//! Static supervisors and sessions that are trees.

mod basics;
