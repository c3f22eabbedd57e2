//! How the parts of these values are shown as data, where a derive does not know it. For the feature
//! `serde` alone.

use std::time::SystemTime;

use ractor::ActorCell;
use serde::Serialize;
use serde::ser::Serializer;

use crate::engine::Exit;
use crate::error::{ErrorKind, StopError};

/// A point in time, as the number of seconds since 1970. One before that is negative.
pub(crate) fn unix<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    })
}

/// The same, if it is known.
#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
pub(super) fn unix_if_any<S: Serializer>(
    time: &Option<SystemTime>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => unix(time, to),
        None => to.serialize_none(),
    }
}

/// An actor, as the text of its id.
#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
pub(super) fn actor<S: Serializer>(actor: &Option<ActorCell>, to: S) -> Result<S::Ok, S::Error> {
    match actor {
        Some(actor) => to.collect_str(&actor.get_id()),
        None => to.serialize_none(),
    }
}

/// How a session ended, or of what kind the error is.
pub(super) fn end<S: Serializer>(end: &Result<Exit, StopError>, to: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct NotStopped {
        error: ErrorKind,
    }
    match end {
        Ok(exit) => exit.serialize(to),
        Err(error) => {
            let error = error.kind();
            NotStopped { error }.serialize(to)
        }
    }
}
