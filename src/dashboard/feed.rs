//! Reads the supervisor's feed of events, for the one task of a dashboard.
//!
//! Most events are only counted, so an event is made into words when it is to be shown.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use super::source::Source;
use super::view::{Change, Weight};
use crate::engine::{EventKind, ExitCause, StartFailure};
use crate::error::SupervisorDown;
use crate::event::{Event, TryNextError};
use crate::session_supervisor::feed::{Subscription, follow};

/// What the feed has.
#[derive(Debug)]
pub(super) enum News {
    Happened(Happened),
    /// How many were lost.
    Lost(u64),
    /// Nothing more for now.
    Nothing,
}

/// What has happened, as the library tells it.
#[derive(Clone, Debug)]
pub(super) struct Happened(Arc<Event>);

/// A reader that nothing waits for.
#[derive(Debug)]
pub(super) struct Reader(Subscription);

impl Reader {
    /// Begins to listen. It takes no list of the sessions, of which there may be a million.
    pub(super) async fn begin(source: &Source) -> Result<Self, SupervisorDown> {
        follow(Arc::clone(source.shared())).await.map(Self)
    }

    pub(super) fn next(&mut self) -> News {
        match self.0.try_next() {
            Ok(event) => News::Happened(Happened(event)),
            Err(TryNextError::Lagged(lagged)) => News::Lost(lagged.lost),
            Err(TryNextError::Empty | TryNextError::Ended) => News::Nothing,
        }
    }
}

impl Happened {
    /// Whether it counts for the worst offenders: a session, or a child of its tree, failed by
    /// itself.
    pub(super) fn weight(&self) -> Weight {
        let fails = match &self.0.kind {
            EventKind::Exited { cause, asked, .. } => match cause {
                ExitCause::Failed { .. } => true,
                ExitCause::Killed => !asked,
                ExitCause::Normal { .. } | ExitCause::Shutdown | ExitCause::NotRunning => false,
            },
            // Its timeout was told before, and counted.
            EventKind::RestartFailed {
                failure: StartFailure::TimedOut { .. },
                ..
            } => false,
            EventKind::StartTimedOut { .. }
            | EventKind::StartFailed { .. }
            | EventKind::RestartFailed { .. } => true,
            _ => false,
        };
        if fails {
            Weight::Failure
        } else {
            Weight::Plain
        }
    }

    /// In words.
    pub(super) fn change(&self) -> Change {
        let event = &*self.0;
        Change {
            revision: event.revision,
            at: event.time.duration_since(UNIX_EPOCH).unwrap_or_default(),
            id: event.id.clone(),
            label: event.label.clone(),
            role: event.role.clone(),
            incarnation: event.incarnation,
            event: event.kind.name(),
            text: event.kind.to_string().into(),
            weight: self.weight(),
        }
    }
}
