//! How far this process has seen etcd to be, which only grows.
//!
//! An etcd that was restored from a backup, or put in the place of another one, begins at an earlier
//! revision. Its epochs would go back then, and what it says of owners contradicts what nodes act upon. So
//! each answer that etcd orders after its request is compared with what was seen before that was sent.

use std::sync::{Mutex, MutexGuard, PoisonError};

use etcd_client::ResponseHeader;
use thiserror::Error;

use super::error::EtcdError;

/// How far an etcd is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "an etcd has a number and a revision"
)]
pub struct Position {
    /// The number of the etcd: its servers share one, and no other etcd has it. 0: none was seen.
    pub cluster: u64,
    /// Its revision.
    pub revision: u64,
}

/// etcd is not where it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error(
    "etcd {:x} is at revision {}, and etcd {:x} was at {}: it was restored from a backup, or is another one",
    found.cluster, found.revision, seen.cluster, seen.revision
)]
#[expect(clippy::exhaustive_structs, reason = "it was there and is here")]
pub struct WentBack {
    /// Where it was.
    pub seen: Position,
    /// Where it is now.
    pub found: Position,
}

impl Position {
    pub(super) fn of(header: Option<&ResponseHeader>) -> Option<Self> {
        let header = header?;
        let revision = u64::try_from(header.revision()).ok()?;
        (revision > 0).then_some(Self {
            cluster: header.cluster_id(),
            revision,
        })
    }
}

/// What was seen last. It is shared by all that ask one etcd.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<Position>);

impl History {
    fn lock(&self) -> MutexGuard<'_, Position> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen up to now: taken before a request is sent.
    pub(super) fn seen(&self) -> Position {
        *self.lock()
    }

    /// etcd has answered a request that was sent when that had been seen.
    pub(super) fn answered(
        &self,
        request: &'static str,
        seen: Position,
        found: Option<Position>,
    ) -> Result<Position, EtcdError> {
        let what = "it has no revision";
        let found = found.ok_or(EtcdError::Nonsense { request, what })?;
        let other = seen.cluster != 0 && seen.cluster != found.cluster;
        if other || found.revision < seen.revision {
            return Err(WentBack { seen, found }.into());
        }
        self.saw(found);
        Ok(found)
    }

    /// Something has been seen of the etcd of which all else was.
    fn saw(&self, found: Position) {
        let mut latest = self.lock();
        if latest.cluster == 0 {
            *latest = found;
        } else if latest.cluster == found.cluster {
            latest.revision = latest.revision.max(found.revision);
        }
    }

    /// The watch has seen a change at this revision.
    pub(super) fn saw_change(&self, revision: u64) {
        let mut latest = self.lock();
        latest.revision = latest.revision.max(revision);
    }

    /// A node that runs nothing asks whether it may begin again: on any etcd that is further than all that
    /// this process has seen, so that no epoch goes back.
    pub(super) fn begins_at(
        &self,
        request: &'static str,
        found: Option<Position>,
    ) -> Result<(), EtcdError> {
        let seen = self.seen();
        let found = found.ok_or(EtcdError::Nonsense {
            request,
            what: "it has no revision",
        })?;
        if found.revision < seen.revision {
            return Err(WentBack { seen, found }.into());
        }
        let mut latest = self.lock();
        latest.cluster = found.cluster;
        latest.revision = latest.revision.max(found.revision);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{EtcdError, History, Position, WentBack};

    fn at(cluster: u64, revision: u64) -> Position {
        Position { cluster, revision }
    }

    fn went_back(answer: Result<impl std::fmt::Debug, EtcdError>) -> WentBack {
        match answer {
            Err(EtcdError::WentBack(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_revision_that_is_lower_than_one_that_was_seen_before_is_told() {
        let history = History::default();
        let first = history.seen();
        let answered = |seen, found| history.answered("a read", seen, Some(found));
        assert_eq!(answered(first, at(7, 100)).expect("the first"), at(7, 100));
        let seen = history.seen();
        // Two requests at once are answered in any order.
        assert!(answered(seen, at(7, 105)).is_ok());
        assert!(answered(seen, at(7, 103)).is_ok());
        assert_eq!(history.seen(), at(7, 105));
        history.saw_change(108);
        let seen = history.seen();
        let why = went_back(answered(seen, at(7, 107)));
        assert_eq!((why.seen, why.found), (at(7, 108), at(7, 107)));
        // It is told until it is past what was seen.
        went_back(answered(history.seen(), at(7, 107)));
        assert!(answered(history.seen(), at(7, 108)).is_ok());
    }

    #[test]
    fn another_etcd_is_told_however_far_it_is_and_may_be_begun_with_when_it_is_further() {
        let history = History::default();
        let answered = |found| history.answered("a read", history.seen(), Some(found));
        assert!(answered(at(7, 100)).is_ok());
        went_back(answered(at(8, 500)));
        assert_eq!(history.seen(), at(7, 100));
        went_back(history.begins_at("a join", Some(at(8, 99))));
        assert!(history.begins_at("a join", Some(at(8, 100))).is_ok());
        assert!(answered(at(8, 101)).is_ok());
        went_back(answered(at(7, 900)));
    }

    #[test]
    fn an_answer_without_a_revision_makes_no_sense() {
        let history = History::default();
        let answer = history.answered("a read", history.seen(), None);
        assert!(matches!(answer, Err(EtcdError::Nonsense { .. })));
    }

    #[test]
    fn it_says_both() {
        let why = WentBack {
            seen: at(0xab, 120),
            found: at(0xcd, 60),
        };
        assert_eq!(
            why.to_string(),
            "etcd cd is at revision 60, and etcd ab was at 120: it was restored from a backup, or is \
             another one"
        );
    }
}
