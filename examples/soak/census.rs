//! The shadow model's eyes inside the sessions: who lives, in which incarnation.
//!
//! A life is counted from the moment its start function runs until its state (or whatever it had got
//! to) is dropped. Absent on purpose: the supervisor's word for it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use crate::tally;
use crate::verdict::contradiction;

/// The ids of one supervisor.
#[derive(Debug)]
pub(crate) struct Census {
    entries: Box<[Arc<Entry>]>,
}

impl Census {
    pub(crate) fn new(ids: usize) -> Self {
        let entries = (0..ids).map(|n| Arc::new(Entry::new(format!("id-{n}"))));
        Self {
            entries: entries.collect(),
        }
    }

    pub(crate) fn entry(&self, n: usize) -> &Arc<Entry> {
        &self.entries[n]
    }

    pub(crate) fn entries(&self) -> &[Arc<Entry>] {
        &self.entries
    }

    /// Who is alive now.
    pub(crate) fn living(&self) -> Vec<&str> {
        let living = self.entries.iter().filter(|entry| entry.alive() > 0);
        living.map(|entry| entry.id.as_str()).collect()
    }

    /// How many lives there are now.
    pub(crate) fn alive(&self) -> usize {
        self.entries.iter().map(|entry| entry.alive()).sum()
    }
}

/// What is known of one id.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    alive: AtomicUsize,
    last: AtomicU64,
    /// The last incarnation that got through its `pre_start`.
    up: watch::Sender<u64>,
    /// What a blocked session waits for.
    pub(crate) gate: Gate,
}

impl Entry {
    fn new(id: String) -> Self {
        Self {
            id,
            alive: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            up: watch::Sender::new(0),
            gate: Gate::default(),
        }
    }

    pub(crate) fn alive(&self) -> usize {
        self.alive.load(Ordering::SeqCst)
    }

    /// Waits until this incarnation is up.
    pub(crate) async fn is_up(&self, incarnation: u64) {
        let mut up = self.up.subscribe();
        // The sender is in here, so it cannot be gone.
        drop(up.wait_for(|up| *up == incarnation).await);
    }
}

/// One life. Dropped, it is over.
#[derive(Debug)]
pub(crate) struct Alive {
    entry: Arc<Entry>,
    pub(crate) incarnation: u64,
}

impl Alive {
    pub(crate) fn begin(entry: Arc<Entry>, incarnation: u64) -> Self {
        let id = &entry.id;
        if entry.alive.fetch_add(1, Ordering::SeqCst) != 0 {
            contradiction(&format!("two lives of {id} at once ({incarnation})"));
        }
        let last = entry.last.swap(incarnation, Ordering::SeqCst);
        if incarnation != 1 && incarnation <= last {
            contradiction(&format!("{id}: incarnation {incarnation} after {last}"));
        }
        tally::ALIVE.fetch_add(1, Ordering::Relaxed);
        Self { entry, incarnation }
    }

    pub(crate) fn is_up(&self) {
        self.entry.up.send_replace(self.incarnation);
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.entry.gate
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        tally::ALIVE.fetch_sub(1, Ordering::Relaxed);
        self.entry.alive.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Holds up a thread until it is opened.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_open: Mutex<bool>,
    opened: Condvar,
    reached: Notify,
}

impl Gate {
    /// Waits until somebody stands before it.
    pub(crate) async fn is_reached(&self) {
        self.reached.notified().await;
    }

    pub(crate) fn open(&self) {
        *self.is_open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    pub(crate) fn pass(&self) {
        self.reached.notify_one();
        let is_open = self.is_open.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.opened.wait_while(is_open, |is_open| !*is_open));
    }
}
