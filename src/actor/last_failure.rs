//! The failure at which a supervisor reached its restart limit, for those who ask why it ended.
//!
//! It is read off what the engine tells. A supervisor that gave up tells its parent, since that only
//! sees an end in order.

use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::{Decision, EventKind};
use crate::info::ChildFailure;

/// Empty until a restart limit is reached, here or below.
#[derive(Debug, Default)]
pub(super) struct LastFailure(Mutex<Option<Box<Known>>>);

#[derive(Debug)]
enum Known {
    /// Of a child, that is a supervisor: this incarnation of it gave up for that.
    Below {
        role: Arc<str>,
        incarnation: u64,
        failure: ChildFailure,
    },
    /// Of a child, about which nothing is decided yet.
    Undecided(ChildFailure),
    /// The supervisor has given up for that.
    Here(ChildFailure),
}

impl LastFailure {
    /// Something has happened to a child.
    pub(super) fn note(&self, child: &Arc<str>, incarnation: u64, kind: &EventKind) {
        if !kind.may_end_the_supervisor() {
            return;
        }
        let known = match kind.decision() {
            Some(Decision::Escalate(_) | Decision::EscalateAll(_)) => Known::Here,
            _ => Known::Undecided,
        };
        let error = kind.reason();
        self.change(|before| {
            let failure = match (before, error) {
                // What is decided follows what was told before.
                (Some(Known::Undecided(failure)), None) if failure.child == *child => failure,
                (
                    Some(Known::Below {
                        role,
                        incarnation: gave_up,
                        failure,
                    }),
                    _,
                ) if role == *child && gave_up == incarnation => ChildFailure {
                    child: format!("{role}/{}", failure.child).into(),
                    error: failure.error,
                },
                (_, error) => ChildFailure {
                    child: Arc::clone(child),
                    error: error.unwrap_or_else(|| kind.headline().to_owned()).into(),
                },
            };
            known(failure)
        });
    }

    /// A child that is a supervisor gives up.
    pub(super) fn note_below(&self, role: Arc<str>, incarnation: u64, failure: ChildFailure) {
        self.change(|_| Known::Below {
            role,
            incarnation,
            failure,
        });
    }

    /// That for which the supervisor has given up.
    pub(super) fn get(&self) -> Option<ChildFailure> {
        match self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .as_deref()
        {
            Some(Known::Here(failure)) => Some(failure.clone()),
            Some(Known::Below { .. } | Known::Undecided(_)) | None => None,
        }
    }

    /// What the supervisor has given up for stays.
    fn change(&self, change: impl FnOnce(Option<Known>) -> Known) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !matches!(known.as_deref(), Some(Known::Here(_))) {
            let before = known.take().map(|known| *known);
            *known = Some(Box::new(change(before)));
        }
    }
}
