//! Which sessions are admitted: `Options::start_rate` and `Options::quota` (D28).

mod groups;
mod quota;
mod rate;

use std::fmt::Debug;
use std::time::Duration;

use session_supervisor::error::{RejectReason, StartError};

const SECOND: Duration = Duration::from_secs(1);

/// "acme/alice" is a session of "acme"; what has no `/` is of no group.
fn tenant(id: &str) -> Option<String> {
    Some(id.split_once('/')?.0.to_owned())
}

/// What is used up, and after what time it is not.
fn rejected<T: Debug>(start: Result<T, StartError>) -> (RejectReason, Option<Duration>) {
    match start {
        Err(StartError::Rejected {
            reason,
            retry_after,
        }) => (reason, retry_after),
        other => panic!("it is not rejected: {other:?}"),
    }
}

/// The group of which there are too many.
fn full_group<T: Debug>(start: Result<T, StartError>) -> (String, usize) {
    match rejected(start) {
        (RejectReason::Quota { group, max }, None) => (group.to_string(), max),
        other => panic!("not for a quota: {other:?}"),
    }
}
