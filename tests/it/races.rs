//! Many tasks on the same ids at once, on both kinds of runtime.
//!
//! Random choices come from a seed that a failure prints.

mod admission;
mod callers;
mod claims;
mod drain;
mod exits;
mod expiry;
mod grandchildren;
mod hammer;
mod held_names;
mod kills;
mod storm;
mod tasks;
