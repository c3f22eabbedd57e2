//! The parts of a shared store that come to this process and leave it.

use std::sync::Arc;

use super::{AtEnd, Ledger, Reading, Standing};
use crate::part::Part;
use crate::record::{Change, Decided};

impl Ledger {
    /// This part is this process's from now on: what is decided of it is decided under its epoch.
    pub fn take_over(&mut self, part: Part) {
        self.reading = Reading::Done;
        self.owned.take_over(part);
        self.ids.divide(part.count());
    }

    /// The ids of a part, and what they are doing.
    pub fn of_part(&self, part: Part) -> impl Iterator<Item = (&Arc<str>, &Standing)> {
        let known = self.ids.of_part(part);
        known.map(|(id, known)| (id, &known.standing))
    }

    /// The sessions of this part are handed over: from now on their ends forget nothing.
    pub fn hand_over(&mut self, part: Part) {
        for (_, known) in self.ids.of_part_mut(part) {
            known.at_end = AtEnd::Kept;
        }
    }

    /// They are handed over. Nothing is known any more of those that do not run; answers how many do,
    /// and what is decided of these is decided under no epoch.
    pub fn handed_over(&mut self, part: Part) -> usize {
        self.owned.hand_over(part);
        let (mut running, mut ended) = (0, Vec::new());
        for (id, standing) in self.of_part(part) {
            match standing {
                Standing::Running { .. } => running += 1,
                _ => ended.push(Arc::clone(id)),
            }
        }
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
