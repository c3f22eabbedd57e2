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
pub(super) struct Graveyard(Mutex<Pit>);

#[derive(Debug, Default)]
struct Pit {
    waiting: Vec<Grave>,
    /// Kept for its memory: in the heap of a million sessions that are just dropped, an allocation of
    /// this size costs as much as all the rest of a stop.
    spare: Vec<Grave>,
    digger: Digger,
}

/// Whether a task comes for what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Digger {
    #[default]
    None,
    UnderWay,
}

/// More than this is not kept.
const SPARE: usize = 1_024;

impl Graveyard {
    /// Keeps a value until [`Shared::dig`], which has to follow.
    pub(super) fn put(&self, grave: Grave) {
        self.lock().waiting.push(grave);
    }

    /// Whether a task is to be made for what waits; the caller makes it.
    fn call(&self) -> bool {
        let mut pit = self.lock();
        let needed = pit.digger == Digger::None && !pit.waiting.is_empty();
        if needed {
            pit.digger = Digger::UnderWay;
        }
        needed
    }

    fn take(&self) -> Vec<Grave> {
        let mut pit = self.lock();
        pit.digger = Digger::None;
        let spare = std::mem::take(&mut pit.spare);
        std::mem::replace(&mut pit.waiting, spare)
    }

    fn give_back(&self, empty: Vec<Grave>) {
        let mut pit = self.lock();
        if pit.spare.capacity() == 0 && empty.capacity() <= SPARE {
            pit.spare = empty;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Graveyard {
    /// What no task came to bury, since the runtime was shut down.
    fn drop(&mut self) {
        self.take().into_iter().for_each(drop_guarded);
    }
}

impl Shared {
    /// Buries values in a task of their own. No lock may be held.
    pub(super) fn bury(self: &Arc<Self>, graves: impl IntoIterator<Item = Grave>) {
        for grave in graves {
            self.graveyard.put(grave);
        }
        self.dig();
    }

    /// Makes a task for what was put into the graveyard. No lock may be held, since the runtime drops the
    /// task at once if it is shutting down.
    pub(super) fn dig(self: &Arc<Self>) {
        if self.graveyard.call() {
            let shared = Arc::clone(self);
            drop(self.runtime().spawn(async move {
                let mut graves = shared.graveyard.take();
                for grave in graves.drain(..) {
                    if let Grave::Line(line) = &grave {
                        line.write(&shared);
                    }
                    drop_guarded(grave);
                }
                shared.graveyard.give_back(graves);
            }));
        }
    }
}
