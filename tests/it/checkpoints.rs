//! D29: what sessions and children save for their next incarnations.
//!
//! The sentences that begin a test are those of the documentation.

mod gone;
mod hostile;
mod over_ends;
mod races;
mod refused;
mod trees;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use session_supervisor::{Checkpoint, StartContext};

use crate::support::{Probe, Script};

/// A value that notes when it is dropped.
pub(crate) struct Saved {
    pub(crate) number: u32,
    probe: Probe,
}

impl Saved {
    pub(crate) fn new(number: u32, probe: &Probe) -> Self {
        let probe = probe.clone();
        Self { number, probe }
    }
}

impl Drop for Saved {
    fn drop(&mut self) {
        self.probe.note(format!("{} is dropped", self.number));
    }
}

impl fmt::Debug for Saved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)
    }
}

/// What one launch was given.
#[derive(Clone, Debug)]
struct Seen {
    handle: Checkpoint<Saved>,
    found: Option<u32>,
}

/// The checkpoints of all launches of one spec, in their order, and what each found there.
#[derive(Clone, Debug, Default)]
struct Handles(Arc<Mutex<Vec<Seen>>>);

impl Handles {
    fn all(&self) -> Vec<Seen> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    fn launches(&self) -> usize {
        self.all().len()
    }

    /// The checkpoint of the last launch.
    fn last(&self) -> Checkpoint<Saved> {
        self.all().pop().expect("a launch").handle
    }

    /// What the last launch found.
    fn found(&self) -> Option<u32> {
        self.all().pop().expect("a launch").found
    }

    fn see(&self, start: &StartContext) {
        let handle = start.checkpoint();
        let found = handle.get().expect("it is its own").map(number);
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(Seen { handle, found });
    }

    /// Sessions that ask for their checkpoint when they are launched.
    fn script(&self, probe: &Probe) -> Script {
        let handles = self.clone();
        probe.script().launch(move |start| {
            handles.see(&start);
            async { Ok(true) }
        })
    }
}

fn number(saved: Arc<Saved>) -> u32 {
    saved.number
}

/// What the values have noted.
fn dropped(probe: &Probe) -> Vec<String> {
    let mut notes = probe.notes();
    notes.retain(|note| note.ends_with("is dropped"));
    notes
}
