//! The supervisor ([`SessionSupervisor`]), what it starts ([`ChildSpec`]), how it works
//! ([`Options`]).
//!
//! `engine` decides, `actor` acts, and the other modules are vocabulary. [`guide`] explains all of
//! it by examples.
#![doc = ""]
#![doc = include_str!("guide/links.md")]
#![doc = ""]
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod actor;
mod application;
mod ask;
mod checkpoint;
mod child;
#[cfg(feature = "dashboard")]
pub mod dashboard;
#[doc(hidden)]
pub mod engine;
pub mod error;
mod event;
mod fault;
pub mod guide;
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
mod survey;
mod tree;

/// How a feed works, for the crate in `cluster/`, which has one too.
#[doc(hidden)]
pub use actor::feed::{Feed, Listener, Numbered, Reader};
pub use actor::task::StopSignal;
pub use application::{Application, EndCause, Ended, RunningApplication, Signal};
pub use checkpoint::Checkpoint;
pub use child::{AnyActor, Child, Task};
#[cfg(feature = "dashboard")]
pub use dashboard::{Action, ActionRequest, Dashboard, dashboard};
pub use engine::{
    AutoShutdown, Backoff, Cause, ChildKind, ChildState, Claim, Counts, Decision, DrainOutcome,
    DrainProgress, EndReason, EventKind, Exit, ExitCause, Exits, Expiry, Histogram, KILL_BOUND,
    Kill, Limit as RestartLimit, OnRestartLimit, Pending, Rejected, Restart, SessionEnd,
    SessionState, Severity, Shutdown, ShutdownReport, StartFailure, Starts, Stats, StopCause,
    Strategy,
};
pub use event::{Event, Lagged, SessionStatus, Snapshot, TryNextError};
pub use handle::{SessionSupervisor, Supervisor};
pub use id::SessionId;
pub use info::{
    Broadcast, ChildFailure, ChildInfo, Dossier, DrainReport, DrainedSession, Ensured, ExitRecord,
    Explanation, GroupCount, PageMark, SessionInfo, SessionPage, Stopped, Tree, TreeKind,
    TreePlace, TreeState, Unseen,
};
pub use options::{Drain, Options};
/// The ractor that this crate uses, with which a program has to write its actors.
#[doc(no_inline)]
pub use ractor;
pub use session_ref::SessionRef;
pub use session_supervisor::draining::Draining;
pub use session_supervisor::feed::Subscription;
pub use session_supervisor::leases::Lease;
pub use spec::{ChildSpec, Launch, StartContext};
pub use tree::TreeSpec;
