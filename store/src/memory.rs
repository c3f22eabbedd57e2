//! A store without a disk: for tests, and as the shortest example of one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::part::Part;
use crate::record::{Change, Decided, Entry, Record, SavedState};
use crate::session_store::{SessionStore, StoreError};

/// A [`SessionStore`] in memory. Clones are the same store, so one outlives a supervisor, as a file
/// does; nothing outlives the process. Several owners may share one, each with a clone.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Stored>>,
}

#[derive(Debug, Default)]
struct Stored {
    sessions: Sessions,
    /// The shards that were loaded, with the greatest epoch of each.
    epochs: BTreeMap<u32, u64>,
}

type Sessions = BTreeMap<Arc<str>, Remembered>;

#[derive(Clone, Debug)]
struct Remembered {
    shard: Option<u32>,
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
        stored.check(part)?;
        if let Some(shard) = part.number() {
            stored.epochs.insert(shard, part.epoch());
        }
        let all = stored.sessions.values();
        let of = all.filter(|known| part.number().is_none() || known.shard == part.number());
        let entries: Vec<_> = of
            .map(|known| Entry::Record(known.record.clone()))
            .collect();
        drop(stored);
        entries.into_iter().for_each(found);
        Ok(())
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
            stored.check(decided.part)?;
        }
        for decided in changes {
            apply(&mut stored.sessions, decided);
        }
        Ok(())
    }
}

impl Stored {
    /// Nobody has the shard under a greater epoch.
    fn check(&self, part: Part) -> Result<(), StoreError> {
        let noted = part.number().and_then(|shard| self.epochs.get(&shard));
        match noted {
            Some(noted) if *noted > part.epoch() => Err(StoreError::Fenced(
                format!("epoch {noted} is noted, {part:?} is older").into(),
            )),
            _ => Ok(()),
        }
    }
}

fn apply(sessions: &mut Sessions, Decided { part, change }: &Decided) {
    let known = sessions
        .get_mut(change.id())
        .map(|known| (known.record.revision, known));
    match (change, known) {
        (Change::Remember(record), Some((known, _))) if known >= record.revision => {}
        (Change::Remember(record), _) => {
            let remembered = Remembered {
                shard: part.number(),
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
