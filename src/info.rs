//! What a supervisor tells of its sessions.
//!
//! `Counts`, `SessionState`, `Exit` and `ShutdownReport` are types of the engine.

mod child_failure;
mod dossier;
mod drained;
mod page_mark;
#[cfg(feature = "serde")]
pub(crate) mod serial;
mod tree;

use std::sync::Arc;
use std::time::SystemTime;

use ractor::ActorCell;

use crate::SessionId;
use crate::engine::{ChildKind, ChildState, Claim, Exit, SessionState};
use crate::error::StopError;
pub use child_failure::ChildFailure;
pub use dossier::{Dossier, ExitRecord, Explanation};
pub use drained::{DrainReport, DrainedSession};
pub use page_mark::PageMark;
pub use tree::{Tree, TreeKind, TreePlace, TreeState, Unseen};

/// What is known of one session at the moment it was asked.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its id.
    pub id: SessionId,
    /// What people call it: [`ChildSpec::label`](crate::ChildSpec::label).
    pub label: Option<Arc<str>>,
    /// Its further unique keys: [`ChildSpec::claim`](crate::ChildSpec::claim).
    pub claims: Vec<Claim>,
    /// Its group, if the supervisor has a [quota](crate::Options::quota).
    pub group: Option<Arc<str>>,
    /// What it is doing.
    pub state: SessionState,
    /// The number of its present or last incarnation, from 1. Every launch takes the next one, a
    /// failed attempt too.
    pub incarnation: u64,
    /// How many restarts were decided since its first start; restarts by hand are not counted.
    pub restarts: u64,
    /// When its first incarnation was started. None before that.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::unix_if_any"))]
    pub first_started: Option<SystemTime>,
    /// When its present incarnation was started, while it runs, stops, or is stuck. Both are the
    /// time of the machine when the supervisor was started, and the time that has passed since.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::unix_if_any"))]
    pub started: Option<SystemTime>,
    /// Its actor, while it runs, stops, or is stuck. It names this incarnation: look it up again
    /// after a restart.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "actor", serialize_with = "serial::actor")
    )]
    pub cell: Option<ActorCell>,
    /// How its last incarnation ended.
    pub last_exit: Option<Exit>,
}

/// Some of the sessions, in the order of their first start.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SessionPage {
    /// The sessions.
    pub sessions: Vec<SessionInfo>,
    /// With what the next page is asked for. None: there were no more.
    pub next: Option<PageMark>,
}

/// How many sessions a group has.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct GroupCount {
    /// The group.
    pub group: Arc<str>,
    /// How many of its sessions take a place of its [quota](crate::Options::quota).
    pub count: usize,
}

/// What became of a session that was to be stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Stopped {
    /// Its id.
    pub id: SessionId,
    /// How it ended, or why it is not stopped.
    #[cfg_attr(feature = "serde", serde(serialize_with = "serial::end"))]
    pub end: Result<Exit, StopError>,
}

/// What became of a message to many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Broadcast {
    /// How many sessions have it in their mailbox.
    pub sent: usize,
    /// How many were ending and did not take it.
    pub refused: usize,
}

/// What is known of one child of a [`Supervisor`](crate::Supervisor) at the moment it was asked.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ChildInfo {
    /// Its role.
    pub role: Arc<str>,
    /// What people call it: [`ChildSpec::label`](crate::ChildSpec::label).
    pub label: Option<Arc<str>>,
    /// Whether it is a supervisor itself.
    pub kind: ChildKind,
    /// What it is doing.
    pub state: ChildState,
    /// The number of its present or last incarnation, from 1; 0 before its first start. Every
    /// launch takes the next one, a failed attempt too.
    pub incarnation: u64,
    /// How many restarts were decided since its first start; restarts by hand are not counted.
    pub restarts: u64,
    /// Its actor, while it runs, stops, or is stuck.
    #[cfg_attr(
        feature = "serde",
        serde(rename = "actor", serialize_with = "serial::actor")
    )]
    pub cell: Option<ActorCell>,
    /// How its last incarnation ended.
    pub last_exit: Option<Exit>,
}

/// What [`ensure_session`](crate::SessionSupervisor::ensure_session) found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a session that is there was made, found, or waited for"
)]
pub enum Ensured<R> {
    /// The session did not run and has been started.
    Created(R),
    /// It ran already.
    Existing(R),
    /// Another caller was starting it, and this one has waited for that.
    Joined(R),
}

impl<R> Ensured<R> {
    /// The reference, whether the session was made, found, or waited for.
    pub fn into_inner(self) -> R {
        match self {
            Self::Created(reference) | Self::Existing(reference) | Self::Joined(reference) => {
                reference
            }
        }
    }

    pub(crate) fn filter_map<T>(self, change: impl FnOnce(R) -> Option<T>) -> Option<Ensured<T>> {
        Some(match self {
            Self::Created(reference) => Ensured::Created(change(reference)?),
            Self::Existing(reference) => Ensured::Existing(change(reference)?),
            Self::Joined(reference) => Ensured::Joined(change(reference)?),
        })
    }
}
