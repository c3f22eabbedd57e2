//! Which of the sessions of a store one owner has: all of them, or those of a shard.

/// What one owner of a store has, and under which epoch.
///
/// A program that has a store for itself has [all](Self::ALL). Where several owners share one, the ids are
/// divided into shards, and each shard has one owner at a time, under an epoch that is greater than that of
/// each owner before. Which id is in which shard is for the owners to say: a store keeps the number of the
/// shard with each session, and compares epochs.
///
/// ```
/// use session_supervisor_store::Part;
///
/// let part = Part::shard(347, 7);
/// assert_eq!((part.number(), part.epoch()), (Some(347), 7));
/// assert_eq!((Part::ALL.number(), Part::ALL.epoch()), (None, 0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    shard: Option<u32>,
    epoch: u64,
}

impl Part {
    /// All sessions, of an owner that is the only one.
    pub const ALL: Self = Self {
        shard: None,
        epoch: 0,
    };

    /// A shard, under this epoch.
    #[must_use]
    pub const fn shard(number: u32, epoch: u64) -> Self {
        Self {
            shard: Some(number),
            epoch,
        }
    }

    /// Which shard it is. None: all sessions.
    #[must_use]
    pub const fn number(&self) -> Option<u32> {
        self.shard
    }

    /// The epoch of its owner; 0 of the only one.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }
}
