//! The last exits of one session, for those who want to know how it has fared.

use std::collections::VecDeque;
use std::time::Duration;

use super::decision::Decision;
use super::event::EventKind;
use super::moment::Moment;
use super::repeats::Repeats;
use super::sums::Sums;

/// How many exits of a session are kept.
pub const KEPT_EXITS: usize = 8;

/// One exit of a session, or one restart that failed.
#[derive(Clone, Debug)]
pub struct Record {
    /// When.
    pub at: Moment,
    /// The incarnation that ended, or that could not be started.
    pub incarnation: u64,
    /// What happened.
    pub kind: EventKind,
}

impl Record {
    /// How long it ran; zero if it was not started.
    #[must_use]
    pub const fn uptime(&self) -> Duration {
        match self.kind {
            EventKind::Exited { uptime, .. } => uptime,
            _ => Duration::ZERO,
        }
    }
}

/// The last ones, and how many there were before.
#[derive(Debug)]
pub(super) struct Exits {
    /// Many sessions never have a second one.
    latest: Record,
    before: VecDeque<Record>,
    earlier: u64,
    /// How often it has crashed lately.
    pub(super) repeats: Repeats,
    /// How often the children of its tree have.
    pub(super) sums: Option<Sums>,
}

impl Exits {
    pub(super) fn new(first: Record) -> Self {
        Self {
            latest: first,
            before: VecDeque::new(),
            earlier: 0,
            repeats: Repeats::default(),
            sums: None,
        }
    }

    pub(super) fn add(&mut self, record: Record) {
        if self.before.len() == KEPT_EXITS - 1 {
            self.before.pop_front();
            self.earlier += 1;
        }
        self.before
            .push_back(std::mem::replace(&mut self.latest, record));
    }

    /// What follows the latest one was decided after it. An entry that has its decision keeps it.
    pub(super) const fn decided(&mut self, later: Decision) {
        debug_assert!(self.is_undecided(), "its decision was told");
        match &mut self.latest.kind {
            EventKind::Exited { decision, .. } | EventKind::RestartFailed { decision, .. }
                if matches!(decision, Decision::Undecided(_)) =>
            {
                *decision = later;
            }
            _ => {}
        }
    }

    /// Whether what follows the latest one is told by a later event.
    pub(super) const fn is_undecided(&self) -> bool {
        matches!(self.latest.kind.decision(), Some(Decision::Undecided(_)))
    }

    /// How many there were before those that are kept.
    pub(super) const fn earlier(&self) -> u64 {
        self.earlier
    }

    /// The oldest comes first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Record> {
        self.before.iter().chain([&self.latest])
    }
}

#[cfg(test)]
mod tests {
    use super::{Exits, KEPT_EXITS, Record};
    use crate::engine::{EventKind, Moment};

    #[test]
    fn the_last_eight_are_kept_and_the_others_are_counted() {
        let record = |incarnation| Record {
            at: Moment::START,
            incarnation,
            kind: EventKind::Stuck,
        };
        let mut exits = Exits::new(record(1));
        for incarnation in 2..=20 {
            exits.add(record(incarnation));
        }
        let kept: Vec<_> = exits.iter().map(|record| record.incarnation).collect();
        assert_eq!(kept, [13, 14, 15, 16, 17, 18, 19, 20]);
        assert_eq!(kept.len(), KEPT_EXITS);
        assert_eq!(exits.earlier, 12);
    }
}
