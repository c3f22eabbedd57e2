//! Histories with callers that only want to know when a session runs, or when it is gone. They
//! change nothing, so the model and its verdicts are the same.

use crate::sessions::sim::Sim;
use crate::variant::{More, With};

pub(crate) type Watched = With<Watchers, Sim>;

#[derive(Debug)]
pub(crate) struct Watchers;

impl More<Sim> for Watchers {
    fn begin(sim: &mut Sim) {
        sim.watched = true;
    }
}
