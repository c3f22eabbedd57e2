//! What several files of trees need: children that note what they do, a session that is a tree, and
//! the questions that are asked again and again.
//!
//! A test waits for a note, a count, an answer or the end of an actor, never for time.

use std::sync::{Arc, Mutex};

use ractor::{ActorCell, ActorRef, ActorStatus};
use session_supervisor::{
    ChildSpec, ChildState, SessionSupervisor, StartContext, Supervisor, TreeSpec,
};

use crate::support::{Order, Probe, Remains, Script, Tie, Worker, answered, died, no_name_left};

/// Who a child is: its role, and before that the session's id if it has one.
pub(crate) fn label(start: &StartContext) -> String {
    match &start.role {
        Some(role) if **role != *start.key() => format!("{}/{role}", start.key()),
        _ => start.key().to_string(),
    }
}

/// A child that notes `+` in its `pre_start` and `-` in its `post_stop`, each with its [`label`].
pub(crate) fn noting(probe: &Probe) -> Script {
    let (up, down) = (probe.clone(), probe.clone());
    probe
        .script()
        .pre_start(move |start, _| {
            up.note(format!("+{}", label(&start)));
            async { Ok(()) }
        })
        .post_stop(move |start, _| {
            down.note(format!("-{}", label(&start)));
            async { Ok(()) }
        })
}

pub(crate) fn noted(probe: &Probe) -> ChildSpec<Worker> {
    noting(probe).spec()
}

/// The notes since the last look.
#[derive(Debug)]
pub(crate) struct Notes<'a>(&'a Probe, usize);

impl<'a> Notes<'a> {
    pub(crate) fn of(probe: &'a Probe) -> Self {
        let seen = probe.notes().len();
        Self(probe, seen)
    }

    pub(crate) fn fresh(&mut self) -> Vec<String> {
        let notes = self.0.notes().split_off(self.1);
        self.1 += notes.len();
        notes
    }
}

/// Three children that note what they do.
pub(crate) fn three(tree: TreeSpec, probe: &Probe) -> TreeSpec {
    tree.child("a", noted(probe))
        .child("b", noted(probe))
        .child("c", noted(probe))
}

/// A session that is such a tree.
pub(crate) fn session(probe: &Probe, tree: fn() -> TreeSpec) -> ChildSpec<Supervisor> {
    let probe = probe.clone();
    ChildSpec::tree(move |_| three(tree(), &probe))
}

/// Starts a supervisor without a parent, under a name of its own.
pub(crate) async fn start(tree: TreeSpec) -> Supervisor {
    answered("the start", Supervisor::start(tree.unique_name()))
        .await
        .expect("all children start")
}

/// The running child of a role.
pub(crate) fn child(tree: &Supervisor, role: &str) -> ActorRef<Order> {
    tree.find_child_as(role).expect("the child runs")
}

/// The running child of a session that is a tree.
pub(crate) fn child_of(sessions: &SessionSupervisor, id: &str, role: &str) -> ActorRef<Order> {
    sessions.find_child_as(id, role).expect("the child runs")
}

/// The children in one state, in their order.
pub(crate) async fn those(tree: &Supervisor, state: ChildState) -> Vec<String> {
    let children = tree.which_children().await.expect("the supervisor runs");
    let those = children.iter().filter(|child| child.state == state);
    those.map(|child| child.role.to_string()).collect()
}

/// All known children, in their order.
pub(crate) async fn roles(tree: &Supervisor) -> Vec<String> {
    let children = tree.which_children().await.expect("the supervisor runs");
    children
        .iter()
        .map(|child| child.role.to_string())
        .collect()
}

/// Keeps the cell of every actor that begins, to see that all have ended. While anything holds it
/// that could begin another, something [remains](Remains).
#[derive(Clone, Debug)]
pub(crate) struct Census {
    cells: Arc<Mutex<Vec<ActorCell>>>,
    tie: Tie,
}

impl Census {
    pub(crate) fn new() -> (Self, Remains) {
        let (tie, remains) = Tie::new();
        let cells = Arc::default();
        (Self { cells, tie }, remains)
    }

    pub(crate) fn enter(&self, cell: ActorCell) {
        self.cells.lock().expect("no panic").push(cell);
    }

    /// A child that enters itself, and notes as [`noting`] does.
    pub(crate) fn noting(&self, probe: &Probe) -> Script {
        let (census, up) = (self.clone(), probe.clone());
        noting(probe).pre_start(move |start, myself| {
            census.enter(myself.get_cell());
            up.note(format!("+{}", label(&start)));
            async { Ok(()) }
        })
    }

    /// Waits for the end of all who entered, and can still enter.
    pub(crate) async fn all_ended(self, remains: Remains) {
        let Self { cells, tie } = self;
        drop(tie);
        remains.gone().await;
        let cells = std::mem::take(&mut *cells.lock().expect("no panic"));
        for cell in cells {
            answered("the end of an actor", died(&cell)).await;
            assert_eq!(cell.get_status(), ActorStatus::Stopped);
        }
    }
}

/// Nothing of a supervisor is left: no spec, no launch, no state, no actor, no name.
pub(crate) async fn nothing_left(name: &str, probe: &Probe, census: Census, remains: Remains) {
    census.all_ended(remains).await;
    probe.until(|tally| tally.alive == 0).await;
    no_name_left(name).await;
}
