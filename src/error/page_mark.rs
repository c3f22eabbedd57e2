//! A text that is not the mark of a page.

use thiserror::Error;

/// A text that is not a [`PageMark`](crate::PageMark).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not the mark of a page: it must be one that a page has given")]
#[non_exhaustive]
pub struct InvalidPageMark {
    /// The text.
    pub text: String,
}

impl InvalidPageMark {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            text: text.to_owned(),
        }
    }
}
