//! An error in one line, with what caused it.

use std::error::Error;

/// The messages of an error and of its sources. Each tells its own level only.
pub(crate) fn in_full(error: &dyn Error) -> String {
    let levels = std::iter::successors(Some(error), |&error| error.source());
    let texts: Vec<String> = levels.map(ToString::to_string).collect();
    texts.join(": ")
}
