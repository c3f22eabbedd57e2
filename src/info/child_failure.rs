//! The failure that brought a supervisor down.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The failure of a child at which a supervisor reached its restart limit.
///
/// As text: `child "sessions/alice": failed: no paper`.
///
/// It is the source of the error with which a session fails whose tree reached its limit
/// ([`Exit::Failed`](crate::Exit::Failed)).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ChildFailure {
    /// The child, by the roles on the way to it, joined by `/`. Of a session it is the id.
    ///
    /// It is the child that failed first: where a supervisor failed since it had reached its own
    /// limit, it is that one's child.
    pub child: Arc<str>,
    /// How it ended, or why it did not start again. Of an error it is the text with that of its
    /// sources, cut after 1,024 bytes.
    pub error: Arc<str>,
}

impl fmt::Display for ChildFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "child {:?}: {}", self.child, self.error)
    }
}

impl Error for ChildFailure {}
