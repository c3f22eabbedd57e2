//! Errors for the log and for other nodes.

use std::error::Error;
use std::iter::successors;

/// An error with its sources, in one line.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let errors = successors(Some(error), |error| Error::source(*error));
    errors
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}
