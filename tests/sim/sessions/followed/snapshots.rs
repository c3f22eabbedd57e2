//! Snapshots that are taken while everything changes: one at every cut of the stream.

use std::collections::VecDeque;

use super::{Follower, List, apply};
use crate::sessions::model::IDS;
use crate::sessions::sim::Sim;

/// A snapshot that is taken while everything changes, one id at a time.
#[derive(Debug)]
pub(super) struct Taking {
    after: u64,
    /// The ids that are still to be looked at.
    left: Vec<usize>,
    list: List,
}

impl Sim {
    /// A snapshot is begun at every revision at which a step has ended, so at every cut of the
    /// stream. Each id is looked at in a step of its own. What the events since the first of these
    /// steps make of it is the present list.
    pub(super) fn go_on_with_snapshots(&mut self, follower: &mut Follower) {
        let revision = follower.ring.revision();
        if follower.begun != Some(revision) {
            follower.begun = Some(revision);
            let first = self.world.rng.below(IDS);
            follower.snapshots.push(Taking {
                after: follower.ring.pin(),
                left: (0..IDS).map(|id| (first + id) % IDS).collect(),
                list: List::new(),
            });
        }
        let mut snapshots = std::mem::take(&mut follower.snapshots);
        snapshots.retain_mut(|taking| {
            if self.world.rng.chance(30) {
                return true;
            }
            if let Some(id) = taking.left.pop() {
                if let Some(shows) = self.shows(id) {
                    taking.list.insert(id, shows);
                }
                return true;
            }
            self.hold_snapshot(follower, taking);
            follower.ring.unpin(taking.after);
            false
        });
        follower.snapshots = snapshots;
    }

    fn hold_snapshot(&self, follower: &Follower, taking: &Taking) {
        let mut since = VecDeque::new();
        follower
            .ring
            .read(taking.after, usize::MAX, &mut since)
            .expect("what came after a pin is kept");
        let mut list = taking.list.clone();
        since.into_iter().for_each(|told| apply(&mut list, told));
        assert_eq!(list, self.shown(), "a snapshot and its events");
    }
}
