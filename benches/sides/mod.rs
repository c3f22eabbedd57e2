//! The sides that are measured against each other: the same session under our supervisor, under one
//! written by hand, and under no supervisor at all.
//!
//! A side does the work, and the benchmark measures the time.

pub(crate) mod alloc;
pub(crate) mod bare;
pub(crate) mod by_hand;
pub(crate) mod figure;
pub(crate) mod followed;
pub(crate) mod lives;
pub(crate) mod now_and_then;
pub(crate) mod session;
pub(crate) mod slow;
pub(crate) mod starts;
