//! What a session is doing, and how many there are in each state.

use std::fmt;

use super::restart::ChildKind;

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum SessionState {
    /// Its first launch is under way.
    Starting,
    /// It runs.
    Running,
    /// It ended and is being started again, or waits for that.
    Restarting,
    /// It was told to end.
    Stopping,
    /// It used up its restart limit and was set aside.
    Parked,
    /// It was killed, and is stuck in code that never awaits.
    Stuck,
}

impl SessionState {
    /// Its name in one word, such as `"restarting"`. It does not change between versions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Parked => "parked",
            Self::Stuck => "stuck",
        }
    }
}

/// As [`as_str`](Self::as_str).
impl fmt::Display for SessionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether others can see the child.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shown {
    As(SessionState),
    Hidden,
}

impl Shown {
    /// Whether such a child takes a place (D9).
    pub(super) const fn takes_place(self) -> bool {
        match self {
            Self::As(SessionState::Parked) | Self::Hidden => false,
            Self::As(_) => true,
        }
    }

    /// A number of its own for each. They are compared in every step of a child.
    const fn number(self) -> u8 {
        match self {
            Self::As(state) => state as u8,
            Self::Hidden => u8::MAX,
        }
    }
}

impl PartialEq for Shown {
    fn eq(&self, other: &Self) -> bool {
        self.number() == other.number()
    }
}

impl Eq for Shown {}

/// How many sessions there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Counts {
    /// All that are known, parked ones too.
    pub specs: usize,
    /// Running ones.
    pub active: usize,
    /// Those of `specs` that are supervisors themselves.
    pub supervisors: usize,
    /// Those of `specs` that are plain sessions.
    pub workers: usize,
    /// In their first launch.
    pub starting: usize,
    /// Ended, and being started again.
    pub restarting: usize,
    /// Told to end.
    pub stopping: usize,
    /// Set aside.
    pub parked: usize,
    /// Killed, but still there.
    pub stuck: usize,
}

impl Counts {
    /// How many take a place of `max_sessions`.
    #[must_use]
    pub const fn places(&self) -> usize {
        self.specs - self.parked
    }

    fn of(&mut self, state: SessionState) -> &mut usize {
        match state {
            SessionState::Starting => &mut self.starting,
            SessionState::Running => &mut self.active,
            SessionState::Restarting => &mut self.restarting,
            SessionState::Stopping => &mut self.stopping,
            SessionState::Parked => &mut self.parked,
            SessionState::Stuck => &mut self.stuck,
        }
    }

    const fn of_kind(&mut self, kind: ChildKind) -> &mut usize {
        match kind {
            ChildKind::Worker => &mut self.workers,
            ChildKind::Supervisor => &mut self.supervisors,
        }
    }

    /// Counts one more; one without a state is known, and that is all.
    pub(super) fn count(&mut self, state: Option<SessionState>, kind: ChildKind) {
        if let Some(state) = state {
            *self.of(state) += 1;
        }
        self.specs += 1;
        *self.of_kind(kind) += 1;
    }

    pub(super) fn enter(&mut self, shown: Shown, kind: ChildKind) {
        if let Shown::As(state) = shown {
            self.count(Some(state), kind);
        }
    }

    pub(super) fn leave(&mut self, shown: Shown, kind: ChildKind) {
        if let Shown::As(state) = shown {
            *self.of(state) -= 1;
            self.specs -= 1;
            *self.of_kind(kind) -= 1;
        }
    }
}
