//! Who listens to which session. It outlives the sessions' incarnations, so that a crash costs no
//! client his place.
//!
//! Absent on purpose: waiting for a client. One who does not read what he is sent is let go.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;
use tokio::sync::mpsc::Sender;

/// A client's number.
pub(crate) type Number = u64;

/// What a client is to be sent, line by line.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    pub(crate) lines: Sender<Arc<str>>,
    /// Rung when it was full: he does not read, and is let go.
    pub(crate) full: Arc<Notify>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Rooms(Arc<Mutex<HashMap<String, BTreeMap<Number, Outbox>>>>);

impl Rooms {
    pub(crate) fn join(&self, id: &str, number: Number, outbox: Outbox) {
        let mut rooms = self.lock();
        rooms
            .entry(id.to_owned())
            .or_default()
            .insert(number, outbox);
    }

    pub(crate) fn leave(&self, id: &str, number: Number) {
        let mut rooms = self.lock();
        if let Some(room) = rooms.get_mut(id) {
            room.remove(&number);
            if room.is_empty() {
                rooms.remove(id);
            }
        }
    }

    pub(crate) fn clients(&self, id: &str) -> usize {
        self.lock().get(id).map_or(0, BTreeMap::len)
    }

    /// Sends a line to all who listen to a session. Who cannot take it loses his place and his
    /// connection.
    pub(crate) fn tell(&self, id: &str, line: &str) {
        let line: Arc<str> = line.into();
        if let Some(room) = self.lock().get_mut(id) {
            room.retain(|_, outbox| {
                let taken = outbox.lines.try_send(Arc::clone(&line)).is_ok();
                if !taken {
                    outbox.full.notify_one();
                }
                taken
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BTreeMap<Number, Outbox>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
