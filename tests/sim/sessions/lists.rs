//! One list that is read while everything changes.

use std::collections::BTreeSet;

use session_supervisor::engine::Cursor;

use crate::sessions::sim::Sim;

/// A list under way. Lives are numbers in the order of their first start.
#[derive(Debug)]
pub(crate) struct OpenList {
    pub(crate) cursor: Cursor,
    /// The lives that have been there all the time.
    must_see: BTreeSet<u64>,
    seen: BTreeSet<u64>,
}

impl OpenList {
    pub(crate) fn new(cursor: Cursor, lives: BTreeSet<u64>) -> Self {
        Self {
            cursor,
            must_see: lives,
            seen: BTreeSet::new(),
        }
    }

    pub(crate) fn see(&mut self, life: u64) {
        let last = self.seen.last().copied();
        assert!(last < Some(life), "life {life} is listed after {last:?}");
        self.seen.insert(life);
    }

    /// Keeps in mind which lives are still there.
    pub(crate) fn still(&mut self, lives: &BTreeSet<u64>) {
        self.must_see.retain(|life| lives.contains(life));
    }

    pub(crate) fn end(self) -> Cursor {
        let missing: Vec<_> = self.must_see.difference(&self.seen).collect();
        assert!(missing.is_empty(), "the list left out lives {missing:?}");
        self.cursor
    }
}

impl Sim {
    /// The lives that others see.
    pub(crate) fn visible(&self) -> BTreeSet<u64> {
        let entries = self.model.entries.iter().flatten();
        entries
            .filter(|entry| entry.shown.is_some())
            .map(|entry| entry.life)
            .collect()
    }
}
