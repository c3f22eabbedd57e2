//! The public interface on the real runtime, one file a theme.
//!
//! Absent on purpose: sleeps. Time is paused, and a test waits for events.

mod application;
mod basics;
mod contract;
mod endings;
mod hostile;
mod isolation;
mod linked;
mod races;
mod rows;
mod stack;
mod support;
mod traces;
mod trees;
mod wrapper;
