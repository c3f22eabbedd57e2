//! Histories with callers that only want to know when a session runs, or when it is gone. They
//! change nothing, so the model and its verdicts are the same.

use session_supervisor::engine::Request;

use crate::domain::Waiter;
use crate::sessions::history::Plays;
use crate::sessions::sim::Sim;
use crate::sessions::tickets::Kind;
use crate::variant::{More, With};

pub(crate) type Watched = With<Watchers, Sim>;

#[derive(Debug)]
pub(crate) struct Watchers;

impl More<Sim> for Watchers {
    fn begin(sim: &mut Sim) {
        sim.plays = Plays::Watched;
    }
}

impl Sim {
    /// A caller waits for a session, and changes nothing.
    pub(crate) fn watch(&mut self, id: usize, kind: Kind) {
        let ticket = self.ask(kind, id, None);
        let request = match kind {
            Kind::AwaitRunning => Request::AwaitRunning {
                ticket: Waiter(ticket),
            },
            _ => Request::AwaitGone {
                of: None,
                ticket: Waiter(ticket),
            },
        };
        self.ask_engine(id, request);
    }
}
