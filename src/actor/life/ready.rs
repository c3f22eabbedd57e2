//! Whether a launch came as far as the link to the supervisor.

use std::sync::atomic::Ordering;

use super::bits::READY;
use super::{Hold, Life};
use crate::engine::Ending;

impl<C, T: Clone> Life<C, T> {
    /// `pre_start` went well, and there is a state from now on. An actor that is already ending by
    /// itself cannot be linked.
    pub(crate) fn mark_ready(&self) {
        let ready = match self.shown() {
            Ending::No => READY,
            Ending::Yes => 0,
        };
        self.bits
            .fetch_or(ready | Hold::State as u16, Ordering::AcqRel);
    }

    /// Whether only the supervisor's end can be why the actor was not linked.
    pub(crate) fn is_ready(&self) -> bool {
        self.bits.load(Ordering::Acquire) & READY != 0
    }
}
