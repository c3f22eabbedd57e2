//! Who is asked to stop next while the group ends (D12).
//!
//! The children are asked from the last to the first, each when nothing of those after it is left.
//! Under a deadline each is asked at the latest when its share of the time has come: the time left
//! at the last request, divided among the children that were still to end. So no child is killed at
//! the deadline that was never asked to stop. A supervisor among them is told how long it may take,
//! and shares that out in the same way.

use super::child::Then;
use super::settings::StopOrder;
use super::{Child, Mode, OrderedEngine};
use crate::engine::io::Domain;
use crate::engine::lifecycle::State;
use crate::engine::moment::Moment;
use crate::engine::shutdown::Shutdown;

impl<D: Domain> OrderedEngine<D> {
    /// Stops those whose turn it is.
    pub(super) fn stop_next(&mut self, now: Moment) {
        let together = self.settings.stop_order == StopOrder::Together;
        let mut later_ones_live = false;
        for at in (0..self.children.len()).rev() {
            let Some(child) = self.children.get(at).filter(|child| child.alive()) else {
                continue;
            };
            let slot = child.slot;
            let has_turn =
                together || !later_ones_live || self.next_request().is_some_and(|due| due <= now);
            match child.life.state() {
                State::Running if has_turn => {
                    let asked = is_asked(child);
                    self.begin_stop(now, slot, Then::Rest);
                    if let Mode::Stopping(stop) = &mut self.mode
                        && asked
                    {
                        stop.asked = now;
                    }
                }
                State::Running => return,
                State::Ended { .. } if has_turn => self.hurry(now, slot),
                State::Down
                | State::Launching
                | State::Cancelled { .. }
                | State::Stopping { .. }
                | State::Killed { .. }
                | State::Ended { .. }
                | State::Stuck(_) => {}
            }
            later_ones_live = true;
        }
    }

    /// When the next child is asked at the latest; none: when those after it are gone.
    pub(super) fn next_request(&self) -> Option<Moment> {
        let Mode::Stopping(stop) = &self.mode else {
            return None;
        };
        let deadline = stop.deadline.ahead()?;
        let running = |child: &&Child<D>| child.life.state() == State::Running;
        let mut waiting = self.children.iter().filter(running).peekable();
        waiting.peek()?;
        // One share is for the child that was asked last.
        let shares = waiting.filter(|child| is_asked(child)).count() + 1;
        let share = deadline.since(stop.asked) / u32::try_from(shares).unwrap_or(u32::MAX);
        Some(stop.asked.after(share))
    }

    /// Tells those who were asked to stop that less time is left than they were told.
    pub(super) fn tell_deadline(&mut self, now: Moment, deadline: Moment) {
        let asked = |child: &&Child<D>| match child.life.state() {
            State::Stopping { until } => until.is_none_or(|until| deadline < until),
            State::Down
            | State::Launching
            | State::Cancelled { .. }
            | State::Running
            | State::Killed { .. }
            | State::Ended { .. }
            | State::Stuck(_) => false,
        };
        let asked = self.children.iter().filter(asked);
        for slot in asked.map(|child| child.slot).collect::<Vec<_>>() {
            let within = deadline.since(now);
            self.step(now, slot, |child, step| {
                child.life.stop_within(within, step);
            });
        }
    }
}

/// Whether its rule has it asked before it is killed. One that is killed at once takes no time.
fn is_asked<D: Domain>(child: &Child<D>) -> bool {
    child.life.policy().shutdown != Shutdown::BrutalKill
}
