//! Whether a launch came as far as the link to the supervisor.

use std::sync::atomic::Ordering;

use super::Life;
use super::bits::READY;
use crate::engine::Ending;

impl<C, T: Clone> Life<C, T> {
    /// `pre_start` went well. An actor that is already ending by itself cannot be linked.
    pub(crate) fn mark_ready(&self) {
        if self.shown() == Ending::No {
            self.bits.fetch_or(READY, Ordering::AcqRel);
        }
    }

    /// Whether only the supervisor's end can be why the actor was not linked.
    pub(crate) fn is_ready(&self) -> bool {
        self.bits.load(Ordering::Acquire) & READY != 0
    }
}
