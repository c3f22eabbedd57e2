//! What a node knows of which node owns which shard.
//!
//! It hears of changes from a watch, from snapshots and from answers to its own requests, in any order.
//! Each comes with the revision at which it was true, and one that is not later than what is known
//! changes nothing.

use super::node::Owner;
use super::shard::{Epoch, Shard, Shards};

/// The owners of all shards, as far as they are known. What it says may be out of date.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnerMap {
    known: Vec<Known>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct Known {
    owner: Option<Owner>,
    /// At which revision it was so.
    revision: u64,
}

/// Whether what was heard is later than what was known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is later or it is not")]
pub enum Heard {
    /// It is, and is what is known now.
    New,
    /// It is not, and changes nothing.
    Old,
}

impl OwnerMap {
    /// One that knows of no owner.
    #[must_use]
    pub fn new(shards: Shards) -> Self {
        Self {
            known: shards.all().map(|_| Known::default()).collect(),
        }
    }

    /// At that revision the shard was owned.
    pub fn owned(&mut self, shard: Shard, owner: Owner, revision: u64) -> Heard {
        self.heard(shard, Some(owner), revision)
    }

    /// At that revision the shard was owned by no node.
    pub fn gone(&mut self, shard: Shard, revision: u64) -> Heard {
        self.heard(shard, None, revision)
    }

    fn heard(&mut self, shard: Shard, owner: Option<Owner>, revision: u64) -> Heard {
        match self.known.get_mut(shard.place()) {
            Some(known) if known.revision < revision => {
                *known = Known { owner, revision };
                Heard::New
            }
            Some(_) | None => Heard::Old,
        }
    }

    /// The key of this epoch has been removed, at a revision that is not known. A later owner stays.
    pub fn released(&mut self, shard: Shard, epoch: Epoch) {
        if let Some(known) = self.known.get_mut(shard.place()) {
            let is_it = known
                .owner
                .as_ref()
                .is_some_and(|owner| owner.epoch == epoch);
            if is_it {
                known.owner = None;
            }
        }
    }

    /// At that revision these shards were owned, and no others. What is known of later revisions stays.
    pub fn reset(&mut self, owned: impl IntoIterator<Item = (Shard, Owner)>, revision: u64) {
        let mut owners = vec![None; self.known.len()];
        for (shard, owner) in owned {
            if let Some(place) = owners.get_mut(shard.place()) {
                *place = Some(owner);
            }
        }
        for (known, owner) in self.known.iter_mut().zip(owners) {
            if known.revision <= revision {
                *known = Known { owner, revision };
            }
        }
    }

    /// What owns the shard.
    #[must_use]
    pub fn owner(&self, shard: Shard) -> Option<&Owner> {
        self.known.get(shard.place())?.owner.as_ref()
    }

    /// How many shards have no owner.
    #[must_use]
    pub fn unowned(&self) -> usize {
        let unowned = |known: &&Known| known.owner.is_none();
        self.known.iter().filter(unowned).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{Heard, OwnerMap};
    use crate::engine::node::{Incarnation, NodeName, Owner};
    use crate::engine::shard::{Epoch, Shard, Shards};

    fn owner(name: &str, epoch: u64) -> Owner {
        Owner {
            node: NodeName::try_from(name).unwrap(),
            incarnation: Incarnation::new(1),
            epoch: Epoch::new(epoch),
        }
    }

    fn start() -> (OwnerMap, Shard, Shard) {
        let shards = Shards::new(2).unwrap();
        let mut all = shards.all();
        let (first, second) = (all.next().unwrap(), all.next().unwrap());
        (OwnerMap::new(shards), first, second)
    }

    #[test]
    fn what_is_not_later_changes_nothing() {
        let (mut map, shard, _) = start();
        assert_eq!(map.owned(shard, owner("a", 5), 5), Heard::New);
        assert_eq!(map.gone(shard, 4), Heard::Old);
        assert_eq!(map.owned(shard, owner("b", 5), 5), Heard::Old);
        assert_eq!(map.owner(shard), Some(&owner("a", 5)));
        assert_eq!(map.gone(shard, 6), Heard::New);
        assert_eq!(map.owned(shard, owner("a", 5), 5), Heard::Old);
        assert_eq!(map.owner(shard), None);
    }

    #[test]
    fn a_snapshot_says_it_of_all_shards_but_those_of_which_more_is_known() {
        let (mut map, first, second) = start();
        let _ = map.owned(first, owner("a", 5), 5);
        let _ = map.owned(second, owner("a", 9), 9);
        map.reset([], 8);
        assert_eq!(map.owner(first), None);
        assert_eq!(map.owner(second), Some(&owner("a", 9)));
        assert_eq!(map.unowned(), 1);
        // What the snapshot says is known at its revision.
        map.reset([(first, owner("b", 3))], 10);
        assert_eq!(map.gone(first, 10), Heard::Old);
        assert_eq!(map.owner(first), Some(&owner("b", 3)));
    }

    #[test]
    fn a_release_removes_its_own_epoch_only() {
        let (mut map, shard, _) = start();
        let _ = map.owned(shard, owner("a", 5), 5);
        map.released(shard, Epoch::new(4));
        assert_eq!(map.owner(shard), Some(&owner("a", 5)));
        map.released(shard, Epoch::new(5));
        assert_eq!(map.owner(shard), None);
        // The event of the claim comes late.
        assert_eq!(map.owned(shard, owner("a", 5), 5), Heard::Old);
        assert_eq!(map.owned(shard, owner("b", 7), 7), Heard::New);
    }
}
