//! The circumstances of a step of a child's lifecycle, and where its effects go.

use std::collections::VecDeque;

use crate::engine::exit::Exit;
use crate::engine::io::{Checkpoint, Discard, Domain, Effect};
use crate::engine::listening::Listening;
use crate::engine::meter::Meter;
use crate::engine::moment::Moment;

/// The circumstances of a step, and where its effects go.
#[derive(Debug)]
pub(in crate::engine) struct Step<'a, D: Domain> {
    pub(in crate::engine) now: Moment,
    pub(in crate::engine) supervisor: Supervisor,
    /// When a child of the supervisor last ended.
    pub(in crate::engine) last_end: Moment,
    pub(in crate::engine) effects: &'a mut VecDeque<Effect<D>>,
    /// Where the supervisor counts, if it does.
    pub(in crate::engine) meter: Option<&'a Meter>,
    /// What becomes of the child's timer.
    pub(in crate::engine) timer: Timer,
    /// Who is told of it.
    pub(in crate::engine) listening: Listening,
    /// What a launch has left of which nothing else is left.
    pub(in crate::engine) checkpoint: Option<Checkpoint<D>>,
}

/// What the supervisor is doing, as far as it matters to one child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Supervisor {
    Serves,
    Stops {
        /// From then on no child is asked to stop: it is killed.
        deadline: Option<Moment>,
    },
}

/// What becomes of a child's timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Timer {
    Kept,
    Off,
    At(Moment),
}

impl Timer {
    /// Set for this moment, if there is one.
    pub(super) const fn of(at: Option<Moment>) -> Self {
        match at {
            Some(at) => Self::At(at),
            None => Self::Off,
        }
    }
}

impl<'a, D: Domain> Step<'a, D> {
    pub(in crate::engine) const fn new(
        now: Moment,
        supervisor: Supervisor,
        last_end: Moment,
        effects: &'a mut VecDeque<Effect<D>>,
    ) -> Self {
        Self {
            now,
            supervisor,
            last_end,
            effects,
            meter: None,
            timer: Timer::Kept,
            listening: Listening::Off,
            checkpoint: None,
        }
    }

    pub(super) fn count(&self, count: impl FnOnce(&Meter)) {
        if let Some(meter) = self.meter {
            count(meter);
        }
    }

    /// From when on no child is asked to stop.
    pub(super) const fn deadline(&self) -> Option<Moment> {
        match self.supervisor {
            Supervisor::Serves => None,
            Supervisor::Stops { deadline } => deadline,
        }
    }

    pub(super) fn effect(&mut self, effect: Effect<D>) {
        self.effects.push_back(effect);
    }

    pub(super) fn discard(&mut self, value: Discard<D>) {
        self.effect(Effect::Discard(value));
    }

    /// Discards an exit. Only the error in it is a user's value.
    pub(super) fn discard_exit(&mut self, exit: Exit) {
        if let Exit::Failed { .. } = exit {
            self.discard(Discard::Exit(exit));
        }
    }
}
