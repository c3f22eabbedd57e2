//! What a reader of the feed has missed, or waits for.

use thiserror::Error;

/// A subscription was read too slowly, and its oldest events are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{lost} events are lost, since they were not read in time")]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Lagged {
    /// How many events were lost, exactly.
    pub lost: u64,
}

/// Why [`try_next`](crate::Subscription::try_next) has no event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum TryNextError {
    /// Nothing has happened since the last event.
    #[error("nothing has happened since the last event")]
    Empty,
    /// Events are lost. The next call goes on with the oldest one that is left.
    #[error(transparent)]
    Lagged(#[from] Lagged),
    /// The supervisor has ended, and its last event was read.
    #[error("the supervisor has ended")]
    Ended,
}
