//! A store without a disk: for tests, and as the shortest example of one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::part::{Part, Parts};
use crate::record::{Change, Decided, Entry, Record, SavedState};
use crate::session_store::{OlderEpoch, SessionStore, StoreError};

/// A [`SessionStore`] in memory. Clones are the same store, so one outlives a supervisor, as a file
/// does; nothing outlives the process. Several owners may share one, each with a clone.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Stored>>,
}

#[derive(Debug, Default)]
struct Stored {
    sessions: Sessions,
    /// The parts that were loaded, with their greatest epochs.
    owned: Vec<Part>,
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

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SessionStore for MemoryStore {
    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let mut stored = self.lock();
        stored.own(part)?;
        let records = stored.sessions.values().map(|known| &known.record);
        let of = records.filter(|record| part.has(&record.id));
        let entries: Vec<_> = of.cloned().map(Entry::Record).collect();
        drop(stored);
        entries.into_iter().for_each(found);
        Ok(())
    }

    /// All of them under one lock, which is its transaction.
    fn load_many(
        &mut self,
        parts: &[Part],
        found: &mut dyn FnMut(Entry),
    ) -> Result<Vec<(Part, StoreError)>, StoreError> {
        let mut stored = self.lock();
        let (mut taken, mut refused) = (<Parts>::default(), Vec::new());
        for part in parts {
            match stored.own(*part) {
                Ok(()) => taken.insert(*part, ()),
                Err(error) => refused.push((*part, error)),
            }
        }
        let records = stored.sessions.values().map(|known| &known.record);
        let of = records.filter(|record| taken.has(&record.id));
        let entries: Vec<_> = of.cloned().map(Entry::Record).collect();
        drop(stored);
        entries.into_iter().for_each(found);
        Ok(refused)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        let stored = self.lock();
        let remembered = stored.sessions.get(id);
        Ok(remembered.map(|remembered| Entry::Record(remembered.record.clone())))
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        let stored = self.lock();
        let remembered = stored.sessions.get(id);
        let state = remembered.and_then(|remembered| remembered.states.get(slot));
        Ok(state.cloned())
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        let mut stored = self.lock();
        for decided in changes {
            stored.is_owned(decided)?;
        }
        for decided in changes {
            apply(&mut stored.sessions, &decided.change);
        }
        Ok(())
    }
}

impl Stored {
    fn own(&mut self, part: Part) -> Result<(), StoreError> {
        let same =
            |known: &&mut Part| (known.number(), known.count()) == (part.number(), part.count());
        match self.owned.iter_mut().find(same) {
            Some(known) if known.epoch() > part.epoch() => {
                Err(older_epoch(part.epoch(), *known).into())
            }
            Some(known) => {
                *known = part;
                Ok(())
            }
            None => {
                self.owned.push(part);
                Ok(())
            }
        }
    }

    fn is_owned(&self, decided: &Decided) -> Result<(), StoreError> {
        let of = self
            .owned
            .iter()
            .filter(|part| part.has(decided.change.id()));
        match of.max_by_key(|part| part.epoch()) {
            Some(part) if part.epoch() > decided.epoch => {
                Err(older_epoch(decided.epoch, *part).into())
            }
            _ => Ok(()),
        }
    }
}

const fn older_epoch(epoch: u64, part: Part) -> OlderEpoch {
    OlderEpoch::new(part.number(), epoch, part.epoch())
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
        (Change::Rest { revision, .. }, Some((known, remembered))) if known == *revision => {
            remembered.record.resting = true;
        }
        (Change::Wake { revision, .. }, Some((known, remembered))) if known == *revision => {
            remembered.record.resting = false;
        }
        (Change::Forget { id, revision }, Some((known, _))) if known <= *revision => {
            sessions.remove(id);
        }
        (Change::Discard { id }, _) => {
            sessions.remove(id);
        }
        (
            Change::Save { .. } | Change::Rest { .. } | Change::Wake { .. } | Change::Forget { .. },
            _,
        ) => {}
    }
}
