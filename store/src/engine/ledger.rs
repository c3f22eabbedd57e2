//! What is known of each id that is remembered: which session of it, whether that runs, and if not,
//! why. Whether a start may go on, and what it leaves on the disk.
//!
//! Invariants:
//! 1. an id has one entry at most. Its revision is that of the record in the store;
//! 2. a revision is given once, and so is a tag, in growing order;
//! 3. an entry is removed only together with the change that forgets it on the disk;
//! 4. no start replaces a record that does not run: a start of its id is refused until the record is
//!    resumed or discarded;
//! 5. each remembered session holds its claims, whether it runs or not. The supervisor guards the claims
//!    of those that run.

mod sharing;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use super::by_shard::ByShard;
use super::fates::{End, Kept};
use super::held::Held;
use super::owned::Owned;
use crate::record::{Change, Record};

/// What is known of all ids.
#[derive(Debug, Default)]
pub struct Ledger {
    ids: ByShard<Known>,
    /// The ids of the sessions that run, by their tags.
    tags: HashMap<u64, Arc<str>>,
    held: Held,
    owned: Owned,
    last: u64,
    reading: Reading,
}

/// The greatest revision that a record may have. This crate never writes a greater one, which would leave
/// no room for later revisions.
pub const LAST_REVISION: u64 = u64::MAX >> 2;

/// Whether all that is remembered is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reading {
    /// Not yet.
    #[default]
    Before,
    /// It is.
    Done,
}

/// What is known of an id.
#[derive(Clone, Debug)]
struct Known {
    revision: u64,
    kind: Arc<str>,
    standing: Standing,
    written: Written,
    at_end: AtEnd,
}

/// What the end of a session does to its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum AtEnd {
    /// What the end says.
    #[default]
    AsItSays,
    /// It stays: the session is handed over, and is started elsewhere when it has ended here.
    Kept,
}

/// What the record says of its rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// It is restored.
    Awake,
    /// It is not, or may be not, since it is not known whether it was woken.
    Resting,
}

/// What a session that is remembered is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Its supervisor knows it: it starts, runs, waits for a restart, is parked, or stops.
    Running {
        /// Under this tag.
        tag: u64,
        /// What its first start was for.
        intent: Intent,
    },
    /// It does not run.
    Kept(Kept),
    /// It cannot be read, and is left as it is.
    SetAside(Arc<str>),
}

/// What a start is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Intent {
    /// A session that is not remembered yet.
    New,
    /// The one of this revision, which is.
    Resume(u64),
}

/// Whether a launch may go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Admission {
    /// It may.
    Go,
    /// It may when this revision is on the disk.
    Remember(u64),
    /// It may when it is on the disk that this revision rests no more.
    Wake(u64),
    /// An earlier session of this id, or one that had a claim of it, has not been seen to end.
    Later,
    /// It may not.
    Refused(NoStart),
}

/// Why a launch may not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoStart {
    /// A session of this id is remembered, and does not run.
    Remembered(Kept),
    /// What is there of this id cannot be read.
    SetAside(Arc<str>),
    /// What was to be resumed is not remembered any more, or not in this revision.
    Changed,
    /// Another session has a claim that this one needs.
    Claimed(Claimed),
}

/// A claim that a session has which is remembered and does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Claimed {
    /// Of which kind it is.
    pub kind: String,
    /// Its value.
    pub value: String,
    /// The session that has it.
    pub holder: Arc<str>,
    /// What that is doing.
    pub standing: Standing,
}

impl fmt::Display for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            value,
            holder,
            standing,
        } = self;
        write!(
            f,
            "the claim {kind} {value:?} is held by session {holder}, which is remembered: "
        )?;
        match standing {
            Standing::Running { .. } => f.write_str("it runs"),
            Standing::Kept(kept) => write!(f, "it {kept}"),
            Standing::SetAside(why) => write!(f, "it is set aside: {why}"),
        }
    }
}

impl Ledger {
    /// What the store had of a session when it was opened.
    pub fn found(&mut self, record: &Record, standing: Standing) {
        if record.revision <= LAST_REVISION {
            self.last = self.last.max(record.revision);
        }
        self.held.hold(&record.id, &record.claims);
        let known = Known {
            revision: record.revision,
            kind: Arc::clone(&record.kind),
            standing,
            written: if record.resting {
                Written::Resting
            } else {
                Written::Awake
            },
            at_end: AtEnd::AsItSays,
        };
        self.ids.insert(Arc::clone(&record.id), known);
    }

    /// The store had something of an id that it cannot read. What it can is not replaced by that: the
    /// id may be shown as another one.
    pub fn found_unreadable(&mut self, id: Arc<str>, why: Arc<str>) {
        self.ids.get_or_insert_with(&id, || Known {
            revision: 0,
            kind: "".into(),
            standing: Standing::SetAside(why),
            written: Written::Awake,
            at_end: AtEnd::AsItSays,
        });
    }

    /// Whether all that is remembered is known.
    #[must_use]
    pub const fn reading(&self) -> Reading {
        self.reading
    }

    /// A number that was not given before, for a tag.
    pub const fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The kind of an id.
    #[must_use]
    pub fn kind(&self, id: &str) -> Option<&Arc<str>> {
        Some(&self.ids.get(id)?.kind)
    }

    /// What an id is doing, in which revision.
    #[must_use]
    pub fn look(&self, id: &str) -> Option<(u64, &Standing)> {
        let known = self.ids.get(id)?;
        Some((known.revision, &known.standing))
    }

