//! Why a session is rejected for now: what its supervisor admits has been used up (D28).

use std::sync::Arc;
use std::time::Duration;

use super::rate::StartRate;

/// Why a session is rejected for now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// As many were started lately as may be.
    StartRate {
        /// The rate.
        rate: StartRate,
        /// After this time a start is within the rate, if no other comes first.
        retry_after: Duration,
    },
    /// Its group has as many sessions as it may have.
    Quota {
        /// The group.
        group: Arc<str>,
        /// How many.
        max: usize,
    },
}
