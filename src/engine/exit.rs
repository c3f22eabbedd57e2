//! How an incarnation ended, and the one rule that judges it.
//!
//! `actor/exit.rs` translates ractor's reason strings. Here a text tells how an incarnation ended,
//! never whether that was normal.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::chain::Chain;

/// An error as the session or its start function made it, or the text of its panic: shared, and
/// downcastable.
///
/// It is an [`Arc`] of ractor's `ActorProcessingErr`.
pub type Cause = Arc<Box<dyn Error + Send + Sync + 'static>>;

/// How an incarnation of a session ended.
///
/// Two exits are equal if they are of one kind with one text; `Failed` exits if they hold the same
/// error value.
#[derive(Clone, Debug)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "kind", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Exit {
    /// It ended gracefully by itself: a `stop` or a `drain` that the supervisor had not asked for.
    Normal {
        /// The reason given to ractor's `stop`; `"Drained"` after a drain. It is known when the
        /// supervisor tells of the end, to callers, to the next incarnation and in the log.
        ///
        /// Only ractor's event tells it, so it is `None` also if no event comes first: from a
        /// session that has unlinked itself from the supervisor, from one that ends by itself while
        /// the supervisor stops, and, rarely, if several end in one instant on several threads.
        reason: Option<String>,
    },
    /// It ended gracefully because the supervisor asked.
    Shutdown,
    /// It was killed, by the supervisor or by somebody else; `post_stop` did not run to its end.
    Killed,
    /// A callback returned an error or panicked; or the last callback before an end that we had not
    /// asked for handled the failure of an actor linked to the session, and that is the cause.
    Failed {
        /// The error, or the text of the panic.
        #[cfg_attr(feature = "serde", serde(serialize_with = "super::serial::text"))]
        cause: Cause,
    },
    /// It was stopped while it was not running: starting, waiting for a restart, or parked.
    NotRunning,
}

impl Exit {
    /// Whether a callback returned an error or panicked. A kill is no failure.
    #[must_use]
    pub const fn is_failed(&self) -> bool {
        matches!(self, Self::Failed { .. })
    }
}

impl PartialEq for Exit {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Normal { reason: a }, Self::Normal { reason: b }) => a == b,
            (Self::Failed { cause: a }, Self::Failed { cause: b }) => Arc::ptr_eq(a, b),
            (Self::Shutdown, Self::Shutdown)
            | (Self::Killed, Self::Killed)
            | (Self::NotRunning, Self::NotRunning) => true,
            _ => false,
        }
    }
}

impl Eq for Exit {}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Normal { reason: None } => f.write_str("normal"),
            Self::Normal { reason: Some(text) } => write!(f, "normal ({text})"),
            Self::Shutdown => f.write_str("shutdown"),
            Self::Killed => f.write_str("killed"),
            Self::Failed { cause } => write!(f, "failed: {}", Chain(&***cause)),
            Self::NotRunning => f.write_str("was not running"),
        }
    }
}

/// What the supervision event said of an exit.
#[derive(Clone, Debug)]
pub enum Seen {
    /// ractor reports a termination, with the reason that was given.
    Terminated(Option<String>),
    /// ractor reports a failure.
    Failed(Cause),
}

/// The wrapper's own mark, left behind by an incarnation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// None: killed, or its task was cancelled.
    Missing,
    /// `post_stop` went through without an error.
    Orderly,
    /// A callback erred or panicked.
    Failed,
    /// It is a supervisor that used up its restart limit and stopped in order.
    GaveUp,
    /// As `Orderly`, but the last that it did before was to handle the failure of an actor linked
    /// to it.
    LinkFailed,
}

/// Whether an incarnation was asked to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It was.
    Yes,
    /// It ended by itself, or others ended it.
    No,
}

#[derive(Debug)]
struct Unreported;

impl fmt::Display for Unreported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the session failed and its error did not reach the supervisor")
    }
}

impl Error for Unreported {}

/// The error of a supervisor that used up its restart limit, with the failure for which it did, if the
/// shell knows that.
#[derive(Debug)]
pub(crate) struct GaveUp(pub(crate) Option<Box<dyn Error + Send + Sync>>);

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("restart limit reached")
    }
}

impl Error for GaveUp {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&**self.0.as_ref()?)
    }
}

