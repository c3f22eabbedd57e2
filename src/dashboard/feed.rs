//! Reads the supervisor's feed of changes, for the one task of a dashboard.
//!
//! Most events are only counted, so an event is made into words when it is to be shown.

use super::source::Source;
use super::view::{Change, Weight};
use crate::error::SupervisorDown;

/// What has happened, as the library tells it.
#[derive(Clone, Debug)]
pub(super) struct Happened(Change);

/// What the feed has.
#[derive(Debug)]
pub(super) enum News {
    Happened(Happened),
    /// So many were lost.
    Lost(u64),
    /// Nothing more for now.
    Nothing,
}

/// A reader that is never waited for.
#[derive(Debug)]
pub(super) struct Reader;

impl Reader {
    /// Begins to listen. It takes no list of the sessions, of which there may be a million.
    pub(super) async fn begin(_source: &Source) -> Result<Self, SupervisorDown> {
        Ok(Self)
    }

    pub(super) fn next(&mut self) -> News {
        News::Nothing
    }
}

impl Happened {
    /// Whether it counts for the worst offenders.
    pub(super) fn weight(&self) -> Weight {
        self.0.weight
    }

    /// In words.
    pub(super) fn into_change(self) -> Change {
        self.0
    }
}
