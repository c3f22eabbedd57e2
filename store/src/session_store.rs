//! What keeps the records: the trait, and what can go wrong.

use std::error::Error;

use thiserror::Error;

use crate::record::{Change, Entry, SavedState};

/// Keeps what is remembered of sessions: [`SqliteStore`](crate::SqliteStore), [`MemoryStore`](crate::MemoryStore), or
/// one of the user's, such as a database that several machines reach.
///
/// It is called on a thread of its own, one call at a time, and may block. A call that panics is the
/// end of it: nothing is written any more, and whoever waits is told.
///
/// # What an implementation has to hold
///
/// [`contract`](crate::contract) is a suite of tests for it.
///
/// 1. [`apply`](Self::apply) is atomic: all changes of a call are made, in their order, or none. When
///    it returns `Ok`, they survive the end of the process and of the machine.
/// 2. A change that names a revision does what [`Change`] says, and is no error if it does nothing.
/// 3. Reading answers what was applied last. It changes nothing.
/// 4. What cannot be read is answered as [`Entry::Unreadable`] and kept, byte for byte, until a
///    [`Change::Discard`] of its id.
pub trait SessionStore: Send + 'static {
    /// The entries whose ids come after this one, in the order of their ids (by bytes), at most so
    /// many. Fewer are the last ones.
    ///
    /// # Errors
    ///
    /// As the store says.
    fn entries(&mut self, after: Option<&str>, most: usize) -> Result<Vec<Entry>, StoreError>;

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

    /// Makes all of these changes durable, or none of them.
    ///
    /// # Errors
    ///
    /// As the store says. The caller tries again what nobody waits for.
    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError>;
}

/// Why a store has not done what it was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no room.
    #[error("the disk of the store is full")]
    Full(#[source] Box<dyn Error + Send + Sync>),
    /// Others have it locked.
    #[error("the store is locked by another program")]
    Locked(#[source] Box<dyn Error + Send + Sync>),
    /// It cannot be written.
    #[error("the store is read-only")]
    ReadOnly(#[source] Box<dyn Error + Send + Sync>),
    /// What is stored is not what was written.
    #[error("the store is damaged")]
    Damaged(#[source] Box<dyn Error + Send + Sync>),
    /// Another process owns these sessions now: the store is shared. Nothing of the call was written, and
    /// what is of one id alone is not tried again.
    #[error("the store refuses an older owner")]
    Fenced(#[source] Box<dyn Error + Send + Sync>),
    /// Something else.
    #[error("the store failed")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}
