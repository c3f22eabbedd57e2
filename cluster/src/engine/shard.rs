//! Shards: the parts into which ids are divided, each owned by one node at most.

use std::error::Error;
use std::fmt;

use serde::Serialize;
use session_supervisor_store::Part;

/// The version of the function from ids to shards. Nodes with another one divide ids otherwise, and
/// must not be in one cluster.
pub const HASH_VERSION: u32 = Part::HASH;

/// Into how many shards the ids are divided. All nodes of a cluster have the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shards(u32);

/// One shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Shard(u32);

/// Which claim of a shard it was: the revision at which etcd created the shard's key. A later owner
/// has a greater one, so a resource outside can refuse what an earlier owner still sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Epoch(u64);

/// A number of shards that there cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidShards {
    /// The number.
    pub count: u32,
}

impl fmt::Display for InvalidShards {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = Shards::MOST;
        write!(f, "{} shards: there must be 1 to {most}", self.count)
    }
}

impl Error for InvalidShards {}

impl Default for Shards {
    fn default() -> Self {
        Self(Self::DEFAULT)
    }
}

impl Shards {
    /// How many there are if nothing else is asked for.
    pub const DEFAULT: u32 = 512;
    /// How many there can be.
    pub const MOST: u32 = 4_096;

    /// A cluster with this number of shards.
    ///
    /// # Errors
    ///
    /// If it is none, or more than [`MOST`](Self::MOST).
    pub const fn new(count: u32) -> Result<Self, InvalidShards> {
        match count {
            1..=Self::MOST => Ok(Self(count)),
            _ => Err(InvalidShards { count }),
        }
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.0
    }

    /// The shard that an id is in.
    #[must_use]
    pub fn of(self, id: &str) -> Shard {
        Shard(Part::shard_of(id, self.0))
    }

    /// The shard of this number, if there is one.
    #[must_use]
    pub const fn get(self, index: u32) -> Option<Shard> {
        if index < self.0 {
            Some(Shard(index))
        } else {
            None
        }
    }

    /// All shards, from the first to the last.
    pub fn all(self) -> impl Iterator<Item = Shard> {
        (0..self.0).map(Shard)
    }
}

impl Shard {
    /// Its number, from 0.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.0
    }

    /// The same, for a table.
    pub(crate) const fn place(self) -> usize {
        // No shard has a number that does not fit: there are 4,096 at most.
        self.0 as usize
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Epoch {
    /// The epoch of a key that was created at this revision.
    #[must_use]
    pub const fn new(create_revision: u64) -> Self {
        Self(create_revision)
    }

    /// The revision.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidShards, Shards};

    #[test]
    fn an_id_stays_in_its_shard_for_ever() {
        // Never change these: running clusters have been divided so. They were computed with another
        // program as well.
        let vectors = [
            ("", [449, 641, 4_033]),
            ("a", [192, 864, 192]),
            ("alice", [444, 548, 956]),
            ("session-4711", [28, 900, 3_612]),
            ("tenant/7/chat/ünïcödé", [403, 651, 1_939]),
        ];
        let counts = [512, 1_000, 4_096].map(|count| Shards::new(count).unwrap());
        let found = vectors.map(|(id, _)| (id, counts.map(|shards| shards.of(id).index())));
        assert_eq!(found, vectors);
    }

    #[test]
    fn there_are_1_to_4096() {
        assert_eq!(Shards::new(0), Err(InvalidShards { count: 0 }));
        assert_eq!(Shards::new(4_097), Err(InvalidShards { count: 4_097 }));
        assert_eq!(Shards::new(1).unwrap().of("anything").index(), 0);
        assert_eq!(Shards::new(4_096).unwrap().all().count(), 4_096);
        assert_eq!(Shards::default().count(), 512);
        let error = Shards::new(0).unwrap_err().to_string();
        assert_eq!(error, "0 shards: there must be 1 to 4096");
    }

    #[test]
    fn ids_are_spread_evenly() {
        let shards = Shards::default();
        let mut counts = vec![0_u32; 512];
        for n in 0..512_000 {
            let id = format!("session-{n}");
            counts[shards.of(&id).index() as usize] += 1;
        }
        // 1,000 each, give or take six times the square root of it.
        assert!(counts.iter().all(|count| (810..=1_190).contains(count)));
    }
}
