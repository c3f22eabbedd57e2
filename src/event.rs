//! What a supervisor tells those who follow it: an event for each thing that has happened, and the
//! list of sessions that the events change.
//!
//! All of it is plain data: it holds no value of a user's, and no actor. What happened is described
//! by the engine ([`EventKind`]).

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::SystemTime;

use crate::SessionId;
use crate::engine::{EventKind, SessionState};
pub use crate::error::{Lagged, TryNextError};

/// One thing that has happened to a session, to a child of a session's tree, or to the supervisor.
///
/// Its text is one sentence: "session "alice" ended abnormally: failed: no paper; restarts in
/// 250ms, 1 of 3 in 5s". The log and the dossier of the session say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Event {
    /// Its number: each event has the one after that of the event before, whatever it is about.
    /// Where nobody has listened for a while, a number is left out. The first one is random, and
    /// below 2^52.
    pub revision: u64,
    /// When it happened: the time of the machine when the supervisor was started, and the time that
    /// has passed since. So it never goes back.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::info::serial::unix"))]
    pub time: SystemTime,
    /// The session; none: the supervisor itself.
    pub id: Option<SessionId>,
    /// The child of the session's tree, if it is about one. Of a child of a supervisor within the
    /// tree the roles down to it, as in `agent/tool`.
    pub role: Option<Arc<str>>,
    /// What people call the session or the child: [`ChildSpec::label`](crate::ChildSpec::label).
    pub label: Option<Arc<str>>,
    /// The number that the session's spec has: [`ChildSpec::tag`](crate::ChildSpec::tag). It concerns
    /// the program alone, so it is not serialized.
    #[cfg_attr(feature = "serde", serde(skip))]
    pub tag: Option<NonZeroU64>,
    /// The incarnation of the session or the child. 0: it was never launched.
    pub incarnation: u64,
    /// What it is doing from then on. None: it is not in the list of sessions any more, or was never.
    /// Of a child of a tree, what the event says of that.
    pub state: Option<SessionState>,
    /// What happened.
    #[cfg_attr(feature = "serde", serde(rename = "event"))]
    pub kind: EventKind,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.id, &self.role) {
            (None, _) => f.write_str("session supervisor")?,
            (Some(id), None) => write!(f, "session {:?}", id.as_str())?,
            (Some(id), Some(role)) => write!(f, "child {role:?} of session {:?}", id.as_str())?,
        }
        write!(f, " {}", self.kind)
    }
}

/// The sessions of a supervisor as of a revision. Events bring it up to date, one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Snapshot {
    /// The number of the last event that is in it.
    pub revision: u64,
    /// The sessions.
    pub sessions: HashMap<SessionId, SessionStatus>,
}

/// One session in a [`Snapshot`]. [`session_info`](crate::SessionSupervisor::session_info) knows
/// more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct SessionStatus {
    /// What people call it.
    pub label: Option<Arc<str>>,
    /// What it is doing.
    pub state: SessionState,
    /// The number of its present or last incarnation.
    pub incarnation: u64,
}

impl Snapshot {
    /// Brings the list up to date. An event that is in it already changes nothing.
    ///
    /// Children of trees are not in the list.
    pub fn apply(&mut self, event: &Event) {
        if event.revision <= self.revision {
            return;
        }
        self.revision = event.revision;
        let (Some(id), None) = (&event.id, &event.role) else {
            return;
        };
        match event.state {
            Some(state) => {
                let status = SessionStatus {
                    label: event.label.clone(),
                    state,
                    incarnation: event.incarnation,
                };
                self.sessions.insert(id.clone(), status);
            }
            None => {
                self.sessions.remove(id);
            }
        }
    }
}
