//! Which of the ids of a store one owner has: all of them, or those of a shard.

use std::collections::HashMap;

/// The offset and the prime of FNV-1a in 64 bits.
const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// The ids that one owner has, and under which epoch it has them.
///
/// A program that has a store for itself has [all](Self::ALL). Where several share one, each has some of
/// the shards into which the ids are divided, each under an epoch that grows with each owner.
///
/// ```
/// use session_supervisor_store::Part;
///
/// let part = Part::shard(Part::shard_of("alice", 512), 512, 7).unwrap();
/// assert!(part.has("alice") && Part::ALL.has("alice"));
/// assert_eq!(Part::shard_of("alice", 512), 444);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    shard: u32,
    of: u32,
    epoch: u64,
}

impl Part {
    /// All ids, of an owner that is the only one: its epoch is 0.
    pub const ALL: Self = Self {
        shard: 0,
        of: 1,
        epoch: 0,
    };

    /// The version of [`shard_of`](Self::shard_of). Processes that share a store must have the same one.
    pub const HASH: u32 = 1;

    /// Shard number `shard` out of `of` shards. None: there is no such shard.
    #[must_use]
    pub const fn shard(shard: u32, of: u32, epoch: u64) -> Option<Self> {
        if shard < of {
            Some(Self { shard, of, epoch })
        } else {
            None
        }
    }

    /// The shard of an id, if there are `of` shards. It is 0 if `of` is 0.
    ///
    /// FNV-1a in 64 bits, its halves combined by exclusive or, modulo the number of shards.
    #[must_use]
    pub fn shard_of(id: &str, of: u32) -> u32 {
        let hash = fnv(id.as_bytes());
        let folded = (hash ^ (hash >> 32)) & u64::from(u32::MAX);
        let shard = folded.checked_rem(u64::from(of)).unwrap_or(0);
        u32::try_from(shard).unwrap_or(0)
    }

    /// Whether it has this id.
    #[must_use]
    pub fn has(&self, id: &str) -> bool {
        Self::shard_of(id, self.of) == self.shard
    }

    /// Which shard it is.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.shard
    }

    /// Of how many.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.of
    }

    /// The epoch of its owner.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }
}

/// A value for each of several parts. Finding the parts of an id does not walk over all parts.
#[derive(Clone, Debug)]
pub(crate) struct Parts<T = ()>(HashMap<u32, HashMap<u32, T>>);

impl<T> Default for Parts<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Parts<T> {
    pub(crate) fn insert(&mut self, part: Part, of_it: T) {
        self.0.entry(part.of).or_default().insert(part.shard, of_it);
    }

    pub(crate) fn get(&self, part: Part) -> Option<&T> {
        self.0.get(&part.of)?.get(&part.shard)
    }

    /// Whether one of them has this id.
    pub(crate) fn has(&self, id: &str) -> bool {
        let mut all = self.0.iter();
        all.any(|(of, shards)| shards.contains_key(&Part::shard_of(id, *of)))
    }

    /// What there is for the parts that have this id.
    pub(crate) fn of(&mut self, id: &str) -> impl Iterator<Item = &mut T> {
        let all = self.0.iter_mut();
        all.filter_map(|(of, shards)| shards.get_mut(&Part::shard_of(id, *of)))
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.values_mut().flat_map(HashMap::values_mut)
    }
}

impl<T> FromIterator<(Part, T)> for Parts<T> {
    fn from_iter<I: IntoIterator<Item = (Part, T)>>(parts: I) -> Self {
        let mut all = Self::default();
        for (part, of_it) in parts {
            all.insert(part, of_it);
        }
        all
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        parts.into_iter().map(|part| (part, ())).collect()
    }
}

/// FNV-1a.
pub(crate) fn fnv(bytes: &[u8]) -> u64 {
    let mix = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(PRIME);
    bytes.iter().fold(OFFSET, mix)
}
