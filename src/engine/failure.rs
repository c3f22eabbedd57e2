//! Why a launch did not succeed.

use std::sync::Arc;
use std::time::Duration;

use super::exit::Cause;

/// Why a launch did not succeed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The start function or `pre_start` failed.
    Failed(Cause),
    /// The start function answered ignore.
    Ignored,
    /// The name is held by another actor.
    NameTaken(Arc<str>),
    /// It was cancelled.
    Cancelled,
    /// It took longer than this.
    TimedOut(Duration),
}
