//! Who reads of what happens to the sessions: what nobody reads of is not told.

use super::event::{EventKind, Severity};

/// Whether somebody follows each step of the sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Listening {
    /// Nor is there a log that anybody reads: nothing is told.
    Nobody,
    /// Nor does anybody read the details in the log: only warnings and errors are told.
    Warnings,
    /// Only what the log may tell is told.
    #[default]
    Off,
    /// Each change of what a session shows is told.
    On,
}

impl Listening {
    /// Whether this is told.
    pub(super) fn wants(self, kind: &EventKind) -> bool {
        let wanted = match self {
            Self::Nobody => false,
            Self::Warnings => kind.severity() != Severity::Detail,
            Self::Off | Self::On => true,
        };
        // A program is told what it ended for, whatever its log tells.
        wanted || kind.may_end_the_supervisor()
    }
}
