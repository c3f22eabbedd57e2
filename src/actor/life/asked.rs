//! Whether the supervisor had asked for an end. If it had not, ractor's event tells a reason that is
//! known nowhere else.

use std::sync::atomic::Ordering;

use super::Life;
use super::bits::{ASKED, FAILED, GAVE_UP, ORDERLY};

impl<C, T: Clone> Life<C, T> {
    /// The supervisor asks it to stop.
    pub(crate) fn mark_asked(&self) {
        self.bits.fetch_or(ASKED, Ordering::AcqRel);
    }

    /// Whether it has ended in order by itself, or others have stopped it.
    pub(crate) fn ended_unasked(&self) -> bool {
        let marks = ORDERLY | FAILED | GAVE_UP | ASKED;
        self.bits.load(Ordering::Acquire) & marks == ORDERLY
    }
}
