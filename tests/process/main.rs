//! Whole programs, which are sent signals and end, whatever has become of their output and their sessions:
//! seen from outside, as by whoever has started them.
//!
//! Absent on purpose: what is told in the log, which may have gone.

#![cfg(unix)]

#[path = "../built/mod.rs"]
mod built;
mod driver;
mod ends;
