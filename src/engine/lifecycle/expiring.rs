//! How a session that runs is ended without being asked, and without a fault: it is told to handle
//! what is in its mailbox and to take no more (D26). When that is due is decided in
//! `dynamic::expiry`.

use super::{Lifecycle, State, Step, StoppedBy};
use crate::engine::expiry::Expiry;
use crate::engine::incarnation::Launch;
use crate::engine::io::{Domain, Note, StopWay};
use crate::engine::moment::Moment;
use crate::engine::shutdown::Shutdown;

impl<D: Domain> Lifecycle<D> {
    /// The present launch, and since when it has run, if it runs.
    pub(in crate::engine) fn run(&self) -> Option<(Launch, Moment)> {
        let current = self.current.as_ref()?;
        (current.state == State::Running).then_some((current.launch, current.started))
    }

    /// Tells one that runs to end, since it is idle or has lived for as long as it may.
    pub(in crate::engine) fn expire(&mut self, expiry: Expiry, step: &mut Step<'_, D>) {
        let state = self.state();
        match state {
            State::Running => {
                if let Some(current) = &mut self.current {
                    current.stopped_by = StoppedBy::Expiry;
                }
                let rule = self.rule();
                self.tell_to_end_by(rule, StopWay::Drain, Note::Expired(expiry), step);
            }
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Ended { .. }
            | State::Stuck(_) => state.impossible("it expires"),
        }
    }

    /// The rule by which it stops.
    pub(super) fn rule(&self) -> Shutdown {
        let rule = self.policy().shutdown;
        match self.current.as_ref().map(|current| current.stopped_by) {
            Some(StoppedBy::Expiry) => rule.gently(),
            Some(StoppedBy::Rule) | None => rule,
        }
    }
}
