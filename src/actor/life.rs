//! One launch, as the shell keeps it: its actor, its mark, how much of it is left, and who waits.
//!
//! Invariants:
//! 1. the ticket is taken once; whoever takes it (the keeper or a cancellation) answers it and
//!    thereby decides their race;
//! 2. the release is reported once, by whoever comes last: the keeper after the join, or the drop of
//!    the guarded state.
//!
//! Absent on purpose: what follows from any of this.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use ractor::{ActorCell, ActorStatus};
use tokio::sync::Notify;

use super::plan::Ticket;
use crate::engine::{self, Ending, Key, Mark, ShutdownReport};

const ORDERLY: u8 = 1;
const FAILED: u8 = 1 << 1;
const GUARDED: u8 = 1 << 2;
const DROPPED: u8 = 1 << 3;
const JOINED: u8 = 1 << 4;

#[derive(Debug)]
pub(crate) struct Life {
    key: Key,
    actor: OnceLock<ActorCell>,
    bits: AtomicU8,
    claim: Mutex<Claim>,
    /// The session's own children, as they were when it ended. Their names may be held a little longer
    /// than its own.
    orphans: Mutex<Vec<ActorCell>>,
    /// Rung at a cancellation, and when the guarded state is dropped.
    changed: Notify,
}

#[derive(Debug)]
enum Claim {
    Open(Option<Ticket>),
    Reported,
    Cancelled,
}

/// Whether something of a launch is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    /// The state, in an event or in its last drop.
    State,
    /// The actor's task.
    Task,
}

impl engine::Life for std::sync::Arc<Life> {
    fn new(key: Key) -> Self {
        Self::new(Life {
            key,
            actor: OnceLock::new(),
            bits: AtomicU8::new(0),
            claim: Mutex::new(Claim::Open(None)),
            orphans: Mutex::new(Vec::new()),
            changed: Notify::new(),
        })
    }

    fn actor(&self) -> Option<u64> {
        self.actor.get().map(|cell| cell.get_id().pid())
    }

    fn mark(&self) -> Mark {
        Life::mark(self)
    }

    fn ending(&self) -> Ending {
        // A callback has failed. ractor does not show it yet, but this life is over.
        if Life::mark(self) == Mark::Failed {
            return Ending::Yes;
        }
        match self.actor.get() {
            Some(cell) if cell.get_status() >= ActorStatus::Draining => Ending::Yes,
            _ => Ending::No,
        }
    }

    fn report(&self) -> Option<ShutdownReport> {
        None
    }
}

impl Life {
    pub(crate) const fn key(&self) -> Key {
        self.key
    }

    /// The actor, as soon as its `pre_start` has begun.
    pub(crate) fn cell(&self) -> Option<&ActorCell> {
        self.actor.get()
    }

    /// Called once, at the beginning of `pre_start`.
    pub(crate) fn set_cell(&self, cell: ActorCell) {
        drop(self.actor.set(cell));
    }

    pub(crate) fn mark(&self) -> Mark {
        let bits = self.bits.load(Ordering::Acquire);
        if bits & FAILED != 0 {
            Mark::Failed
        } else if bits & ORDERLY != 0 {
            Mark::Orderly
        } else {
            Mark::Missing
        }
    }

    pub(crate) fn mark_orderly(&self) {
        self.bits.fetch_or(ORDERLY, Ordering::AcqRel);
    }

    pub(crate) fn mark_failed(&self) {
        self.bits.fetch_or(FAILED, Ordering::AcqRel);
    }

    /// Remembers the children that the session has now, since it is about to end and ractor will kill
    /// them without waiting for them.
    pub(crate) fn note_orphans(&self) {
        let Some(cell) = self.cell() else {
            return;
        };
        let children = cell.get_children();
        if !children.is_empty() {
            self.lock_orphans().extend(children);
        }
    }

    /// The children that are to be waited for.
    pub(crate) fn take_orphans(&self) -> Vec<ActorCell> {
        std::mem::take(&mut self.lock_orphans())
    }

    fn lock_orphans(&self) -> std::sync::MutexGuard<'_, Vec<ActorCell>> {
        self.orphans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn state_guarded(&self) {
        self.bits.fetch_or(GUARDED, Ordering::AcqRel);
    }

    /// The guarded state is dropped. What is left after that.
    pub(crate) fn state_dropped(&self) -> Left {
        let before = self.bits.fetch_or(DROPPED, Ordering::AcqRel);
        self.changed.notify_one();
        if before & JOINED != 0 {
            Left::Nothing
        } else {
            Left::Task
        }
    }

    /// The actor's task is done. What is left after that.
    pub(crate) fn joined(&self) -> Left {
        let before = self.bits.fetch_or(JOINED, Ordering::AcqRel);
        if before & GUARDED == 0 || before & DROPPED != 0 {
            Left::Nothing
        } else {
            Left::State
        }
    }

    /// Waits until a state that was made is dropped.
    pub(crate) async fn unguarded(&self) {
        loop {
            let bits = self.bits.load(Ordering::Acquire);
            if bits & GUARDED == 0 || bits & DROPPED != 0 {
                return;
            }
            self.changed.notified().await;
        }
    }

    pub(crate) fn set_ticket(&self, ticket: Option<Ticket>) {
        *self.lock() = Claim::Open(ticket);
    }

    /// The keeper's side of the race. `None`: it was cancelled before.
    pub(crate) fn report(&self) -> Option<Option<Ticket>> {
        self.take(Claim::Reported)
    }

    /// The cancellation's side of the race. `None`: the keeper was first.
    pub(crate) fn cancel(&self) -> Option<Option<Ticket>> {
        let taken = self.take(Claim::Cancelled);
        if taken.is_some() {
            self.changed.notify_one();
        }
        taken
    }

    fn take(&self, by: Claim) -> Option<Option<Ticket>> {
        let mut claim = self.lock();
        match &mut *claim {
            Claim::Open(ticket) => {
                let ticket = ticket.take();
                *claim = by;
                Some(ticket)
            }
            Claim::Reported | Claim::Cancelled => None,
        }
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        matches!(*self.lock(), Claim::Cancelled)
    }

    /// Returns when the launch is cancelled.
    pub(crate) async fn cancelled(&self) {
        loop {
            if self.is_cancelled() {
                return;
            }
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Claim> {
        self.claim.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
