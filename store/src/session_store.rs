//! What keeps the records: the trait, and what can go wrong.

use std::error::Error;

use thiserror::Error;

use crate::part::Part;
use crate::record::{Decided, Entry, SavedState};

/// Keeps what is remembered of sessions. There are [`SqliteStore`](crate::SqliteStore) and
/// [`MemoryStore`](crate::MemoryStore); a program can have one of its own, such as a database that several
/// machines reach.
///
/// It is called on a thread of its own, one call at a time, and may block, also on a runtime of its own.
/// Callers that start, stop or save durably wait for it, so a store that asks a server over a network must
/// limit the time of each call. A call that panics ends the store: nothing is written any more, and all
/// callers that wait get an error.
///
/// # What an implementation has to hold
///
/// [`contract`](crate::contract) is a suite of tests for it.
///
/// 1. [`apply`](Self::apply) is atomic: all changes of a call are made, in their order, or none. When
///    it returns `Ok`, they survive the end of the process and of the machine. After an error they may
///    have been made, except after [`StoreError::Fenced`].
/// 2. A change that names a revision does what [`Change`](crate::Change) says, and is no error if it does
///    nothing.
/// 3. Reading answers what was applied last. It changes nothing.
/// 4. What cannot be read is answered as [`Entry::Unreadable`] and kept, byte for byte, until a
///    [`Change::Discard`](crate::Change::Discard) of its id.
///
/// One that several owners share holds these too; one that has a single owner passes over epochs:
///
/// 5. [`load`](Self::load) notes the epoch of the part in the transaction that reads it. It is
///    [`Fenced`](StoreError::Fenced) if a greater one is noted, and then reads nothing. The same holds for
///    each part of [`load_many`](Self::load_many): a part that is refused does not affect the others.
/// 6. [`apply`](Self::apply) is `Fenced` if a change was decided under a smaller epoch than is noted for
///    the part that has its id. It looks at that in the transaction that writes; a look before it keeps
///    nobody off. Then nothing of the call is made.
/// 7. The cause of `Fenced` is an [`OlderEpoch`], by which an operator sees that epochs went back.
/// 8. Epochs of two clusters cannot be compared. One that [`bind`](Self::bind)s notes the first cluster
///    that asks for it durably, and refuses all others, however many ask at once.
pub trait SessionStore: Send + 'static {
    /// Binds the store to the cluster whose nodes share it: a name that no other cluster has. It is asked
    /// before all else, by each node, and refused if another cluster has the store.
    ///
    /// By default a store does not bind, and accepts every cluster.
    ///
    /// # Errors
    ///
    /// [`StoreError::OtherCluster`], whose cause is an [`OtherCluster`]; else as the store says.
    fn bind(&mut self, cluster: &str) -> Result<(), StoreError> {
        let _ = cluster;
        Ok(())
    }

    /// Into how many shards the store divides the ids, if it has one number for all time. It is asked
    /// once, before anything is read: a cluster that divides the ids otherwise does not begin.
    ///
    /// By default `None`: the store takes [parts](Part) of any number.
    fn shards(&self) -> Option<u32> {
        None
    }

    /// Hands over the entries of a part, each once, in any order.
    ///
    /// # Errors
    ///
    /// As the store says. What was handed over before is not to be relied on.
    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError>;

    /// Hands over the entries of several parts, each once, in any order. Answers the parts that have a
    /// later owner, each with its [error](StoreError::older_epoch), of which nothing is handed over.
    ///
    /// It is [`load`](Self::load) of each of them, unless a store can do it at once: for one that asks
    /// others over a network that is a round trip in place of hundreds.
    ///
    /// # Errors
    ///
    /// As the store says. What was handed over before is not to be relied on, and some of the epochs may
    /// be noted.
    fn load_many(
        &mut self,
        parts: &[Part],
        found: &mut dyn FnMut(Entry),
    ) -> Result<Vec<(Part, StoreError)>, StoreError> {
        let mut refused = Vec::new();
        for part in parts {
            match self.load(*part, &mut *found) {
                Ok(()) => {}
                Err(error @ StoreError::Fenced(_)) => refused.push((*part, error)),
                Err(error) => return Err(error),
            }
        }
        Ok(refused)
    }

    /// The entry of an id.
    ///
    /// # Errors
    ///
    /// As the store says.
    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError>;

    /// What the session of an id has saved under a name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Damaged`] if it is there and cannot be read; else as the store says.
    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError>;

    /// What the sessions of several ids have saved under a name: hands over each with its place among the
    /// ids, in any order. What is damaged is not handed over; [`state`](Self::state) says why.
    ///
    /// It is [`state`](Self::state) of each of them, unless a store can do it at once: for one that asks
    /// others over a network that is a round trip in place of many. A restore asks for at most 64 ids at
    /// once, and reads one by one what this call has not handed over.
    ///
    /// # Errors
    ///
    /// As the store says. What was handed over before is as it was read.
    fn states(
        &mut self,
        ids: &[&str],
        slot: &str,
        found: &mut dyn FnMut(usize, Option<SavedState>),
    ) -> Result<(), StoreError> {
        for (place, id) in ids.iter().enumerate() {
            match self.state(id, slot) {
                Ok(state) => found(place, state),
                Err(StoreError::Damaged(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes all of these changes durable, or none of them.
    ///
    /// # Errors
    ///
    /// As the store says. The caller tries again those changes for which no caller waits, except after
    /// [`StoreError::Fenced`].
    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError>;
}

/// A store that is chosen while the program runs.
impl<S: SessionStore + ?Sized> SessionStore for Box<S> {
    fn bind(&mut self, cluster: &str) -> Result<(), StoreError> {
        (**self).bind(cluster)
    }

    fn shards(&self) -> Option<u32> {
        (**self).shards()
    }

    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        (**self).load(part, found)
    }

    fn load_many(
        &mut self,
        parts: &[Part],
        found: &mut dyn FnMut(Entry),
    ) -> Result<Vec<(Part, StoreError)>, StoreError> {
        (**self).load_many(parts, found)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        (**self).entry(id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        (**self).state(id, slot)
    }

    fn states(
        &mut self,
        ids: &[&str],
        slot: &str,
        found: &mut dyn FnMut(usize, Option<SavedState>),
    ) -> Result<(), StoreError> {
        (**self).states(ids, slot, found)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        (**self).apply(changes)
    }
}

/// Why a store has not done what it was asked.
///
/// The variant says whether other changes would fail too. If the disk is full, the file is locked, read-only
/// or gone, or the store cannot be reached or belongs to another cluster, all callers that wait get the error
/// at once. After any other failure the changes of each session are tried alone, so that one that cannot be
/// written does not delay the others.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no room.
    #[error("the disk of the store is full")]
    Full(#[source] Box<dyn Error + Send + Sync>),
    /// Others have it locked.
    #[error("the store is locked by another program")]
    Locked(#[source] Box<dyn Error + Send + Sync>),
    /// It is on another machine, and does not answer. What was asked may have been done.
    #[error("the store cannot be reached")]
    Unreachable(#[source] Box<dyn Error + Send + Sync>),
    /// It cannot be written.
    #[error("the store is read-only")]
    ReadOnly(#[source] Box<dyn Error + Send + Sync>),
    /// It was deleted, moved or replaced while it was open. A later process would not find what is written.
    #[error("the file of the store is not there any more")]
    Gone(#[source] Box<dyn Error + Send + Sync>),
    /// What is stored is not what was written.
    #[error("the store is damaged")]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
    /// A later owner has the part of the store that this is about. Nothing was done. The cause is an
    /// [`OlderEpoch`].
    #[error("the store refuses an older owner")]
    Fenced(#[source] Box<dyn Error + Send + Sync>),
    /// It is bound to another cluster. Nothing was done. The cause is an [`OtherCluster`].
    #[error("the store belongs to another cluster")]
    OtherCluster(#[source] Box<dyn Error + Send + Sync>),
    /// Something else.
    #[error("the store failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// Why a store refuses an owner: it has noted a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("shard {shard} has epoch {noted}, this is of epoch {epoch}")]
#[non_exhaustive]
pub struct OlderEpoch {
    /// The shard.
    pub shard: u32,
    /// The epoch of the owner that is refused.
    pub epoch: u64,
    /// The greatest epoch that is noted for the shard.
    pub noted: u64,
}

impl OlderEpoch {
    /// Of this shard, in this epoch, while that one is noted.
    #[must_use]
    pub const fn new(shard: u32, epoch: u64, noted: u64) -> Self {
        Self {
            shard,
            epoch,
            noted,
        }
    }
}

impl From<OlderEpoch> for StoreError {
    fn from(older: OlderEpoch) -> Self {
        Self::Fenced(Box::new(older))
    }
}

/// Why a store refuses a cluster: it is [bound](SessionStore::bind) to another one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("it is bound to {theirs}, and this is {ours}: each cluster needs a store of its own")]
#[non_exhaustive]
pub struct OtherCluster {
    /// The cluster that is refused.
    pub ours: String,
    /// The cluster that has the store.
    pub theirs: String,
}

impl OtherCluster {
    /// This cluster is refused, since that one has the store.
    #[must_use]
    pub fn new(ours: impl Into<String>, theirs: impl Into<String>) -> Self {
        let (ours, theirs) = (ours.into(), theirs.into());
        Self { ours, theirs }
    }
}

impl From<OtherCluster> for StoreError {
    fn from(other: OtherCluster) -> Self {
        Self::OtherCluster(Box::new(other))
    }
}

impl StoreError {
    /// Which epochs it is about, if it is [`Fenced`](Self::Fenced).
    #[must_use]
    pub fn older_epoch(&self) -> Option<OlderEpoch> {
        match self {
            Self::Fenced(cause) => cause.downcast_ref().copied(),
            _ => None,
        }
    }
}
