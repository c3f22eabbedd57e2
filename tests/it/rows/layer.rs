//! The layer of sessions: ids, lookup, and what a supervisor of sessions is asked all day.

/// Rows of this theme without a test, and why.
pub(super) const NOT_HERE: &[(u16, &str)] = &[];
