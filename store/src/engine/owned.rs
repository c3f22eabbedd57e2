//! Which parts of a store that several processes share are this process's, and under which epochs.

use std::collections::HashMap;

use crate::part::Part;

/// Empty while the store is this process's alone.
#[derive(Debug, Default)]
pub(super) struct Owned {
    /// Into how many parts the ids are divided.
    of: u32,
    epochs: HashMap<u32, u64>,
}

impl Owned {
    pub(super) fn take_over(&mut self, part: Part) {
        self.of = part.count();
        self.epochs.insert(part.number(), part.epoch());
    }

    pub(super) fn hand_over(&mut self, part: Part) {
        if part.count() == 1 {
            self.epochs.clear();
        }
        // It may have been taken over again meanwhile.
        if self.epochs.get(&part.number()) == Some(&part.epoch()) {
            self.epochs.remove(&part.number());
        }
    }

    /// Under which epoch something is decided for an id: 0, the least, if it is not this process's.
    pub(super) fn epoch(&self, id: &str) -> u64 {
        let shard = Part::shard_of(id, self.of);
        self.epochs.get(&shard).copied().unwrap_or(0)
    }
}
