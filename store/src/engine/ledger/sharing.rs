//! The parts of a shared store that come to this process and leave it.

use std::sync::Arc;

use super::{AtEnd, Known, Ledger, Reading, Standing};
use crate::part::Part;
use crate::record::{Change, Decided};

impl Ledger {
    /// This part is this process's from now on: what is decided of it is decided under its epoch.
    pub fn take_over(&mut self, part: Part) {
        self.reading = Reading::Done;
        self.owned.take_over(part);
    }

    /// The sessions of this part are handed over: from now on their ends forget nothing.
    pub fn hand_over(&mut self, part: Part) {
        for (id, known) in &mut self.ids {
            if part.has(id) {
                known.at_end = AtEnd::Kept;
            }
        }
    }

    /// They are handed over. Nothing is known any more of those that do not run; answers how many do,
    /// and what is decided of these is decided under no epoch.
    pub fn handed_over(&mut self, part: Part) -> usize {
        self.owned.hand_over(part);
        let theirs = self.ids.iter().filter(|(id, _)| part.has(id));
        let runs = |known: &Known| matches!(known.standing, Standing::Running { .. });
        let (running, ended): (Vec<_>, Vec<_>) = theirs.partition(|(_, known)| runs(known));
        let running = running.len();
        let ended: Vec<_> = ended.into_iter().map(|(id, _)| Arc::clone(id)).collect();
        for id in ended {
            self.remove(&id);
        }
        running
    }

    /// A change that is decided now.
    #[must_use]
    pub fn decided(&self, change: Change) -> Decided {
        Decided::under(self.owned.epoch(change.id()), change)
    }
}
