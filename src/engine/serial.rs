//! How values are shown as data, where a derive does not know it. For the feature `serde` alone.
//!
//! What has a form of its own is in `as_data`.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::Serializer;

use super::chain::error_text;

/// A duration, as a number of seconds.
pub(crate) fn seconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_secs_f64())
}

pub(crate) fn seconds_if_any<S: Serializer>(
    duration: &Option<Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => seconds(duration, to),
        None => to.serialize_none(),
    }
}

/// An error, as its text and those of its sources.
pub(super) fn text<S: Serializer>(
    cause: &Arc<Box<dyn Error + Send + Sync + 'static>>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.serialize_str(&error_text(&***cause))
}
