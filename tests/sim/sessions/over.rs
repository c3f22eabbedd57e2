//! Why each session is over (D39), as the model has it: the first reason that it was given.

use session_supervisor::engine::{EndReason, Failure, SessionState};

use crate::sessions::model::{Model, Origin, Outcome};
use crate::sessions::sim::Sim;
use crate::sessions::tickets::Kind;

impl Model {
    /// Time has gone on. If the supervisor stops, each session has been looked at, and only those that
    /// run wait for their turns.
    pub(crate) fn swept(&mut self) {
        if let Some(cause) = self.cause {
            for entry in self.entries.iter_mut().flatten() {
                if entry.shown != Some(SessionState::Running) {
                    entry.why.get_or_insert(EndReason::Supervisor(cause));
                }
            }
        }
    }

    /// Why one is over that has ended by itself, and if not, for the end of the supervisor.
    pub(crate) fn ends_itself(&self, itself: bool) -> EndReason {
        match self.cause {
            Some(cause) if !itself => EndReason::Supervisor(cause),
            _ => EndReason::Itself,
        }
    }

    /// Why the session of an id is over, or the last one, if there is none.
    pub(crate) fn why(&self, id: usize) -> EndReason {
        let why = match &self.entries[id] {
            Some(entry) => entry.why.or(self.cause.map(EndReason::Supervisor)),
            None => self.over[id],
        };
        why.expect("nothing has ended it")
    }
}

impl Sim {
    /// A launch that had been given up for its start timeout has succeeded in time.
    pub(super) fn runs_after_all(&mut self, id: usize) {
        let stop = self
            .tickets
            .waiting(|caller| caller.id == id && caller.kind == Kind::Stop);
        let entry = self.model.entry(id);
        if entry.why == Some(EndReason::NotStarted) {
            entry.why = stop.map(|_| EndReason::Requested);
        }
    }

    /// A run is asked to end. If no caller has asked for that, the supervisor does.
    pub(super) fn ends_with_the_supervisor(&mut self, id: usize) {
        if let Some(cause) = self.model.cause {
            let entry = self.model.entry(id);
            entry.why.get_or_insert(EndReason::Supervisor(cause));
        }
    }

    pub(super) fn start_failed(&mut self, index: usize, failure: &Failure) {
        let run = &self.world.runs[index];
        let (id, stuck, cancelled) = (run.id, run.stuck, run.cancelled.is_some());
        if stuck {
            return;
        }
        let ignored = matches!(failure, Failure::Ignored) && !cancelled;
        if ignored && self.model.entry(id).origin != Origin::First {
            let why = EndReason::NotStarted;
            self.model.forget(id, Outcome::NotRunning, why);
        } else {
            let now = self.world.now;
            self.model.launch_failed(now, id, Outcome::NotRunning);
        }
    }
}