/// The text of an error that is none of a user's.
pub(in crate::engine) fn own_text(cause: &Cause) -> Option<Arc<str>> {
    (cause.is::<GaveUp>() || cause.is::<Unreported>()).then(|| cause.to_string().into())
}

/// Judges an exit from our own request, the mark with the cause that it left and, if it came, the
/// event. A cause and an event that the exit does not tell are handed back, since they may be a
/// user's values.
pub(super) fn judge(
    asked: Asked,
    mark: Mark,
    cause: Option<Cause>,
    seen: Option<Seen>,
) -> (Exit, Option<Cause>, Option<Seen>) {
    match (mark, cause, seen) {
        (Mark::Orderly, cause, seen) => {
            let (exit, seen) = match (asked, seen) {
                (Asked::Yes, seen) => (Exit::Shutdown, seen),
                (Asked::No, Some(Seen::Terminated(reason))) => (Exit::Normal { reason }, None),
                (Asked::No, seen) => (Exit::Normal { reason: None }, seen),
            };
            (exit, cause, seen)
        }
        // Asked to end it would have ended in order, whatever became of the actor linked to it.
        (Mark::LinkFailed, cause, seen) if asked == Asked::Yes => (Exit::Shutdown, cause, seen),
        (Mark::Failed | Mark::LinkFailed | Mark::GaveUp, Some(cause), seen) => {
            (Exit::Failed { cause }, None, seen)
        }
        (_, left, Some(Seen::Failed(cause))) => (Exit::Failed { cause }, left, None),
        (Mark::Failed, None, Some(Seen::Terminated(Some(text)))) => {
            let cause = Arc::new(text.into());
            (Exit::Failed { cause }, None, None)
        }
        (Mark::Failed | Mark::LinkFailed, None, seen) => {
            let cause: Cause = Arc::new(Box::new(Unreported));
            (Exit::Failed { cause }, None, seen)
        }
        (Mark::GaveUp, None, seen) => {
            let cause: Cause = Arc::new(Box::new(GaveUp(None)));
            (Exit::Failed { cause }, None, seen)
        }
        (Mark::Missing, left, seen) => (Exit::Killed, left, seen),
    }
}

/// Adds the text of an event that came after its exit had been judged by the mark alone.
pub(super) fn complete(exit: &mut Exit, seen: Seen) -> Option<Seen> {
    match (exit, seen) {
        (Exit::Normal { reason }, Seen::Terminated(text)) if reason.is_none() => {
            *reason = text;
            None
        }
        (Exit::Failed { cause }, Seen::Failed(better)) if cause.is::<Unreported>() => {
            *cause = better;
            None
        }
        (_, seen) => Some(seen),
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Cause, Exit, Mark, Seen, judge};
    use std::sync::Arc;

    fn terminated(reason: &str) -> Option<Seen> {
        Some(Seen::Terminated(Some(reason.to_owned())))
    }

    #[test]
    fn without_a_mark_it_was_killed_or_cancelled_whatever_the_text() {
        for reason in ["killed", "actor_task_cancelled", "done"] {
            for asked in [Asked::Yes, Asked::No] {
                let (exit, ..) = judge(asked, Mark::Missing, None, terminated(reason));
                assert_eq!(exit, Exit::Killed);
            }
        }
    }

    #[test]
    fn a_linked_actors_failure_counts_unless_we_had_asked() {
        let cause: Cause = Arc::new("the linked one".into());
        for seen in [None, terminated("done")] {
            let left = Some(Arc::clone(&cause));
            let (exit, ..) = judge(Asked::Yes, Mark::LinkFailed, left.clone(), seen.clone());
            assert_eq!(exit, Exit::Shutdown);
            let (exit, ..) = judge(Asked::No, Mark::LinkFailed, left, seen);
            let cause = Arc::clone(&cause);
            assert_eq!(exit, Exit::Failed { cause });
        }
    }

    #[test]
    fn the_cause_that_was_left_counts_more_than_the_event() {
        let cause: Cause = Arc::new("mine".into());
        let other = Some(Seen::Failed(Arc::new("other".into())));
        let left = Some(Arc::clone(&cause));
        let (exit, _, rest) = judge(Asked::No, Mark::Failed, left, other);
        assert_eq!(exit, Exit::Failed { cause });
        assert!(rest.is_some(), "a user's error must be handed back");
    }
}
