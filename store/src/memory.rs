//! A store without a disk: for tests, and as the shortest example of one.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::record::{Change, Entry, Record, SavedState};
use crate::session_store::{SessionStore, StoreError};

/// A [`SessionStore`] in memory. Clones are the same store, so one outlives a supervisor, as a file
/// does; nothing outlives the process.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    sessions: Arc<Mutex<Sessions>>,
}

type Sessions = BTreeMap<Arc<str>, Remembered>;

#[derive(Clone, Debug)]
struct Remembered {
    record: Record,
    states: BTreeMap<Arc<str>, SavedState>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for MemoryStore {
    fn entries(&mut self, after: Option<&str>, most: usize) -> Result<Vec<Entry>, StoreError> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let sessions = self.lock();
        let entries = sessions.range::<str, _>((after, Bound::Unbounded));
        let entries = entries.map(|(_, remembered)| Entry::Record(remembered.record.clone()));
        Ok(entries.take(most).collect())
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        let sessions = self.lock();
        let remembered = sessions.get(id);
        Ok(remembered.map(|remembered| Entry::Record(remembered.record.clone())))
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        let sessions = self.lock();
        let state = sessions
            .get(id)
            .and_then(|remembered| remembered.states.get(slot));
        Ok(state.cloned())
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), StoreError> {
        let mut sessions = self.lock();
        for change in changes {
            apply(&mut sessions, change);
        }
        Ok(())
    }
}

fn apply(sessions: &mut Sessions, change: &Change) {
    let known = sessions
        .get_mut(change.id())
        .map(|known| (known.record.revision, known));
    match (change, known) {
        (Change::Remember(record), Some((known, _))) if known >= record.revision => {}
        (Change::Remember(record), _) => {
            let remembered = Remembered {
                record: record.clone(),
                states: BTreeMap::new(),
            };
            sessions.insert(Arc::clone(&record.id), remembered);
        }
        (
            Change::Save {
                revision, state, ..
            },
            Some((known, remembered)),
        ) if known == *revision => {
            remembered.record.used = remembered.record.used.max(state.saved);
            remembered
                .states
                .insert(Arc::clone(&state.slot), state.clone());
        }
        (Change::Forget { id, revision }, Some((known, _))) if known <= *revision => {
            sessions.remove(id);
        }
        (Change::Discard { id }, _) => {
            sessions.remove(id);
        }
        (Change::Save { .. } | Change::Forget { .. }, _) => {}
    }
}
