//! How values are shown as data, where a derive does not know it. For the feature `serde` alone.

use std::time::Duration;

use serde::ser::{SerializeStruct, Serializer};

use super::chain::error_text;
use super::claim::Claim;
use super::exit::Cause;

/// A duration, as a number of seconds.
pub(crate) fn seconds<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(duration.as_secs_f64())
}

/// An error, as its text and those of its sources.
pub(super) fn text<S: Serializer>(cause: &Cause, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&error_text(&***cause))
}

/// Its two parts, which lie in one text.
impl serde::Serialize for Claim {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut parts = to.serialize_struct("Claim", 2)?;
        parts.serialize_field("kind", self.kind())?;
        parts.serialize_field("value", self.value())?;
        parts.end()
    }
}
