//! Where values of the user's are dropped, and the log lines that show them written: in tasks that
//! nobody waits for, so that a drop or a text that blocks or panics holds up nobody.
//!
//! What comes while a task has not begun yet goes along with it; what comes later gets the next task.
//! So a mass stop costs a few tasks instead of one for each session, and whoever is stuck in his drop
//! keeps only what was buried with him.
//!
//! Absent on purpose: an order between the tasks, and a wait for them.

use std::any::Any;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ractor::ActorProcessingErr;

use super::leftovers::Line;
use super::plan::Plan;
use super::shared::Shared;
use super::unwind::drop_guarded;
use crate::engine::Seen;

/// Something whose drop may run a user's code.
#[derive(Debug)]
#[expect(dead_code, reason = "most of it is kept only to be dropped elsewhere")]
pub(super) enum Grave {
    /// A line that shows a value of the user's.
    Line(Line),
    Plan(Box<Plan>),
    Cause(ActorProcessingErr),
    Seen(Seen),
    /// What an event carried: the state of an actor that may not be ours.
    State(Box<dyn Any + Send>),
}

#[derive(Debug, Default)]
pub(super) struct Graveyard(Mutex<Vec<Grave>>);

impl Graveyard {
    /// Whether a task is to be made for what waits.
    fn add(&self, graves: impl IntoIterator<Item = Grave>) -> Dig {
        let mut waiting = self.lock();
        let before = waiting.len();
        waiting.extend(graves);
        if before == 0 && !waiting.is_empty() {
            Dig::Now
        } else {
            Dig::UnderWay
        }
    }

    fn take(&self) -> Vec<Grave> {
        std::mem::take(&mut self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Grave>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Graveyard {
    /// What no task came to bury, since the runtime was shut down.
    fn drop(&mut self) {
        self.take().into_iter().for_each(drop_guarded);
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dig {
    Now,
    /// A task that has not begun yet takes it along.
    UnderWay,
}

impl Shared {
    /// Buries values in a task of their own. No lock may be held, since the runtime drops the task at
    /// once if it is shutting down.
    pub(super) fn bury(self: &Arc<Self>, graves: impl IntoIterator<Item = Grave>) {
        if self.graveyard.add(graves) == Dig::Now {
            let shared = Arc::clone(self);
            drop(self.runtime().spawn(async move {
                for grave in shared.graveyard.take() {
                    if let Grave::Line(line) = &grave {
                        line.write(&shared);
                    }
                    drop_guarded(grave);
                }
            }));
        }
    }
}
