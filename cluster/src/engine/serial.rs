//! How values are shown as data, where a derive does not know it.
//!
//! What has a form of its own is in `as_data`.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// A duration, as a number of seconds.
pub(crate) fn seconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_secs_f64())
}

/// The same of a duration that may be missing.
pub(crate) fn seconds_if_any<S: Serializer>(
    duration: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    duration
        .map(|duration| duration.as_secs_f64())
        .serialize(to)
}
