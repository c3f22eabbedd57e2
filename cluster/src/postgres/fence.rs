//! Which shards a call is about, and under which epoch: what the server has to have noted for them.

use std::collections::{BTreeMap, BTreeSet};

use session_supervisor_store::{Decided, OlderEpoch, Part, StoreError};

/// The shards of a call, in their order, with the smallest epoch that something in it was decided
/// under.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Owned(BTreeMap<i32, i64>);

impl Owned {
    /// Those of a part: one shard, or all of them.
    pub(super) fn part(part: Part, shards: u32) -> Result<Self, StoreError> {
        let epoch = number("an epoch", part.epoch())?;
        let of = if part.count() == shards {
            part.number()..part.number() + 1
        } else if part.count() == 1 {
            0..shards
        } else {
            let count = part.count();
            let why = format!("the store has {shards} shards, {count} were asked for");
            return Err(StoreError::Failed(why.into()));
        };
        Ok(Self(of.map(|shard| (signed(shard), epoch)).collect()))
    }

    /// Those of several parts together, each with the greatest epoch of its parts.
    pub(super) fn of<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = BTreeMap::new();
        for (shard, epoch) in parts.into_iter().flat_map(|part| &part.0) {
            let greatest = all.entry(*shard).or_insert(*epoch);
            *greatest = (*epoch).max(*greatest);
        }
        Self(all)
    }

    /// Those of some changes.
    pub(super) fn by(changes: &[Decided], shards: u32) -> Result<Self, StoreError> {
        let mut owned = BTreeMap::new();
        for decided in changes {
            let epoch = number("an epoch", decided.epoch)?;
            let shard = signed(Part::shard_of(decided.change.id(), shards));
            let least = owned.entry(shard).or_insert(epoch);
            *least = epoch.min(*least);
        }
        Ok(Self(owned))
    }

    pub(super) fn shards(&self) -> Vec<i32> {
        self.0.keys().copied().collect()
    }

    /// Whether none of them has a later owner, by what the server has noted.
    pub(super) fn check(&self, noted: &BTreeMap<i32, i64>) -> Result<(), StoreError> {
        for (shard, epoch) in &self.0 {
            match noted.get(shard) {
                None => {
                    let why = format!("shard {shard} is not in the table of parts");
                    return Err(StoreError::Damaged(why.into()));
                }
                Some(known) if known > epoch => {
                    let (epoch, known) = (epoch.unsigned_abs(), known.unsigned_abs());
                    return Err(OlderEpoch::new(shard.unsigned_abs(), epoch, known).into());
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The same to look at.
    pub(super) fn set(&self) -> BTreeSet<i32> {
        self.0.keys().copied().collect()
    }

    /// The shards for which the server has an earlier epoch, and their epochs.
    pub(super) fn to_note(&self, noted: &BTreeMap<i32, i64>) -> (Vec<i32>, Vec<i64>) {
        let owned = self.0.iter();
        let later = owned.filter(|(shard, epoch)| noted.get(shard) < Some(epoch));
        later.unzip()
    }
}

/// A number as PostgreSQL has them.
pub(super) fn number(what: &str, number: u64) -> Result<i64, StoreError> {
    i64::try_from(number)
        .map_err(|_| StoreError::Failed(format!("{what} of {number} is too great").into()))
}

/// There are 4,096 shards at most.
pub(super) fn signed(shard: u32) -> i32 {
    i32::try_from(shard).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use session_supervisor_store::{Change, Decided, OlderEpoch, Part, StoreError};

    use super::Owned;

    fn discard(id: &str, epoch: u64) -> Decided {
        Decided::under(epoch, Change::Discard { id: id.into() })
    }

    #[test]
    fn of_a_shard_the_smallest_epoch_counts() {
        let shard = i32::try_from(Part::shard_of("a", 8)).unwrap();
        let owned = Owned::by(&[discard("a", 7), discard("a", 5), discard("a", 6)], 8).unwrap();
        assert_eq!(owned, Owned(BTreeMap::from([(shard, 5)])));
        assert!(owned.check(&BTreeMap::from([(shard, 5)])).is_ok());
        let later = owned.check(&BTreeMap::from([(shard, 6)]));
        let older = later.expect_err("a later one is noted").older_epoch();
        let expected = OlderEpoch::new(shard.unsigned_abs(), 5, 6);
        assert_eq!(older, Some(expected));
        let none = owned.check(&BTreeMap::new());
        assert!(matches!(none, Err(StoreError::Damaged(_))));
    }

    #[test]
    fn a_part_is_one_shard_or_all_of_them() {
        let one = Owned::part(Part::shard(2, 4, 9).unwrap(), 4).unwrap();
        assert_eq!(one, Owned(BTreeMap::from([(2, 9)])));
        let all = Owned::part(Part::ALL, 4).unwrap();
        assert_eq!(all.shards(), [0, 1, 2, 3]);
        assert_eq!(all, Owned((0..4).map(|shard| (shard, 0)).collect()));
        assert!(Owned::part(Part::shard(2, 8, 9).unwrap(), 4).is_err());
        assert!(Owned::part(Part::shard(2, 4, u64::MAX).unwrap(), 4).is_err());
    }

    #[test]
    fn only_an_epoch_that_is_later_is_noted() {
        let noted = BTreeMap::from([(0, 3), (1, 4)]);
        let of = |epoch| Owned::part(Part::shard(1, 2, epoch).unwrap(), 2).unwrap();
        assert_eq!(of(5).to_note(&noted), (vec![1], vec![5]));
        assert_eq!(of(4).to_note(&noted), (vec![], vec![]));
        let other = Owned::part(Part::shard(0, 2, 4).unwrap(), 2).unwrap();
        let both = Owned::of([&of(5), &other, &of(3)]);
        assert_eq!(both.to_note(&noted), (vec![0, 1], vec![4, 5]));
    }
}
