//! How many launches are under way at once (D23), and who waits for that in line: a restart before
//! a start, and else in the order of the requests.
//!
//! Time in line does not count against the start timeout, which begins with the launch. A launch
//! that was cancelled counts until it is gone or known to be stuck, so stuck ones hold up the line
//! for the kill bound at most.

use std::collections::BTreeMap;

use super::{Engine, STEP};
use crate::engine::child::{Origin, Plan};
use crate::engine::end::Over;
use crate::engine::event::EventKind;
use crate::engine::exit::Exit;
use crate::engine::io::{Discard, Domain, LaunchCaller};
use crate::engine::moment::Moment;
use crate::engine::waiters::Waits;

/// Who waits, by rank and place. An entry goes as soon as its child leaves the line.
#[derive(Debug, Default)]
pub(super) struct Line {
    waiting: BTreeMap<(Rank, u64), u32>,
    places: u64,
    /// At how many of them one may look in this step, to see whether anybody wants them.
    looks: usize,
    /// The place at which that is gone on with.
    next_look: u64,
}

impl Line {
    pub(super) const fn begin_step(&mut self) {
        self.looks = STEP;
    }

    /// The next starts to look at, and where to go on after them. Each is looked at once.
    fn starts_to_look_at(&self) -> (Vec<u32>, u64) {
        let (first, next) = ((Rank::Start, 0), (Rank::Start, self.next_look));
        let behind = self.waiting.range(next..);
        let before = self.waiting.range(first.min(next)..next);
        let looked: Vec<_> = behind.chain(before).take(self.looks).collect();
        let last = looked.last().map_or(0, |((_, place), _)| place + 1);
        (looked.into_iter().map(|(_, slot)| *slot).collect(), last)
    }
}

/// Whether what was in the way of a start is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// Something was withdrawn: one may look again.
    Made,
    Barred,
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
        if self.may_launch() {
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

    /// Whether a launch can be made without a place in line.
    pub(super) fn may_launch(&self) -> bool {
        self.line.waiting.is_empty() && self.table.launching() < self.settings.max_launches
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
            self.give_up_start(now, slot, caller);
        }
    }

    /// A start that waited in line is wanted by nobody any more.
    fn give_up_start(&mut self, now: Moment, slot: u32, caller: Option<LaunchCaller<D>>) {
        if let Some(caller) = caller {
            self.discard(Discard::Caller(caller.into()));
        }
        self.leave(now, slot, Exit::NotRunning, Over::NotStarted);
    }

    /// Withdraws starts that wait in line and that nobody wants any more: their places are free
    /// then. A bounded number is looked at in one step; the next one goes on behind them.
    pub(super) fn make_way(&mut self, now: Moment) -> Way {
        let (starts, next) = self.line.starts_to_look_at();
        if !starts.is_empty() {
            self.line.looks -= starts.len();
            self.line.next_look = next;
        }
        let unwanted: Vec<_> = starts
            .into_iter()
            .filter(|slot| !self.is_wanted(*slot))
            .collect();
        self.withdraw_starts(now, &unwanted)
    }

    /// The same of the one with this id.
    pub(super) fn make_way_of(&mut self, now: Moment, id: &str) -> Way {
        match self.table.find(id) {
            Some(slot) if self.line.looks > 0 && !self.is_wanted(slot) => {
                self.line.looks -= 1;
                self.withdraw_starts(now, &[slot])
            }
            _ => Way::Barred,
        }
    }

    fn withdraw_starts(&mut self, now: Moment, unwanted: &[u32]) -> Way {
        // A start that waits for one of their ids is decided meanwhile. Nothing makes way for that,
        // or they could be nested without end.
        let looks = std::mem::take(&mut self.line.looks);
        for &slot in unwanted {
            let caller = self.leave_line(slot);
            self.drop_joined_that_are_gone(slot);
            self.give_up_start(now, slot, caller);
        }
        self.line.looks = looks;
        if unwanted.is_empty() {
            Way::Barred
        } else {
            Way::Made
        }
    }

    /// Whether it is anything but a start in line whose callers have all gone away.
    fn is_wanted(&self, slot: u32) -> bool {
        let Some(child) = self.table.get(slot) else {
            return true;
        };
        let Plan::InLine {
            origin: Origin::First,
            caller,
            ..
        } = &child.plan
        else {
            return true;
        };
        let joined = child
            .waiting
            .iter()
            .flat_map(|waiting| waiting.joined.iter());
        caller.as_ref().is_some_and(|caller| !caller.is_gone())
            || joined.into_iter().any(|caller| !caller.is_gone())
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
