//! When the plan is to be made anew, by the node that is elected for it.
//!
//! A node sees changes of etcd late. The plan that it believes to stand may have been replaced already, also
//! by itself. So each plan that it sees is compared with what it would plan now.

/// What has come of one try to plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is known or it is not")]
pub enum Planned {
    /// There is a plan, of this node or of another one.
    Done,
    /// Nothing is known.
    Failed,
}

/// Who plans, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "these are all that there are")]
pub enum Planner {
    /// Nobody, or this node.
    Open,
    /// Another node.
    Other,
}

/// Whether this node is to plan. One try is under way at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Planning(State);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// Nothing has changed since the last try.
    #[default]
    Rest,
    /// Something has.
    Due,
    /// A try is under way.
    Busy,
    /// A try is under way, and something has changed since it began.
    BusyAndDue,
}

impl Planning {
    /// Something was seen that a plan depends on: a node, the planner, or a plan.
    pub const fn seen(&mut self) {
        self.0 = match self.0 {
            State::Rest | State::Due => State::Due,
            State::Busy | State::BusyAndDue => State::BusyAndDue,
        };
    }

    /// A try is over.
    pub const fn done(&mut self, planned: Planned) {
        self.0 = match (self.0, planned) {
            (State::Rest | State::Due, _) => self.0,
            (State::BusyAndDue, _) | (State::Busy, Planned::Failed) => State::Due,
            (State::Busy, Planned::Done) => State::Rest,
        };
    }

    /// Whether a try is to be made now. It is under way then.
    pub const fn begin(&mut self, planner: Planner) -> bool {
        match (self.0, planner) {
            (State::Due, Planner::Open) => {
                self.0 = State::Busy;
                true
            }
            (State::Due, Planner::Other) => {
                self.0 = State::Rest;
                false
            }
            (State::Rest | State::Busy | State::BusyAndDue, _) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Planned, Planner, Planning};

    #[test]
    fn one_try_is_made_for_all_that_was_seen_before_it() {
        let mut planning = Planning::default();
        assert!(!planning.begin(Planner::Open));
        planning.seen();
        planning.seen();
        assert!(planning.begin(Planner::Open));
        assert!(!planning.begin(Planner::Open));
        planning.done(Planned::Done);
        assert!(!planning.begin(Planner::Open));
    }

    #[test]
    fn what_is_seen_during_a_try_is_another_one() {
        let mut planning = Planning::default();
        planning.seen();
        assert!(planning.begin(Planner::Open));
        planning.seen();
        assert!(!planning.begin(Planner::Open));
        planning.done(Planned::Done);
        assert!(planning.begin(Planner::Open));
        planning.done(Planned::Failed);
        assert!(planning.begin(Planner::Open));
    }

    #[test]
    fn a_node_that_is_not_the_planner_plans_when_there_is_none() {
        let mut planning = Planning::default();
        planning.seen();
        assert!(!planning.begin(Planner::Other));
        assert!(!planning.begin(Planner::Open));
        planning.seen();
        assert!(planning.begin(Planner::Open));
    }

    /// A node is gone and back before the plan without it is seen: what stands then is taken for the plan
    /// before that, which is the right one.
    #[test]
    fn a_plan_of_its_own_that_is_seen_late_is_looked_at() {
        let (with, without) = ("with it", "without it");
        let mut planning = Planning::default();
        let (mut stands, mut seen) = (with, with);
        planning.seen();
        assert!(planning.begin(Planner::Open));
        let wanted = without;
        stands = if seen == wanted { stands } else { wanted };
        planning.seen();
        planning.done(Planned::Done);
        assert!(planning.begin(Planner::Open));
        let wanted = with;
        stands = if seen == wanted { stands } else { wanted };
        planning.done(Planned::Done);
        assert_eq!(stands, without);
        seen = stands;
        planning.seen();
        assert!(planning.begin(Planner::Open));
        stands = if seen == wanted { stands } else { wanted };
        assert_eq!(stands, with);
    }
}
