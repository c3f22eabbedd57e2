//! A supervisor and what is below it, as a value. `survey` makes it, and `shown` makes text of it.

mod shown;

use std::sync::Arc;

use crate::engine::{ChildState, Counts, Exit, SessionState};

/// A supervisor and what was below it: [`RunningApplication::tree`](crate::RunningApplication::tree)
/// and the methods of that name of both supervisors.
///
/// Displayed, it is text with a line for each session and child:
///
/// ```text
/// app: supervisor, running, 2 children (2 running)
/// ├── sessions: session supervisor "chats", running, 2 sessions (1 running, 1 parked)
/// │   ├── alice "Alice and Bob": supervisor, running, 1 child (1 running)
/// │   │   └── agent: running, incarnation 2, 1 restart; last exit: failed: out of paper
/// │   └── bob: parked, incarnation 4, 3 restarts; last exit: killed
/// └── listener: running
/// ```
///
/// It is bounded: [`WIDEST`](Self::WIDEST), [`DEEPEST`](Self::DEEPEST) and [`MOST`](Self::MOST).
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Tree {
    /// How it is known to what is above it: a session's id, or a child's role. Of the supervisor
    /// that was asked, its name.
    pub name: Arc<str>,
    /// What it is to what is above it.
    pub place: TreePlace,
    /// What it is itself.
    pub kind: TreeKind,
    /// Its own name, if it is a supervisor.
    pub supervisor: Option<Arc<str>>,
    /// What people call it: [`ChildSpec::label`](crate::ChildSpec::label).
    pub label: Option<Arc<str>>,
    /// What it is doing.
    pub state: TreeState,
    /// The number of its present or last incarnation, from 1; 0 before its first start, and of the
    /// supervisor that was asked.
    pub incarnation: u64,
    /// How many restarts were decided since its first start.
    pub restarts: u64,
    /// How its last incarnation ended.
    pub last_exit: Option<Exit>,
    /// How many sessions or children it has, if it is a supervisor that has answered.
    pub counts: Option<Counts>,
    /// Its sessions, in the order of their first start, or its children, in the order of their
    /// starts: at most [`WIDEST`](Self::WIDEST).
    pub children: Vec<Tree>,
    /// How many more it has.
    pub more: usize,
    /// Why it is not known what is below it, if it is a supervisor.
    pub unseen: Option<Unseen>,
}

/// What something in a [`Tree`] is to what is above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum TreePlace {
    /// It is the supervisor that was asked.
    Top,
    /// A session.
    Session,
    /// A child of a static supervisor.
    Child,
}

/// What something in a [`Tree`] is itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum TreeKind {
    /// An actor or a task; or a supervisor that does not run.
    Actor,
    /// A static supervisor that runs.
    Supervisor,
    /// A session supervisor that runs.
    SessionSupervisor,
}

/// What something in a [`Tree`] is doing: the states of sessions and those of children.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum TreeState {
    /// It is being started for the first time, or its turn in that has not come.
    Starting,
    /// It runs.
    Running,
    /// It ended and is being started again, or waits for that.
    Restarting,
    /// It was told to end.
    Stopping,
    /// A child that does not run: it has ended, was stopped, or was never started.
    NotRunning,
    /// A session that used up its restart limit and was set aside.
    Parked,
    /// It was killed, and is stuck in code that never awaits.
    Stuck,
}

/// Why it is not known what is below a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Unseen {
    /// It has ended before it answered.
    Ended,
    /// It did not answer in time.
    NoAnswer,
    /// It was not asked: the tree is as deep or as large as it may be, or took too long.
    LeftOut,
}

impl Tree {
    /// How many sessions or children of one supervisor are shown; the others are counted.
    pub const WIDEST: usize = 100;

    /// How many levels are shown below the supervisor that was asked.
    pub const DEEPEST: usize = 32;

    /// How many sessions and children are shown in all.
    pub const MOST: usize = 10_000;
}

impl From<SessionState> for TreeState {
    fn from(state: SessionState) -> Self {
        match state {
            SessionState::Starting => Self::Starting,
            SessionState::Running => Self::Running,
            SessionState::Restarting => Self::Restarting,
            SessionState::Stopping => Self::Stopping,
            SessionState::Parked => Self::Parked,
            SessionState::Stuck => Self::Stuck,
        }
    }
}

impl From<ChildState> for TreeState {
    fn from(state: ChildState) -> Self {
        match state {
            ChildState::Starting => Self::Starting,
            ChildState::Running => Self::Running,
            ChildState::Restarting => Self::Restarting,
            ChildState::Stopping => Self::Stopping,
            ChildState::NotRunning => Self::NotRunning,
            ChildState::Stuck => Self::Stuck,
        }
    }
}
