//! How values are shown as data, where a derive does not know it.
//!
//! What has a form of its own is in `as_data`.

use std::time::Duration;

use serde::Serializer;

/// A duration, as a number of seconds.
pub(super) fn seconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_secs_f64())
}
