//! How many sessions of each group take a place, and how many may.
//!
//! The table changes these counts where it changes the counts per state.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use super::counts::Shown;
use super::rejection::Rejection;

/// The counts of the groups that have a session, in the order of their names.
#[derive(Debug)]
pub(super) struct Groups {
    max: usize,
    counts: BTreeMap<Arc<str>, usize>,
}

impl Groups {
    pub(super) const fn new(max: usize) -> Self {
        Self {
            max,
            counts: BTreeMap::new(),
        }
    }

    /// How many sessions of a group take a place.
    pub(super) fn count(&self, group: &str) -> usize {
        self.counts.get(group).copied().unwrap_or(0)
    }

    /// Why a group may not have one more, if it may not.
    pub(super) fn full(&self, group: &Arc<str>) -> Option<Rejection> {
        (self.count(group) >= self.max).then(|| Rejection::Quota {
            group: Arc::clone(group),
            max: self.max,
        })
    }

    /// The groups behind this one, with their counts.
    pub(super) fn after(&self, group: Option<&str>) -> impl Iterator<Item = (&Arc<str>, usize)> {
        let first = group.map_or(Bound::Unbounded, Bound::Excluded);
        let groups = self.counts.range::<str, _>((first, Bound::Unbounded));
        groups.map(|(group, count)| (group, *count))
    }

    /// A session of this group is shown so now.
    pub(super) fn enter(&mut self, group: Option<&Arc<str>>, shown: Shown) {
        if let Some(group) = group.filter(|_| shown.takes_place()) {
            *self.counts.entry(Arc::clone(group)).or_default() += 1;
        }
    }

    /// A session of this group was shown so.
    pub(super) fn leave(&mut self, group: Option<&Arc<str>>, shown: Shown) {
        if let Some(group) = group.filter(|_| shown.takes_place())
            && let Some(count) = self.counts.get_mut(group)
        {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(group);
            }
        }
    }
}
