//! Which shards a call is about, and under which epoch: what the server has to have noted for them.

use std::collections::BTreeMap;

use session_supervisor_store::{Decided, Part, StoreError};

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
                    let why = format!("shard {shard} has epoch {known}, this is of epoch {epoch}");
                    return Err(StoreError::Fenced(why.into()));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// The shards for which the server has an earlier epoch.
    pub(super) fn to_note(&self, noted: &BTreeMap<i32, i64>) -> Vec<i32> {
        let mut owned = self.0.iter();
        let later = owned
            .by_ref()
            .filter(|(shard, epoch)| noted.get(shard) < Some(epoch));
        later.map(|(shard, _)| *shard).collect()
    }

    /// The epoch of a part.
    pub(super) fn epoch(&self) -> i64 {
        self.0.values().next().copied().unwrap_or(0)
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

    use session_supervisor_store::{Change, Decided, Part, StoreError};

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
        assert!(matches!(later, Err(StoreError::Fenced(_))));
        let none = owned.check(&BTreeMap::new());
        assert!(matches!(none, Err(StoreError::Damaged(_))));
    }

    #[test]
    fn a_part_is_one_shard_or_all_of_them() {
        let one = Owned::part(Part::shard(2, 4, 9).unwrap(), 4).unwrap();
        assert_eq!((one.shards(), one.epoch()), (vec![2], 9));
        let all = Owned::part(Part::ALL, 4).unwrap();
        assert_eq!((all.shards(), all.epoch()), (vec![0, 1, 2, 3], 0));
        assert!(Owned::part(Part::shard(2, 8, 9).unwrap(), 4).is_err());
        assert!(Owned::part(Part::shard(2, 4, u64::MAX).unwrap(), 4).is_err());
    }

    #[test]
    fn only_an_epoch_that_is_later_is_noted() {
        let noted = BTreeMap::from([(0, 3), (1, 4)]);
        let of = |epoch| Owned::part(Part::shard(1, 2, epoch).unwrap(), 2).unwrap();
        assert_eq!(of(5).to_note(&noted), [1]);
        assert!(of(4).to_note(&noted).is_empty());
    }
}
