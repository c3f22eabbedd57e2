//! The public interface on the real runtime, one file a theme.
//!
//! No test sleeps. Time is paused, and a test waits for events.

mod admission;
mod application;
mod basics;
mod checkpoints;
mod claims;
mod contract;
mod dossier;
mod draining;
mod drains;
mod endings;
mod expiry;
mod feed;
mod gone;
mod hooks;
mod hostile;
mod isolation;
mod launch_line;
mod linked;
mod mass_stops;
mod outages;
mod parking;
mod races;
mod rows;
mod shared_starts;
mod stack;
mod stats;
mod support;
mod survey;
mod tasks;
mod traces;
mod trees;
mod turns;
mod unread;
#[path = "../variants/mod.rs"]
mod variants;
mod waits;
mod watching;
mod wrapper;
