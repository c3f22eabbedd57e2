//! From ractor's supervision event to the engine's words; the only place that knows its variants.
//!
//! Absent on purpose: a meaning of ractor's reason strings. They can be forged (HAZARDS R10), so they
//! are passed on as text, and the wrapper's mark decides.

use std::any::Any;
use std::sync::Arc;

use ractor::{ActorCell, SupervisionEvent};

use crate::engine::Seen;

/// What an event told of an exit.
pub(crate) struct Told {
    pub(crate) cell: ActorCell,
    pub(crate) state: Option<Box<dyn Any + Send>>,
    pub(crate) seen: Seen,
}

/// The exit that an event tells of; `None` for events of another kind.
pub(crate) fn translate(event: SupervisionEvent) -> Option<Told> {
    match event {
        SupervisionEvent::ActorTerminated(cell, state, reason) => Some(Told {
            cell,
            state: state.and_then(|state| state.msg),
            seen: Seen::Terminated(reason),
        }),
        SupervisionEvent::ActorFailed(cell, cause) => Some(Told {
            cell,
            state: None,
            seen: Seen::Failed(Arc::new(cause)),
        }),
        // Which variants there are depends on ractor's features. A start is known from the keeper:
        // `ActorStarted` never comes for a session whose `post_start` fails (HAZARDS R2).
        _ => None,
    }
}
