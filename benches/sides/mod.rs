//! The sides that are measured against each other: the same session under our supervisor, under one
//! written by hand, and under no supervisor at all.
//!
//! Absent on purpose: timing, except of stops under a deadline. A side does the work, the benchmark holds
//! the watch.

pub(crate) mod alloc;
pub(crate) mod bare;
pub(crate) mod by_hand;
pub(crate) mod figure;
pub(crate) mod lives;
pub(crate) mod session;
pub(crate) mod slow;
