//! From ractor's supervision event to the engine's words; the only place that knows its variants.
//!
//! A session's reason strings can be forged (docs/ractor.md), so they are passed on as text, and
//! the wrapper's mark decides.

use std::any::Any;
use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use ractor::{ActorCell, ActorProcessingErr, SupervisionEvent};

use super::drop_queue::{Deferred, DropQueue};
use super::unwind::guard;
use crate::engine::{Cause, Chain, Seen};

/// The longest text that is kept of an error, in bytes.
const LONGEST_TEXT: usize = 1_024;

/// Ends a text that was longer.
const CUT: char = '…';

/// What an event told of an exit.
pub(crate) struct Told {
    pub(crate) cell: ActorCell,
    pub(crate) state: Option<Box<dyn Any + Send>>,
    pub(crate) seen: Seen,
}

/// The actor of whose start an event tells.
pub(crate) const fn started(event: &SupervisionEvent) -> Option<&ActorCell> {
    match event {
        SupervisionEvent::ActorStarted(cell) => Some(cell),
        _ => None,
    }
}

/// The exit that an event tells of; `None` for events of another kind.
pub(crate) fn translate(event: SupervisionEvent) -> Option<Told> {
    match event {
        SupervisionEvent::ActorTerminated(cell, state, reason) => Some(Told {
            cell,
            state: state.and_then(|state| state.msg),
            seen: Seen::Terminated(reason),
        }),
        // A session's own failure has been told by the session, with its cause.
        SupervisionEvent::ActorFailed(_, error) if error.is::<Failing>() => None,
        SupervisionEvent::ActorFailed(cell, error) => Some(Told {
            cell,
            state: None,
            seen: Seen::Failed(Arc::new(error)),
        }),
        // Which variants there are depends on ractor's features. A start is known from the launch
        // task: `ActorStarted` never comes for a session whose `post_start` fails (docs/ractor.md).
        _ => None,
    }
}

/// What an event tells a session of the failure of an actor linked to it. The error itself is for
/// the session's own handler, so its text is kept.
///
/// Here a reason decides, for want of a mark: a stop with the reason `"killed"` is taken for a
/// kill.
pub(crate) fn link_failure(event: &SupervisionEvent) -> Option<Cause> {
    failed_link(event).map(Arc::new)
}

/// As [`link_failure`], before it has an owner.
pub(crate) fn failed_link(event: &SupervisionEvent) -> Option<ActorProcessingErr> {
    let (cell, how) = match event {
        SupervisionEvent::ActorFailed(cell, error) => {
            (cell, format!("failed: {}", error_text(&**error)))
        }
        SupervisionEvent::ActorTerminated(cell, _, Some(reason)) if is_ungraceful(reason) => {
            (cell, "was killed".to_owned())
        }
        _ => return None,
    };
    let name = cell.get_name().unwrap_or_else(|| cell.get_id().to_string());
    Some(Box::new(LinkFailed { name, how }))
}

/// The text of a user's error and of its sources, as far as it is kept. It is made by the user's
/// code.
pub(super) fn error_text(error: &(dyn Error + 'static)) -> Arc<str> {
    thread_local! {
        /// Where a text is written, and the last one. When many fail, most do for the same reason.
        static BUFFER: Cell<(String, Option<Arc<str>>)> = const { Cell::new((String::new(), None)) };
    }
    // While it is written the buffer is nowhere else, since the user's code may come here again.
    // While its thread ends there is none.
    let (mut text, last) = BUFFER.try_with(Cell::take).unwrap_or_default();
    text.clear();
    let Ok(Ok(mut text)) = guard(move || Chain(error).write(&mut text).map(|()| text)) else {
        return "its error panicked while it was shown".into();
    };
    if text.len() > LONGEST_TEXT {
        let longest = LONGEST_TEXT - CUT.len_utf8();
        let whole = (0..=longest).rev().find(|&at| text.is_char_boundary(at));
        text.truncate(whole.unwrap_or(0));
        text.push(CUT);
        return text.into();
    }
    let last = last.filter(|last| **last == *text);
    let shared = last.unwrap_or_else(|| text.as_str().into());
    let kept = (text, Some(Arc::clone(&shared)));
    BUFFER.try_with(|buffer| buffer.set(kept)).ok();
    shared
}

/// Whether a reason is one of those that ractor gives to an end without `post_stop`.
fn is_ungraceful(reason: &str) -> bool {
    matches!(reason, "killed" | "actor_task_cancelled")
}

/// The failure of an actor linked to a session, as the session's own.
#[derive(Debug)]
struct LinkFailed {
    name: String,
    how: String,
}

impl fmt::Display for LinkFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the linked actor {} {}", self.name, self.how)
    }
}

impl Error for LinkFailed {}

/// The error that a session's failure is to ractor: it shows the user's, which is kept elsewhere
/// too.
///
/// It is dropped in the root, or with the root's port if it is never read. There, two panics end
/// the process (docs/ractor.md). So the last holder hands the user's error to the drop queue.
pub(crate) struct Failing {
    cause: Option<Cause>,
    drops: DropQueue,
}

impl Failing {
    pub(super) const fn new(cause: Cause, drops: DropQueue) -> Self {
        Self {
            cause: Some(cause),
            drops,
        }
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        if let Some(cause) = self.cause.take().and_then(Arc::into_inner) {
            self.drops.drop_later([Deferred::Cause(cause)]);
        }
    }
}

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => fmt::Debug::fmt(cause, f),
            None => f.write_str("Failing"),
        }
    }
}

impl fmt::Display for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => fmt::Display::fmt(cause, f),
            None => f.write_str("the session failed"),
        }
    }
}

impl Error for Failing {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_ref()?.source()
    }
}
