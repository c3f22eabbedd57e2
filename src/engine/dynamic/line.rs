//! How many launches are under way at once (D23), and who waits for that in line: a restart before
//! a start, and else in the order of the requests.
//!
//! Time in line does not count against the start timeout, which begins with the launch. A launch
//! that was cancelled counts until it is gone or known to be stuck, so stuck ones hold up the line
//! for the kill bound at most.

use std::collections::BTreeMap;

use super::{Engine, STEP};
use crate::engine::child::{Origin, Plan};
use crate::engine::event::EventKind;
use crate::engine::exit::Exit;
use crate::engine::io::{Discard, Domain, LaunchCaller};
use crate::engine::moment::Moment;

/// Who waits, by rank and place. An entry goes as soon as its child leaves the line.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: BTreeMap<(Rank, u64), u32>,
    places: u64,
}

/// Who comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Restart,
    Start,
}

const fn rank(origin: Origin) -> Rank {
    match origin {
        Origin::First => Rank::Start,
        Origin::Restart | Origin::Manual | Origin::Resume | Origin::Trial => Rank::Restart,
    }
}

impl<D: Domain> Engine<D> {
    /// Launches a child, or has it wait in line. Nothing of an earlier launch may be left.
    pub(super) fn launch(
        &mut self,
        now: Moment,
        slot: u32,
        origin: Origin,
        caller: Option<LaunchCaller<D>>,
    ) {
        if self.line.waiting.is_empty() && self.table.launching() < self.settings.max_launches {
            self.share_launch(slot, origin);
            self.launch_now(now, slot, origin, caller);
            return;
        }
        self.line.places += 1;
        let place = self.line.places;
        self.line.waiting.insert((rank(origin), place), slot);
        self.set_timer(slot, None);
        let plan = Plan::InLine {
            origin,
            caller,
            place,
        };
        self.plan(slot, plan);
        let state = origin.shown();
        self.step_taken(slot, EventKind::Queued { state });
        self.share_launch(slot, origin);
    }

    /// Whether a launch can be made for somebody who waits.
    pub(super) fn has_room_in_line(&self) -> bool {
        !self.line.waiting.is_empty()
            && self.serving()
            && self.table.launching() < self.settings.max_launches
    }

    /// Makes the launches for which there is room now, a bounded number of them.
    pub(super) fn let_in(&mut self, now: Moment) {
        for _ in 0..STEP {
            if !self.has_room_in_line() {
                return;
            }
            let Some((_, slot)) = self.line.waiting.pop_first() else {
                return;
            };
            let Some(child) = self.table.get_mut(slot) else {
                continue;
            };
            let Plan::InLine { origin, caller, .. } = &mut child.plan else {
                debug_assert!(false, "it has left the line, and its entry has not");
                continue;
            };
            let (origin, caller) = (*origin, caller.take());
            self.drop_joined_that_are_gone(slot);
            // Nothing is launched for callers that have gone (D3). A restart goes on: its session
            // was running.
            let wanted = origin != Origin::First
                || self.has_joined(slot)
                || caller.as_ref().is_some_and(|caller| !caller.is_gone());
            if wanted {
                self.launch_now(now, slot, origin, caller);
                continue;
            }
            if let Some(caller) = caller {
                self.discard(Discard::Caller(caller.into()));
            }
            self.leave(now, slot, Exit::NotRunning);
        }
    }

    /// Takes a child out of the line. Answers who waited for its launch.
    pub(super) fn leave_line(&mut self, slot: u32) -> Option<LaunchCaller<D>> {
        let Plan::InLine {
            origin,
            caller,
            place,
        } = &mut self.table.get_mut(slot)?.plan
        else {
            return None;
        };
        let (key, caller) = ((rank(*origin), *place), caller.take());
        self.line.waiting.remove(&key);
        caller
    }
}
