//! The end of each input and of each timer: whether a stop or a drain of the supervisor is over.

use super::stopping::Stage;
use super::{Engine, Mode};
use crate::engine::io::{Domain, Effect};
use crate::engine::moment::Moment;

impl<D: Domain> Engine<D> {
    /// Ends when every child is gone or stuck, and all who waited for one are answered. Else those are told who follow a drain.
    pub(super) fn wind_up(&mut self, now: Moment) {
        self.finish_if_gone(now);
        self.tell_progress();
    }

    fn finish_if_gone(&mut self, now: Moment) {
        let stuck = self.table.counts().stuck;
        if self.table.len() > stuck || self.is_telling() {
            return;
        }
        match &self.mode {
            // The sweep may find that what looks stuck is gone.
            Mode::Stopping(stop) if stuck > 0 && matches!(stop.stage, Stage::Sweep(_)) => return,
            Mode::Stopping(_) => {}
            Mode::Serving | Mode::Ended => return,
        }
        let Mode::Stopping(mut stop) = std::mem::replace(&mut self.mode, Mode::Ended) else {
            return;
        };
        self.close_stage(std::mem::replace(&mut stop.stage, Stage::Wait));
        if let Some(drain) = stop.drain.take() {
            self.finish_drain(now, *drain);
        }
        stop.report.stuck += stuck;
        stop.report.took = now.since(stop.began);
        self.effect(Effect::Finished {
            report: stop.report,
            tickets: stop.tickets.into_iter().collect(),
        });
    }
}
