//! The slots of ids, found by the hashes of the ids; those of claims are found in the same way.
//!
//! An entry holds the hash and the slot, and not the id: the table, which has the id in the slot,
//! says whether it is the right one. So an entry takes 8 bytes, and growing hashes no id anew.
//!
//! There are 64 shards: growing one of a million entries would stall a single insert. The hashes
//! have random keys, since ids come from outside. They decide nothing but where an entry lies.
//!
//! Invariants of a shard, which has open addressing and linear probing:
//! 1. no vacant entry lies between the place that a hash asks for and the place where it is;
//! 2. at least a quarter of the entries is vacant, so every search ends.

use std::hash::{BuildHasher, Hasher, RandomState};

const SHARDS: usize = 64;

/// No slot.
const NONE: u32 = u32::MAX;

/// The entries of a shard that is not empty any more, at first.
const FEW: usize = 8;

#[derive(Debug)]
pub(super) struct Index {
    hasher: RandomState,
    shards: Vec<Shard>,
}

/// The place for the slot of an id that has none.
pub(super) struct Vacant<'a> {
    shard: &'a mut Shard,
    hash: u32,
}

impl Vacant<'_> {
    /// Answers the hash of the id, by which the slot can be [removed](Index::remove_hashed).
    pub(super) fn fill(self, slot: u32) -> u32 {
        self.shard.insert(self.hash, slot);
        self.hash
    }
}

impl Index {
    pub(super) fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
        }
    }

    /// The slot of an id. `is`: whether a slot is that of the id.
    pub(super) fn find(&self, id: &str, is: impl Fn(u32) -> bool) -> Option<u32> {
        let (shard, hash) = self.hash(id);
        self.shards[shard].find(hash, is)
    }

    /// The slot of an id, or else the place for it.
    #[inline]
    pub(super) fn find_place(
        &mut self,
        id: &str,
        is: impl Fn(u32) -> bool,
    ) -> Result<u32, Vacant<'_>> {
        let (shard, hash) = self.hash(id);
        let shard = &mut self.shards[shard];
        shard.find(hash, is).ok_or(Vacant { shard, hash })
    }

    /// The slot is one of an id that has none.
    pub(super) fn insert(&mut self, id: &str, slot: u32) {
        let (shard, hash) = self.hash(id);
        self.shards[shard].insert(hash, slot);
    }

    /// The slot is that of the id no more.
    pub(super) fn remove(&mut self, id: &str, slot: u32) {
        let (_, hash) = self.hash(id);
        self.remove_hashed(hash, slot);
    }

    /// The same, by the hash of the id.
    pub(super) fn remove_hashed(&mut self, hash: u32, slot: u32) {
        self.shards[shard_of(hash)].remove(hash, slot);
    }

    /// The shard of an id, and its hash.
    #[inline]
    fn hash(&self, id: &str) -> (usize, u32) {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(id.as_bytes());
        let hash = (hasher.finish() >> 32) as u32;
        (shard_of(hash), hash)
    }
}

/// The first bits of a hash say in which shard it is, and the last ones where it is there.
const fn shard_of(hash: u32) -> usize {
    (hash >> (u32::BITS - SHARDS.ilog2())) as usize
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    hash: u32,
    /// [`NONE`] if the entry is vacant.
    slot: u32,
}

const VACANT: Entry = Entry {
    hash: 0,
    slot: NONE,
};

#[derive(Debug, Default)]
struct Shard {
    /// None, or a power of two.
    entries: Vec<Entry>,
    len: usize,
}

impl Shard {
    /// The slot of this hash that `is` the one looked for.
    fn find(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<u32> {
        let place = self.place(hash, is)?;
        Some(self.entries[place].slot)
    }

    /// Adds a slot that it does not have.
    fn insert(&mut self, hash: u32, slot: u32) {
        if self.len >= self.entries.len() / 4 * 3 {
            self.grow();
        }
        self.len += 1;
        self.put(Entry { hash, slot });
    }

    fn remove(&mut self, hash: u32, slot: u32) {
        let Some(mut vacant) = self.place(hash, |found| found == slot) else {
            debug_assert!(false, "slot {slot} is not in its shard");
            return;
        };
        self.len -= 1;
        let mask = self.mask();
        let mut at = vacant;
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if entry.slot == NONE {
                break;
            }
            // It moves up unless that is before the place that its hash asks for.
            let from_wished = at.wrapping_sub(entry.hash as usize) & mask;
            if from_wished >= at.wrapping_sub(vacant) & mask {
                self.entries[vacant] = entry;
                vacant = at;
            }
        }
        self.entries[vacant] = VACANT;
    }

    fn place(&self, hash: u32, is: impl Fn(u32) -> bool) -> Option<usize> {
        if self.entries.is_empty() {
            return None;
        }
        let mask = self.mask();
        let mut at = hash as usize & mask;
        loop {
            let entry = self.entries[at];
            if entry.slot == NONE {
                return None;
            }
            if entry.hash == hash && is(entry.slot) {
                return Some(at);
            }
            at = (at + 1) & mask;
        }
    }

    /// Puts an entry into the first vacant place from the one that its hash asks for.
    fn put(&mut self, entry: Entry) {
        let mask = self.mask();
        let mut at = entry.hash as usize & mask;
        while self.entries[at].slot != NONE {
            at = (at + 1) & mask;
        }
        self.entries[at] = entry;
    }

    fn grow(&mut self) {
        let entries = vec![VACANT; (self.entries.len() * 2).max(FEW)];
        for entry in std::mem::replace(&mut self.entries, entries) {
            if entry.slot != NONE {
                self.put(entry);
            }
        }
    }

    const fn mask(&self) -> usize {
        self.entries.len().wrapping_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Shard;

    /// `hashes`: how many different ones there are. With few, most slots share theirs.
    fn is_a_map_of_slots(hashes: u32) {
        let mut shard = Shard::default();
        let mut model: BTreeMap<u32, u32> = BTreeMap::new();
        let mut random = 7_u64;
        let mut next = |below: u32| {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            u32::try_from((random >> 33) % u64::from(below)).expect("small")
        };
        for round in 0..100_000 {
            // It grows in the first half, and shrinks in the second.
            let slot = next(if round < 50_000 { 300 } else { 200 });
            match model.get(&slot).copied() {
                Some(hash) if next(2) == 0 => {
                    shard.remove(hash, slot);
                    model.remove(&slot);
                }
                Some(_) => {}
                None => {
                    let hash = next(hashes);
                    shard.insert(hash, slot);
                    model.insert(slot, hash);
                }
            }
            let slot = next(300);
            let hash = model.get(&slot).copied().unwrap_or_else(|| next(hashes));
            let found = shard.find(hash, |found| found == slot);
            assert_eq!(found.is_some(), model.contains_key(&slot));
            assert_eq!(shard.len, model.len());
        }
    }

    #[test]
    fn it_is_a_map_of_slots() {
        is_a_map_of_slots(u32::MAX);
    }

    #[test]
    fn slots_of_one_hash_are_told_apart() {
        is_a_map_of_slots(3);
    }
}
