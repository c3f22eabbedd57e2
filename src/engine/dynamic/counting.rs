//! How many sessions there are, and what is counted (D34). Each of the other modules counts what it
//! decides, and `lifecycle` what happens to one session.

use std::sync::Arc;

use super::Engine;
use crate::engine::counts::Counts;
use crate::engine::io::Domain;
use crate::engine::meter::Meter;

impl<D: Domain> Engine<D> {
    /// How many sessions there are.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.table.counts()
    }

    /// What is counted, for anybody to read at any time.
    #[must_use]
    pub const fn meter(&self) -> &Arc<Meter> {
        &self.meter
    }

    /// Shows how many sessions there are now, before any effect is polled: so what comes of an effect
    /// finds the counts that led to it.
    pub(super) fn show_counts(&self) {
        self.meter.show(self.table.counts());
    }
}
