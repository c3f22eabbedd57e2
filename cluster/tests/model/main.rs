//! The hand-over of a shard, looked at from every order of its steps.
//!
//! The nodes of the model are the engine itself. A message stays under way until it is delivered, which may
//! be never, or twice; an answer may be given up before it comes. Each row is looked at exhaustively, up to
//! its number of what goes wrong, and up to its end in time.
//!
//! ```sh
//! cargo test --release -p session-supervisor-cluster --test model -- --nocapture
//! MODEL=large cargo test --release -p session-supervisor-cluster --test model -- --nocapture
//! ```

mod actions;
mod state;

use stateright::{Checker, Model, Property};

use state::{Budget, State};

/// What can happen in one row.
#[derive(Clone, Debug)]
struct Row {
    name: &'static str,
    nodes: usize,
    shards: u32,
    /// How much of each kind goes wrong.
    budget: Budget,
    /// Until when it is looked at, in seconds.
    until: u64,
    start: Start,
}

/// How a row begins.
#[derive(Clone, Copy, Debug)]
enum Start {
    /// All nodes have leases, and none has heard of the plan.
    Leases,
    /// The first node owns all shards.
    Owned,
}

impl Model for Row {
    type State = State;
    type Action = actions::Action;

    fn init_states(&self) -> Vec<State> {
        let mut state = State::new(self.nodes, self.shards, self.budget);
        match self.start {
            Start::Leases => {}
            Start::Owned => state.let_the_first_own_all(),
        }
        vec![state]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Self::Action>) {
        state.actions(self.until * 1_000, actions);
    }

    fn next_state(&self, state: &State, action: Self::Action) -> Option<State> {
        let mut next = state.clone();
        next.act(action);
        next.note_owners();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(
                "one owner, and everything in its order",
                |_, state: &State| state.wrong.is_none(),
            ),
            Property::sometimes("it is handed over", |_, state: &State| {
                state.served_by_two()
            }),
        ];
        if self.budget.pauses > 0 || self.budget.crashes > 0 {
            let taken = |_: &Self, state: &State| state.served_by_two() && state.expired;
            properties.push(Property::sometimes("it is taken over", taken));
        }
        properties
    }
}

fn check(row: Row) {
    let name = row.name;
    let checker = row.checker().threads(2).spawn_bfs().join();
    println!(
        "{name}: {} states, {} of them different, to a depth of {}",
        checker.state_count(),
        checker.unique_state_count(),
        checker.max_depth()
    );
    checker.assert_properties();
}

fn large() -> bool {
    std::env::var("MODEL").is_ok_and(|size| size == "large")
}

const fn row(name: &'static str, budget: Budget) -> Row {
    Row {
        name,
        nodes: 2,
        shards: 1,
        budget,
        until: 3,
        start: Start::Leases,
    }
}

#[test]
fn a_plan_changes_while_answers_are_lost_and_doubled() {
    let more = u8::from(large());
    let budget = Budget {
        plans: 1 + more,
        unknown: 1,
        doubles: more,
        ..Budget::NONE
    };
    check(row("plans and lost answers", budget));
    let budget = Budget {
        plans: 1 + more,
        doubles: 1,
        ..Budget::NONE
    };
    check(row("plans and doubled requests", budget));
}

#[test]
fn a_plan_changes_while_snapshots_are_late() {
    let more = u8::from(large());
    let budget = Budget {
        plans: 2,
        unknown: more,
        snapshots: 1,
        ..Budget::NONE
    };
    check(row("snapshots", budget));
}

#[test]
fn a_node_is_paused_past_its_lease() {
    let more = u8::from(large());
    let budget = Budget {
        plans: 1,
        unknown: more,
        pauses: 1,
        renewals: 1,
        ..Budget::NONE
    };
    let paused = Row {
        until: 13 + 12 * u64::from(more),
        start: Start::Owned,
        ..row("pauses", budget)
    };
    check(paused);
}

#[test]
fn a_node_is_killed() {
    let more = u8::from(large());
    let budget = Budget {
        plans: 1,
        unknown: more,
        crashes: 1,
        renewals: 1,
        ..Budget::NONE
    };
    let killed = Row {
        until: 13,
        start: Start::Owned,
        ..row("crashes", budget)
    };
    check(killed);
}

#[test]
fn a_node_leaves() {
    let budget = Budget {
        plans: 1,
        unknown: 1,
        leaves: 1,
        ..Budget::NONE
    };
    check(row("leaves", budget));
}

#[test]
fn two_shards_move_and_three_nodes_take_turns() {
    let budget = Budget {
        plans: 1,
        ..Budget::NONE
    };
    let three = Row {
        nodes: 3,
        until: 1,
        ..row("three nodes", budget)
    };
    check(three);
    // From where they are owned on, unless all is to be looked at.
    let start = match large() {
        true => Start::Leases,
        false => Start::Owned,
    };
    let two = Row {
        shards: 2,
        until: 1,
        start,
        ..row("two shards", budget)
    };
    check(two);
}