    /// All ids, with their kinds and what they are doing.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, &Standing)> {
        let known = self.ids.iter();
        known.map(|(id, known)| (id, &known.kind, &known.standing))
    }

    /// Whether another session has one of these claims. That may run.
    #[must_use]
    pub fn claimed(&self, id: &str, claims: &[(String, String)]) -> Option<Claimed> {
        let (kind, value, holder) = self.held.other(id, claims)?;
        let standing = self.ids.get(holder)?.standing.clone();
        Some(Claimed {
            kind: kind.to_owned(),
            value: value.to_owned(),
            holder: Arc::clone(holder),
            standing,
        })
    }

    /// A launch of the session of this tag is about to run. The supervisor runs one of an id at a
    /// time, so one that was known before has ended.
    pub fn admit(&mut self, record: &Record, tag: u64, intent: Intent) -> Admission {
        let known = self.ids.get(&record.id);
        let written = known.map_or(Written::Awake, |known| known.written);
        let known = known.map(|known| (known.revision, known.standing.clone()));
        let resumed = match (known, intent) {
            (Some((_, Standing::Running { tag: known, .. })), _) if known == tag => {
                return Admission::Go;
            }
            (Some((_, Standing::Running { .. })), _) => return Admission::Later,
            (Some((_, Standing::SetAside(cause))), _) => {
                return Admission::Refused(NoStart::SetAside(cause));
            }
            (Some((_, Standing::Kept(kept))), Intent::New) => {
                return Admission::Refused(NoStart::Remembered(kept));
            }
            (Some((known, Standing::Kept(_))), Intent::Resume(revision)) if known == revision => {
                Some(revision)
            }
            (_, Intent::Resume(_)) => return Admission::Refused(NoStart::Changed),
            (None, Intent::New) => None,
        };
        if let Some(claimed) = self.claimed(&record.id, &record.claims) {
            return match claimed.standing {
                Standing::Running { .. } => Admission::Later,
                _ => Admission::Refused(NoStart::Claimed(claimed)),
            };
        }
        let (revision, admission) = match resumed {
            None => {
                let revision = self.next();
                (revision, Admission::Remember(revision))
            }
            Some(revision) => match written {
                Written::Resting => (revision, Admission::Wake(revision)),
                Written::Awake => (revision, Admission::Go),
            },
        };
        let known = Known {
            revision,
            kind: Arc::clone(&record.kind),
            standing: Standing::Running { tag, intent },
            written,
            at_end: AtEnd::AsItSays,
        };
        self.ids.insert(Arc::clone(&record.id), known);
        self.tags.insert(tag, Arc::clone(&record.id));
        // Its kind may claim something else by now.
        self.held.release(&record.id);
        self.held.hold(&record.id, &record.claims);
        admission
    }

    /// The session of this tag and this id is gone. Answers what is to be written.
    pub fn ended(&mut self, tag: u64, id: &str, end: End) -> Option<Change> {
        // A tag that somebody else has given is none of this one's.
        if self.tags.get(&tag).is_none_or(|known| **known != *id) {
            return None;
        }
        self.tags.remove(&tag);
        let id = Arc::clone(self.ids.id(id)?);
        let known = self.ids.get_mut(&id)?;
        let Standing::Running { intent, .. } = known.standing else {
            return None;
        };
        let kept = match (end, intent) {
            (End::Forget, _) if known.at_end == AtEnd::Kept => Kept::SupervisorEnded,
            (End::Forget, _) | (End::NeverRan(_), Intent::New) => return self.forget(&id),
            (End::NeverRan(Some(why)), Intent::Resume(_)) => Kept::NotStarted(why),
            (End::NeverRan(None), Intent::Resume(_)) => Kept::SupervisorEnded,
            (End::Keep(kept), _) => kept,
        };
        let (rests, revision) = (kept == Kept::Resting, known.revision);
        known.written = match kept {
            Kept::Resting => Written::Resting,
            // Whether it was woken for that is not known.
            Kept::NotStarted(_) | Kept::SupervisorEnded => known.written,
            Kept::Waiting | Kept::Crashed(_) => Written::Awake,
        };
        known.standing = Standing::Kept(kept);
        rests.then_some(Change::Rest { id, revision })
    }

    /// What does not run turns out to be something else, if it is still of this revision.
    pub fn stands(&mut self, id: &str, revision: u64, standing: Standing) {
        if let Some(known) = self.ids.get_mut(id)
            && known.revision == revision
            && !matches!(known.standing, Standing::Running { .. })
        {
            known.standing = standing;
        }
    }

    /// The supervisor has ended, and so has all that ran.
    pub fn all_ended(&mut self) {
        self.tags.clear();
        for known in self.ids.values_mut() {
            if let Standing::Running { .. } = known.standing {
                known.standing = Standing::Kept(Kept::SupervisorEnded);
            }
        }
    }

    /// Somebody decides that what does not run is forgotten. None: there is nothing, or it runs.
    pub fn forget_kept(&mut self, id: &str) -> Option<Change> {
        match self.look(id)? {
            (_, Standing::Running { .. } | Standing::SetAside(_)) => None,
            (_, Standing::Kept(_)) => self.forget(id),
        }
    }

    /// The same, and what cannot be read too.
    pub fn discard(&mut self, id: &str) -> Option<Change> {
        if let (_, Standing::SetAside(_)) = self.look(id)? {
            let (id, _) = self.remove(id)?;
            return Some(Change::Discard { id });
        }
        self.forget_kept(id)
    }

    fn forget(&mut self, id: &str) -> Option<Change> {
        let (id, Known { revision, .. }) = self.remove(id)?;
        Some(Change::Forget { id, revision })
    }

    fn remove(&mut self, id: &str) -> Option<(Arc<str>, Known)> {
        let removed = self.ids.remove(id)?;
        self.held.release(id);
        Some(removed)
    }
}
