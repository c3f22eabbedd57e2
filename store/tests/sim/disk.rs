//! The disk of the simulation: the sessions on it, what a change makes of them, and what holds of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use session_supervisor_store::{
    Change, Decided, Entry, MemoryStore, Part, Record, SavedState, SessionStore,
};

use crate::SLOTS;

/// A session as it is on the disk, or as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) revision: u64,
    pub(crate) states: BTreeMap<Arc<str>, u64>,
    pub(crate) resting: bool,
}

/// What somebody was told is durable.
#[derive(Clone, Debug)]
pub(crate) enum Promise {
    /// This revision is remembered.
    There(u64),
    /// So is this value, or a later one.
    Saved(u64, Arc<str>, u64),
    /// This revision rests no more.
    Awake(u64),
    /// This revision is not, nor is one before it.
    Gone(u64),
}

impl Promise {
    /// Whether a session that is there, or none, holds it.
    pub(crate) fn holds(&self, found: Option<&Session>) -> bool {
        let of = |revision: &u64| found.filter(|found| found.revision == *revision);
        match self {
            Self::There(revision) => of(revision).is_some(),
            Self::Saved(revision, slot, value) => of(revision)
                .is_some_and(|found| found.states.get(slot).is_some_and(|found| found >= value)),
            Self::Awake(revision) => of(revision).is_some_and(|found| !found.resting),
            Self::Gone(revision) => found.is_none_or(|found| found.revision > *revision),
        }
    }
}

pub(crate) fn state(slot: &str, value: u64) -> SavedState {
    SavedState::new(slot, 0, value.to_be_bytes(), 0)
}

/// What a change makes of a session.
pub(crate) fn wanted(now: Option<&Session>, change: &Change) -> Option<Session> {
    let mut now = now.cloned();
    match change {
        Change::Remember(record) => {
            return Some(Session {
                revision: record.revision,
                states: BTreeMap::new(),
                resting: false,
            });
        }
        Change::Save {
            revision, state, ..
        } => {
            let value = u64::from_be_bytes((*state.bytes).try_into().expect("a value"));
            if let Some(now) = now.as_mut().filter(|now| now.revision == *revision) {
                now.states.insert(Arc::clone(&state.slot), value);
            }
        }
        Change::Rest { revision, .. } | Change::Wake { revision, .. } => {
            if let Some(now) = now.as_mut().filter(|now| now.revision == *revision) {
                now.resting = matches!(change, Change::Rest { .. });
            }
        }
        Change::Forget { revision, .. } => return now.filter(|now| now.revision > *revision),
        _ => return None,
    }
    now
}

pub(crate) fn sessions(disk: &MemoryStore) -> BTreeMap<String, Session> {
    let mut disk = disk.clone();
    let mut records = Vec::new();
    let loaded = disk.load(Part::ALL, &mut |entry| match entry {
        Entry::Record(record) => records.push(record),
        _ => panic!("it cannot be read"),
    });
    loaded.expect("in memory");
    let mut sessions = BTreeMap::new();
    for record in records {
        let mut states = BTreeMap::new();
        for slot in SLOTS {
            if let Some(state) = disk.state(&record.id, slot).expect("in memory") {
                let value = u64::from_be_bytes((*state.bytes).try_into().expect("a value"));
                states.insert(slot.into(), value);
            }
        }
        let session = Session {
            revision: record.revision,
            states,
            resting: record.resting,
        };
        sessions.insert(record.id.to_string(), session);
    }
    sessions
}

pub(crate) fn copy(from: &MemoryStore, to: &mut MemoryStore) {
    for (id, session) in sessions(from) {
        let (id, revision): (Arc<str>, _) = (id.into(), session.revision);
        let mut record = Record::new(Arc::clone(&id), "k", "{}", revision, 0);
        record.resting = session.resting;
        let mut changes: Vec<Decided> = vec![Change::Remember(record).into()];
        for (slot, value) in session.states {
            let (id, state) = (Arc::clone(&id), state(&slot, value));
            let save = Change::Save {
                id,
                revision,
                state,
            };
            changes.push(save.into());
        }
        to.apply(&changes).expect("in memory");
    }
}
