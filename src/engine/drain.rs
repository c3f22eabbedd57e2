//! What a supervisor that drains is told, and what it tells: how far it is, and what became of each
//! session (D30). How it drains is decided in `dynamic::draining`.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use super::answers::Answer;
use super::exit::{Cause, Exit};
use super::report::ShutdownReport;

/// How many ends lie in one piece. A full piece is never moved or copied, so that no end takes
/// longer to keep than another.
const PIECE: usize = 1_024;

/// How a supervisor is to drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainOrder {
    /// The longest time it may take, apart from what sessions are granted.
    pub within: Duration,
    /// How many sessions may be asked and not gone; none: they are paced as in a stop.
    pub at_most: Option<NonZeroUsize>,
    /// How much more time a session may be granted, and all of them together.
    pub more: Duration,
}

impl DrainOrder {
    /// That of a parent whose rule has it drained: as many at a time as in a stop, and nobody is
    /// granted more time, since the parent has none to give.
    pub(crate) fn of_parent(within: Option<Duration>) -> Self {
        Self {
            within: within.unwrap_or(Duration::MAX),
            at_most: None,
            more: Duration::ZERO,
        }
    }
}

/// What became of a session of a supervisor that drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum DrainOutcome {
    /// It ended gracefully. A tree did also if a child of it had to be killed.
    Stopped,
    /// It ended with an error or a panic.
    Failed,
    /// It was killed: since its time was over, at the deadline, or by others.
    Killed,
    /// It was killed and is stuck in code that never awaits.
    Stuck,
    /// It was starting, restarting or parked.
    NotRunning,
}

impl From<&Exit> for DrainOutcome {
    fn from(exit: &Exit) -> Self {
        match exit {
            Exit::Normal { .. } | Exit::Shutdown => Self::Stopped,
            Exit::Failed { .. } => Self::Failed,
            Exit::Killed => Self::Killed,
            Exit::NotRunning => Self::NotRunning,
        }
    }
}

/// How far a supervisor is that drains. The first number is the sum of the others.
///
/// `waiting` never grows, and `ended` never shrinks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct DrainProgress {
    /// The sessions that were known when the drain began.
    pub sessions: usize,
    /// Those that run and have not been asked to end; at first all.
    pub waiting: usize,
    /// Those of which something is left: they were asked to end, or end by themselves.
    pub ending: usize,
    /// Those of which nothing is left. At the end of the drain the stuck ones as well.
    pub ended: usize,
}

impl fmt::Display for DrainProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            sessions,
            waiting,
            ending,
            ended,
        } = self;
        write!(
            f,
            "{ended} of {sessions} sessions have ended, {ending} are ending, {waiting} are waiting"
        )
    }
}

/// The end of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrainEnd {
    /// Its id.
    pub id: Arc<str>,
    /// What became of it.
    pub outcome: DrainOutcome,
    /// For how long the drain has waited for that.
    pub took: Duration,
}

/// The ends of sessions, in their order.
#[derive(Debug, Default)]
pub struct DrainEnds(Vec<Vec<DrainEnd>>);

impl DrainEnds {
    pub(super) fn push(&mut self, end: DrainEnd) {
        match self.0.last_mut() {
            Some(piece) if piece.len() < PIECE => piece.push(end),
            _ => {
                let mut piece = Vec::with_capacity(if self.0.is_empty() { 0 } else { PIECE });
                piece.push(end);
                self.0.push(piece);
            }
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        match self.0.split_last() {
            Some((last, full)) => full.len() * PIECE + last.len(),
            None => 0,
        }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &DrainEnd> {
        self.0.iter().flatten()
    }
}

/// What the caller of [`Input::Drain`](super::Input::Drain) is told.
#[derive(Clone, Debug)]
pub struct DrainAnswer {
    /// How many sessions, and children of sessions, ended how.
    pub report: ShutdownReport,
    /// What became of each session.
    pub ends: Arc<DrainEnds>,
}

impl DrainAnswer {
    /// How far the drain had come when it was over.
    #[must_use]
    pub fn progress(&self) -> DrainProgress {
        let sessions = self.ends.count();
        DrainProgress {
            sessions,
            waiting: 0,
            ending: 0,
            ended: sessions,
        }
    }
}

/// What the caller of [`Input::DrainProgress`](super::Input::DrainProgress) is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProgressAnswer {
    /// It has come this far.
    At(DrainProgress),
    /// The supervisor does not drain, or not any more.
    Over,
}

/// What the caller of [`Request::MoreTime`](super::Request::MoreTime) is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoreTimeAnswer {
    /// The session has this much time from now on.
    Has(Duration),
    /// No such session.
    NotFound,
    /// No drain has asked the session to end.
    NotDraining,
    /// The supervisor stops, and grants nothing.
    Down,
}

impl Answer for DrainAnswer {
    fn into_cause(self) -> Option<Cause> {
        None
    }
}

impl Answer for ProgressAnswer {
    fn into_cause(self) -> Option<Cause> {
        None
    }
}

impl Answer for MoreTimeAnswer {
    fn into_cause(self) -> Option<Cause> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{DrainEnd, DrainEnds, DrainOutcome, PIECE};

    #[test]
    fn all_ends_are_kept_in_their_order() {
        let mut ends = DrainEnds::default();
        for n in 0..2 * PIECE + 3 {
            assert_eq!(ends.count(), n);
            ends.push(DrainEnd {
                id: n.to_string().into(),
                outcome: DrainOutcome::Stopped,
                took: Duration::ZERO,
            });
        }
        let ids: Vec<_> = ends.iter().map(|end| end.id.parse()).collect();
        let all: Vec<_> = (0..2 * PIECE + 3).map(Ok).collect();
        assert_eq!(ids, all);
    }
}
