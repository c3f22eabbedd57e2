//! The supervisor ([`SessionSupervisor`]), what it starts ([`ChildSpec`]), how it works
//! ([`Options`]).
//!
//! `engine` decides, `actor` acts, and the other modules are vocabulary.
#![doc = ""]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod actor;
mod application;
mod ask;
mod checkpoint;
mod child;
#[doc(hidden)]
pub mod engine;
pub mod error;
mod fault;
mod handle;
mod id;
mod info;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod names;
mod options;
pub mod reason;
mod session_ref;
mod session_supervisor;
mod spec;
mod supervisor;
mod tree;

pub use actor::task::StopSignal;
pub use application::{Application, EndCause, Ended, RunningApplication, Signal};
pub use checkpoint::Checkpoint;
pub use child::{AnyActor, Child, Task};
pub use engine::{
    AutoShutdown, Backoff, Cause, ChildKind, ChildState, Claim, Counts, DrainOutcome,
    DrainProgress, Exit, Exits, Histogram, KILL_BOUND, OnRestartLimit, Rejected, Restart,
    SessionState, Shutdown, ShutdownReport, Starts, Stats, Strategy,
};
pub use handle::{SessionSupervisor, Supervisor};
pub use id::SessionId;
pub use info::{
    Broadcast, ChildInfo, DrainReport, DrainedSession, Ensured, GroupCount, PageMark, SessionInfo,
    SessionPage, Stopped,
};
pub use options::{Drain, Options};
pub use session_ref::SessionRef;
pub use session_supervisor::draining::Draining;
pub use session_supervisor::leases::Lease;
pub use spec::{ChildSpec, Launch, StartContext};
pub use tree::TreeSpec;
