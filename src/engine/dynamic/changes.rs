//! How a session is changed: by a step of its lifecycle, or by another plan for it. The counts and its
//! timer follow both.

use super::{Engine, Mode};
use crate::engine::child::{Child, Plan};
use crate::engine::io::Domain;
use crate::engine::lifecycle::{Step, Supervisor, Timer};
use crate::engine::moment::Moment;

impl<D: Domain> Engine<D> {
    /// A step of the lifecycle of one session: the counts and its timer follow it.
    pub(super) fn step<T: Default>(
        &mut self,
        now: Moment,
        slot: u32,
        act: impl FnOnce(&mut Child<D>, &mut Step<'_, D>) -> T,
    ) -> T {
        let supervisor = self.as_supervisor();
        let mut step = Step::new(now, supervisor, self.last_end, &mut self.effects);
        step.meter = Some(&self.meter);
        step.listening = self.listening;
        let result = self.table.change(slot, |child| {
            let result = act(child, &mut step);
            if let Some(checkpoint) = step.checkpoint.take() {
                child.keep(checkpoint);
            }
            result
        });
        let timer = step.timer;
        self.follow_timer(slot, timer);
        result.unwrap_or_default()
    }

    /// What has become of the timer of a session in a step of it.
    pub(super) fn follow_timer(&mut self, slot: u32, timer: Timer) {
        match timer {
            Timer::Kept => {}
            Timer::Off => self.timers.set(slot, None),
            Timer::At(at) => self.timers.set(slot, Some(at)),
        }
    }

    /// The same for a step of one that runs or has ended: what it is shown as stays, and no launch
    /// begins or is over.
    pub(super) fn step_within<T: Default>(
        &mut self,
        now: Moment,
        slot: u32,
        act: impl FnOnce(&mut Child<D>, &mut Step<'_, D>) -> T,
    ) -> T {
        let supervisor = self.as_supervisor();
        let Some(child) = self.table.get_mut(slot) else {
            return T::default();
        };
        let before = (child.shown(), child.is_launching());
        let mut step = Step::new(now, supervisor, self.last_end, &mut self.effects);
        step.meter = Some(&self.meter);
        step.listening = self.listening;
        let result = act(child, &mut step);
        if let Some(checkpoint) = step.checkpoint.take() {
            child.keep(checkpoint);
        }
        debug_assert_eq!(before, (child.shown(), child.is_launching()));
        let timer = step.timer;
        self.follow_timer(slot, timer);
        result
    }

    /// What a step of a child knows of its supervisor.
    pub(super) fn as_supervisor(&self) -> Supervisor {
        match &self.mode {
            Mode::Serving => Supervisor::Serves,
            Mode::Stopping(_) | Mode::Ended => Supervisor::Stops {
                deadline: self.deadline(),
            },
        }
    }

    /// Changes what is to become of a session. Answers what was to become of it before.
    pub(super) fn plan(&mut self, slot: u32, plan: Plan<D>) -> Option<Plan<D>> {
        self.table.change(slot, |child| child.set_plan(plan))
    }
}
