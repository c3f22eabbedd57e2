//! What is known of each id that is remembered: which session of it, whether that runs, and if not,
//! why. Whether a start may go on, and what it leaves on the disk.
//!
//! Invariants:
//! 1. an id has one entry at most. Its revision is that of the record in the store;
//! 2. a revision is given once, and so is a tag, in growing order;
//! 3. an entry is removed only together with the change that forgets it on the disk;
//! 4. a record that does not run is replaced by nobody: a start of its id is refused until it is
//!    resumed, or somebody decides that it is to go.

use std::collections::HashMap;
use std::sync::Arc;

use super::fates::{End, Kept};
use crate::record::Change;

/// What is known of all ids.
#[derive(Debug, Default)]
pub struct Ledger {
    ids: HashMap<Arc<str>, Known>,
    /// The ids of the sessions that run, by their tags.
    tags: HashMap<u64, Arc<str>>,
    last: u64,
    reading: Reading,
}

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
    end: AtEnd,
}

/// What the end of a session does to its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum AtEnd {
    /// What the end says.
    #[default]
    AsItSays,
    /// It stays: the session is handed over, and runs elsewhere when it has ended here.
    Kept,
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
    /// An earlier session of this id has not been seen to end.
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
}

impl Ledger {
    /// What the store had of an id when it was opened.
    pub fn found(&mut self, id: Arc<str>, kind: Arc<str>, revision: u64, standing: Standing) {
        self.last = self.last.max(revision);
        let known = Known {
            revision,
            kind,
            standing,
            end: AtEnd::AsItSays,
        };
        self.ids.insert(id, known);
    }

    /// That was all.
    pub const fn is_read(&mut self) {
        self.reading = Reading::Done;
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

    /// What an id is doing, in which revision.
    #[must_use]
    pub fn look(&self, id: &str) -> Option<(u64, &Standing)> {
        let known = self.ids.get(id)?;
        Some((known.revision, &known.standing))
    }

    /// The kind of an id.
    #[must_use]
    pub fn kind(&self, id: &str) -> Option<&Arc<str>> {
        Some(&self.ids.get(id)?.kind)
    }

    /// All ids, with their kinds and what they are doing.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, &Standing)> {
        let known = self.ids.iter();
        known.map(|(id, known)| (id, &known.kind, &known.standing))
    }

    /// A launch of the session of this tag is about to run. The supervisor runs one of an id at a
    /// time, so one that was known before has ended.
    pub fn admit(&mut self, id: &Arc<str>, kind: &Arc<str>, tag: u64, intent: Intent) -> Admission {
        let standing = self.ids.get(id).map(|known| &known.standing);
        let revision = match (standing, intent) {
            (Some(Standing::Running { tag: known, .. }), _) if *known == tag => {
                return Admission::Go;
            }
            (Some(Standing::Running { .. }), _) => return Admission::Later,
            (Some(Standing::SetAside(cause)), _) => {
                return Admission::Refused(NoStart::SetAside(Arc::clone(cause)));
            }
            (Some(Standing::Kept(kept)), Intent::New) => {
                return Admission::Refused(NoStart::Remembered(kept.clone()));
            }
            (None, Intent::Resume(_)) => return Admission::Refused(NoStart::Changed),
            (None, Intent::New) => self.next(),
            (Some(Standing::Kept(_)), Intent::Resume(revision)) => revision,
        };
        if let Some(known) = self.ids.get(id)
            && known.revision != revision
        {
            return Admission::Refused(NoStart::Changed);
        }
        let known = Known {
            revision,
            kind: Arc::clone(kind),
            standing: Standing::Running { tag, intent },
            end: AtEnd::AsItSays,
        };
        self.ids.insert(Arc::clone(id), known);
        self.tags.insert(tag, Arc::clone(id));
        match intent {
            Intent::New => Admission::Remember(revision),
            Intent::Resume(_) => Admission::Go,
        }
    }

    /// The session of this tag is gone. Answers what is to be written.
    pub fn ended(&mut self, tag: u64, end: End) -> Option<Change> {
        let id = self.tags.remove(&tag)?;
        let known = self.ids.get_mut(&id)?;
        let Standing::Running { intent, .. } = known.standing else {
            return None;
        };
        let kept = match (end, intent) {
            // One that was to be remembered first has no record.
            (End::Forget | End::NeverRan(_), Intent::Resume(_)) | (End::Forget, Intent::New)
                if known.end == AtEnd::Kept =>
            {
                Kept::SupervisorEnded
            }
            (End::Forget, _) | (End::NeverRan(_), Intent::New) => return self.forget(&id),
            (End::NeverRan(why), Intent::Resume(_)) => Kept::NotStarted(why),
            (End::Keep(kept), _) => kept,
        };
        known.standing = Standing::Kept(kept);
        None
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

    /// These sessions are handed over: from now on their ends forget nothing.
    pub fn hand_over(&mut self, theirs: impl Fn(&str) -> bool) {
        for (id, known) in &mut self.ids {
            if theirs(id) {
                known.end = AtEnd::Kept;
            }
        }
    }

    /// These are handed over, and nothing is known of them any more. Answers how many still run.
    pub fn handed_over(&mut self, theirs: impl Fn(&str) -> bool) -> usize {
        let mut running = 0;
        self.ids.retain(|id, known| {
            let runs = matches!(known.standing, Standing::Running { .. });
            let goes = theirs(id);
            running += usize::from(goes && runs);
            !goes || runs
        });
        running
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
            let (id, _) = self.ids.remove_entry(id)?;
            return Some(Change::Discard { id });
        }
        self.forget_kept(id)
    }

    fn forget(&mut self, id: &str) -> Option<Change> {
        let (id, Known { revision, .. }) = self.ids.remove_entry(id)?;
        Some(Change::Forget { id, revision })
    }
}
