//! Who is asked to stop next while the group ends (D12).
//!
//! The children are asked from the last to the first, each when nothing of those after it is left.
//! Under a deadline each is asked at the latest when its share of the time has come: the time left at
//! the last request, divided among the children that were still to end. So no child is killed at the
//! deadline that was never asked to stop. A supervisor among them is told how long it may take, and shares that
//! out in the same way.

use super::child::{Phase, Then};
use super::settings::StopOrder;
use super::stopping::Cut;
use super::{Child, Group, Mode};
use crate::engine::child::Force;
use crate::engine::io::{Domain, Effect, Spec};
use crate::engine::moment::Moment;
use crate::engine::shutdown::Shutdown;

impl<D: Domain> Group<D> {
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
            match &child.phase {
                Phase::Running if has_turn => {
                    let asked = is_asked(child);
                    self.begin_stop(now, slot, Then::Rest);
                    if let Mode::Stopping(stop) = &mut self.mode
                        && asked
                    {
                        stop.asked = now;
                    }
                }
                Phase::Running => return,
                Phase::Leaving { .. } if has_turn => self.hurry(now, slot),
                _ => {}
            }
            later_ones_live = true;
        }
    }

    /// When the next child is asked at the latest; none: when those after it are gone.
    pub(super) fn next_request(&self) -> Option<Moment> {
        let Mode::Stopping(stop) = &self.mode else {
            return None;
        };
        let deadline = stop.deadline.filter(|_| stop.cut == Cut::Ahead)?;
        let running = |child: &&Child<D>| matches!(child.phase, Phase::Running);
        let mut waiting = self.children.iter().filter(running).peekable();
        waiting.peek()?;
        // One share is for the child that was asked last.
        let shares = waiting.filter(|child| is_asked(child)).count() + 1;
        let share = deadline.since(stop.asked) / u32::try_from(shares).unwrap_or(u32::MAX);
        Some(stop.asked.after(share))
    }

    /// Tells those who were asked to stop that less time is left than they were told.
    pub(super) fn tell_deadline(&mut self, now: Moment, deadline: Moment) {
        let asked = |child: &Child<D>| match child.phase {
            Phase::Stopping {
                force: Force::Asked(due),
                ..
            } if due.is_none_or(|due| deadline < due) => {
                child.current.as_ref().map(|current| current.life.clone())
            }
            _ => None,
        };
        let lives: Vec<_> = self.children.iter().filter_map(asked).collect();
        for life in lives {
            let within = deadline.since(now);
            self.effect(Effect::StopWithin { life, within });
        }
    }
}

/// Whether its rule has it asked before it is killed. One that is killed at once takes no time.
fn is_asked<D: Domain>(child: &Child<D>) -> bool {
    child.spec.policy().shutdown != Shutdown::BrutalKill
}
