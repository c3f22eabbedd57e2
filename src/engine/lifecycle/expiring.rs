//! How a session is ended gently: it is told to handle what is in its mailbox and to take no more,
//! since it expires (D26) or its supervisor drains (D30). When that is due is decided in
//! `dynamic::expiry` and `dynamic::draining`.

use super::{Lifecycle, State, Step, StoppedBy, Timer};
use crate::engine::event::EventKind;
use crate::engine::expiry::Expiry;
use crate::engine::incarnation::Launch;
use crate::engine::io::{Domain, StopWay};
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
        self.end_gently(EventKind::Expired(expiry), step);
    }

    /// Tells one that runs to end, since its supervisor drains.
    pub(in crate::engine) fn drain(&mut self, step: &mut Step<'_, D>) {
        self.end_gently(EventKind::Stopping, step);
    }

    fn end_gently(&mut self, note: EventKind, step: &mut Step<'_, D>) {
        let state = self.state();
        match state {
            State::Running => {
                if let Some(current) = &mut self.current {
                    current.stopped_by = StoppedBy::Gently;
                }
                let rule = self.rule();
                self.tell_to_end_by(rule, StopWay::Drain, note, step);
            }
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Stopping { .. }
            | State::Killed { .. }
            | State::Ended { .. }
            | State::Stuck(_) => state.impossible("it is ended gently"),
        }
    }

    /// One that was asked to stop may take until then, if its rule does not leave it more time.
    pub(in crate::engine) fn give_time(&mut self, until: Moment, step: &mut Step<'_, D>) {
        let state = self.state();
        match state {
            State::Stopping {
                until: Some(by_rule),
            } => {
                let until = until.max(by_rule);
                self.set(State::Stopping { until: Some(until) });
                step.timer = Timer::At(until);
            }
            State::Stopping { until: None } => {}
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Running
            | State::Killed { .. }
            | State::Ended { .. }
            | State::Stuck(_) => state.impossible("it has more time"),
        }
    }

    /// In what way it stops.
    pub(super) fn way(&self) -> StopWay {
        match self.current.as_ref().map(|current| current.stopped_by) {
            Some(StoppedBy::Gently) => StopWay::Drain,
            Some(StoppedBy::Rule) | None => self.policy().shutdown.way(),
        }
    }

    /// The rule by which it stops.
    pub(super) fn rule(&self) -> Shutdown {
        let rule = self.policy().shutdown;
        match self.current.as_ref().map(|current| current.stopped_by) {
            Some(StoppedBy::Gently) => rule.gently(),
            Some(StoppedBy::Rule) | None => rule,
        }
    }
}
