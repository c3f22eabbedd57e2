//! The keys of the cluster whose values cannot be read, as they were seen last.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engine::Shard;

use super::values::Unreadable;

/// A key whose value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnreadableKey {
    /// The key, as it is shown.
    pub(crate) key: Arc<str>,
    /// The shard whose owner it should name.
    pub(crate) shard: Option<Shard>,
    pub(crate) why: Unreadable,
}

/// By the bytes of the key.
type Keys = BTreeMap<Box<[u8]>, UnreadableKey>;

/// All of them.
#[derive(Debug, Default)]
pub(super) struct UnreadableKeys(Mutex<Keys>);

impl UnreadableKeys {
    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its value cannot be read.
    pub(super) fn insert(&self, key: &[u8], unreadable: UnreadableKey) {
        self.lock().insert(key.into(), unreadable);
    }

    /// Its value was read, or it is gone.
    pub(super) fn remove(&self, key: &[u8]) {
        self.lock().remove(key);
    }

    /// All that stands in etcd was read, and these are all that could not be.
    pub(super) fn replace(&self, all: Self) {
        *self.lock() = all.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    }

    pub(super) fn all(&self) -> Vec<UnreadableKey> {
        self.lock().values().cloned().collect()
    }
}
