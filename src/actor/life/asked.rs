//! Whether the supervisor had asked for an end, and whether ractor's event tells more of that end than
//! is known without it.

use std::sync::atomic::Ordering;

use super::Life;
use super::bits::{ASKED, FAILED, GAVE_UP, ORDERLY};
use crate::engine::Mark;

impl<C, T: Clone> Life<C, T> {
    /// The supervisor asks it to stop.
    pub(crate) fn mark_asked(&self) {
        self.bits.fetch_or(ASKED, Ordering::AcqRel);
    }

    /// Whether ractor's event, which the root reads, tells more of its end than it does itself.
    pub(crate) fn is_told_by_the_event(&self) -> bool {
        self.mark() == Mark::Missing || self.ended_unasked()
    }

    /// Whether it has ended in order by itself, or others have stopped it.
    pub(crate) fn ended_unasked(&self) -> bool {
        let marks = ORDERLY | FAILED | GAVE_UP | ASKED;
        self.bits.load(Ordering::Acquire) & marks == ORDERLY
    }
}
