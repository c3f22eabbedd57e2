//! What the holder of the seat works with, and with what it begins. `drive` is the work.

use std::collections::VecDeque;
use std::sync::Arc;

use super::item::Item;
use super::lists::Lists;
use super::machine::Machine;
use crate::engine::{Domain, DrainAnswer, DrainEnds, Moment, ShutdownReport};

/// What the holder of the seat works with.
#[derive(Debug)]
pub(crate) struct Driver<D: Domain> {
    pub(super) machine: Machine<D>,
    pub(super) lists: Lists,
    /// Kept for its memory.
    pub(super) items: VecDeque<Item<D>>,
    pub(super) timer: Timer,
    pub(super) ended: Option<Ended<D>>,
    pub(super) drained: Option<Drained<D>>,
    pub(super) engine: Taken,
}

/// Whether there is still an engine to drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    No,
    /// It was taken apart. A thread that had the seat by then may still drive, and finds nothing.
    Apart,
}

/// The driver task's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    Off,
    Armed(Moment),
    /// It has fired, and not all that was due is done. What becomes due meanwhile is left to its
    /// next time, since it gives others their turns first.
    Fired,
}

/// How the supervisor ended, for those who wait for that.
#[derive(Debug)]
pub(super) struct Ended<D: Domain> {
    pub(super) report: ShutdownReport,
    pub(super) tickets: Vec<D::Ticket<ShutdownReport>>,
}

/// What became of each session in a drain, for those who wait for that.
#[derive(Debug)]
pub(super) struct Drained<D: Domain> {
    pub(super) ends: Arc<DrainEnds>,
    pub(super) tickets: Vec<D::Ticket<DrainAnswer>>,
}

impl<D: Domain> Default for Drained<D> {
    fn default() -> Self {
        Self {
            ends: Arc::default(),
            tickets: Vec::new(),
        }
    }
}

impl<D: Domain> Driver<D> {
    pub(super) fn new(machine: Machine<D>) -> Self {
        Self {
            machine,
            lists: Lists::default(),
            items: VecDeque::new(),
            timer: Timer::Off,
            ended: None,
            drained: None,
            engine: Taken::No,
        }
    }

    /// When the timer fires.
    pub(super) const fn armed(&self) -> Option<Moment> {
        match self.timer {
            Timer::Armed(at) => Some(at),
            Timer::Off | Timer::Fired => None,
        }
    }

    /// The timer has fired, and the driver will be told in its turn.
    pub(super) const fn disarm(&mut self) {
        self.timer = Timer::Off;
    }
}

/// What a drive does with the item that it begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// Handles it.
    Handle,
    /// It is a start of an id, and is handled at once if the engine says that no exit that the root
    /// has not read yet can change its answer. Else it is left.
    IfNew,
}
