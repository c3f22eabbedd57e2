//! What a node tells those who follow it: an event for each thing that has happened, and the snapshot
//! that the events change.
//!
//! All of it is plain data. What happened is described by the engine ([`EventKind`]).

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Serialize, Serializer};
use session_supervisor::Numbered;
pub use session_supervisor::{Lagged, TryNextError};

use crate::engine::{EventKind, Snapshot};
use crate::meter::Meter;

/// One thing that has happened to the cluster, as one node sees it. Its text is one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Its number: one more than that of the event before. A number is left out after a time without
    /// subscriptions. The first one is random, and below 2^52. It is a number of this node's feed, not of
    /// etcd.
    pub revision: u64,
    /// When this node learned of it: the time of the machine when the node was started, and the time
    /// that has passed since. So it never goes back.
    #[serde(serialize_with = "unix")]
    pub time: SystemTime,
    /// What happened.
    #[serde(rename = "event")]
    pub kind: EventKind,
}

/// A point in time, as a number of seconds since 1970.
fn unix<S: Serializer>(time: &SystemTime, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(match time.duration_since(UNIX_EPOCH) {
        Ok(since) => since.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    })
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl Numbered for Event {
    type Meter = Meter;

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn lose(meter: &Meter, lost: u64) {
        meter.lose_events(lost);
    }
}

impl Snapshot {
    /// Brings it up to date. An event that is in it already changes nothing.
    pub fn apply(&mut self, event: &Event) {
        if event.revision > self.revision {
            self.revision = event.revision;
            self.follow(&event.kind);
        }
    }
}
