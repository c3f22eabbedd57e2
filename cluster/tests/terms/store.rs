//! A store in memory that a test holds up, or lets fail.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use session_supervisor_store::{
    Decided, Entry, MemoryStore, Part, SavedState, SessionStore, StoreError,
};
use tokio::sync::watch;

/// What the calls of a store do. Clones are the same.
#[derive(Clone)]
pub(crate) struct Trouble(Arc<Shared>);

struct Shared {
    does: Mutex<Does>,
    changed: Condvar,
    /// How many calls were held up, and how many writes or loads failed.
    seen: watch::Sender<(u32, u32)>,
    /// What each call was to load.
    loads: Mutex<Vec<Vec<Part>>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Does {
    /// What it should.
    #[default]
    Well,
    /// What was loaded is handed over later.
    HoldLoads,
    /// This shard cannot be loaded.
    FailLoads(u32),
    /// No shard can be loaded, for this cause.
    FailAllLoads(&'static str),
    FailWrites,
    /// A write does not return.
    HoldWrites,
}

impl Trouble {
    pub(crate) fn none() -> Self {
        Self(Arc::new(Shared {
            does: Mutex::default(),
            changed: Condvar::new(),
            seen: watch::Sender::new((0, 0)),
            loads: Mutex::default(),
        }))
    }

    pub(crate) fn set(&self, does: Does) {
        *self.does() = does;
        self.0.changed.notify_all();
    }

    fn does(&self) -> MutexGuard<'_, Does> {
        self.0.does.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The parts of each call of the store that has loaded some.
    pub(crate) fn loads(&self) -> Vec<Vec<Part>> {
        let loads = self.0.loads.lock();
        loads.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until a load or a write is held up.
    pub(crate) async fn held(&self) {
        let mut seen = self.0.seen.subscribe();
        seen.wait_for(|(held, _)| *held > 0)
            .await
            .expect("it is there");
    }

    /// Waits until so many more writes or loads have failed.
    pub(crate) async fn failed(&self, more: u32) {
        let mut seen = self.0.seen.subscribe();
        let (_, before) = *seen.borrow_and_update();
        let failed = seen.wait_for(|(_, failed)| *failed >= before + more);
        failed.await.expect("it is there");
    }
}

/// The store of one node.
pub(crate) struct Store {
    pub(crate) store: MemoryStore,
    pub(crate) trouble: Trouble,
}

impl SessionStore for Store {
    fn load_many(
        &mut self,
        parts: &[Part],
        found: &mut dyn FnMut(Entry),
    ) -> Result<Vec<(Part, StoreError)>, StoreError> {
        let loads = self.trouble.0.loads.lock();
        loads
            .unwrap_or_else(PoisonError::into_inner)
            .push(parts.to_vec());
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

    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        match *self.trouble.does() {
            Does::FailLoads(shard) if shard == part.number() => {
                let seen = &self.trouble.0.seen;
                seen.send_modify(|(_, failed)| *failed += 1);
                return Err(StoreError::Failed("it is told to fail".into()));
            }
            Does::FailAllLoads(cause) => {
                let seen = &self.trouble.0.seen;
                seen.send_modify(|(_, failed)| *failed += 1);
                return Err(StoreError::Failed(cause.into()));
            }
            _ => {}
        }
        let mut entries = Vec::new();
        self.store.load(part, &mut |entry| entries.push(entry))?;
        let shared = &self.trouble.0;
        let mut does = self.trouble.does();
        if *does == Does::HoldLoads {
            shared.seen.send_modify(|(held, _)| *held += 1);
            while *does == Does::HoldLoads {
                let waited = shared.changed.wait(does);
                does = waited.unwrap_or_else(PoisonError::into_inner);
            }
        }
        drop(does);
        entries.into_iter().for_each(found);
        Ok(())
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        self.store.entry(id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        self.store.state(id, slot)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        if *self.trouble.does() == Does::FailWrites {
            self.trouble.0.seen.send_modify(|(_, failed)| *failed += 1);
            return Err(StoreError::Unreachable("it is told to fail".into()));
        }
        let shared = &self.trouble.0;
        let mut does = self.trouble.does();
        if *does == Does::HoldWrites {
            shared.seen.send_modify(|(held, _)| *held += 1);
            while *does == Does::HoldWrites {
                let waited = shared.changed.wait(does);
                does = waited.unwrap_or_else(PoisonError::into_inner);
            }
        }
        drop(does);
        self.store.apply(changes)
    }
}
