//! What the log has to say, one line at a time.

use std::fmt;
use std::sync::Arc;

use crate::engine::{EventKind, Repeat, ShutdownReport, StopCause};

/// One line of the log.
pub(in crate::actor) enum Line {
    /// Something that has happened to a child.
    Note {
        speaker: Arc<Speaker>,
        child: Arc<str>,
        label: Option<Arc<str>>,
        incarnation: u64,
        kind: EventKind,
        repeat: Repeat,
    },
    /// A supervisor has started.
    Started(Arc<Speaker>),
    /// A supervisor begins to stop.
    Stopping(Arc<Speaker>, StopCause),
    /// A supervisor has stopped.
    Stopped(Arc<Speaker>, ShutdownReport),
    /// A supervisor has a fault, as the text of its panic says.
    Broken(Arc<Speaker>, String),
    /// A value of the user's panicked in its drop, with this text.
    DropPanicked(String),
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Line")
    }
}

/// A supervisor, as the log calls it.
#[derive(Debug)]
pub(in crate::actor) struct Speaker {
    pub(in crate::actor) name: Arc<str>,
    /// The id of the session whose tree it is a part of.
    pub(in crate::actor) home: Option<Arc<str>>,
    pub(in crate::actor) children: Children,
    pub(in crate::actor) stands: Stands,
}

/// Whether a supervisor is the child of another one of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::actor) enum Stands {
    Alone,
    Below,
}

/// What the children of a supervisor are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::actor) enum Children {
    Sessions,
    Static,
}
