//! Whether a session is admitted (D28): the rate of new sessions, and the quota of its group.
//!
//! Both are asked before anything is changed, and a start that is refused takes nothing of either.
//! A quota counts what `max_sessions` counts, and a parked session needs a place in its group as it
//! needs one of all. No other restart is asked.

use std::sync::Arc;

use super::Engine;
use super::line::Way;
use crate::engine::io::{Domain, RestartAnswer};
use crate::engine::moment::Moment;
use crate::engine::rejection::Rejection;

impl<D: Domain> Engine<D> {
    /// Why a new session is rejected, if it is. It takes nothing.
    pub(super) fn rejection(&mut self, now: Moment, spec: &D::Spec) -> Option<Rejection> {
        // The rate comes last. It says when a start would succeed, and nothing else that is known
        // now may be in the way of that.
        self.table.full_group(spec).or_else(|| {
            let starts = self.starts.as_mut()?;
            let retry_after = starts.wait(now)?;
            let rate = starts.rate();
            Some(Rejection::StartRate { rate, retry_after })
        })
    }

    /// A new session has been admitted. What becomes of its launch does not matter.
    pub(super) fn count_start(&mut self, now: Moment) {
        if let Some(starts) = &mut self.starts {
            starts.count(now);
        }
    }

    /// Why a parked session cannot have a place, if it cannot. Starts that nobody wants any more
    /// make way for it.
    pub(super) fn no_place(&mut self, now: Moment, slot: u32) -> Option<RestartAnswer<D>> {
        loop {
            let why = if self.is_full() {
                RestartAnswer::MaxSessions(self.settings.max_sessions)
            } else {
                let child = self.table.get(slot)?;
                RestartAnswer::Rejected(self.table.full_group(&child.life.spec)?)
            };
            if self.make_way(now) == Way::Barred {
                return Some(why);
            }
        }
    }

    /// How many sessions of a group take a place.
    #[must_use]
    pub fn count_group(&self, group: &str) -> usize {
        let groups = self.table.groups();
        groups.map_or(0, |groups| groups.count(group))
    }

    /// The groups that have such a session, in the order of their names and behind this one, with
    /// their counts.
    pub fn groups_after(&self, group: Option<&str>) -> impl Iterator<Item = (&Arc<str>, usize)> {
        let groups = self.table.groups().into_iter();
        groups.flat_map(move |groups| groups.after(group))
    }
}
