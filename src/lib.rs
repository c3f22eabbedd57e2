//! The supervisor ([`SessionSupervisor`]), what it starts ([`ChildSpec`]), how it works ([`Options`]).
//!
//! Absent on purpose: any logic. `engine` decides, `actor` acts, the other modules are vocabulary.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod actor;
#[doc(hidden)]
pub mod engine;
pub mod error;
mod id;
mod info;
pub mod names;
mod options;
pub mod reason;
mod spec;
mod supervisor;

pub use engine::{
    Backoff, Counts, Exit, KILL_BOUND, OnRestartLimit, Restart, SessionState, Shutdown,
    ShutdownReport,
};
pub use id::SessionId;
pub use info::{Ensured, SessionInfo};
pub use options::Options;
pub use spec::{AnyActor, Child, ChildSpec, Launch, StartContext};
pub use supervisor::SessionSupervisor;
