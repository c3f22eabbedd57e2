//! What was read of some parts: what is known of each id, and what waits to be restored.

use std::sync::Arc;

use crate::engine::{Kept, Standing};
use crate::record::{Entry, Record};

/// What the store has of an id, and what it is.
pub(crate) enum Loaded {
    Record(Record, Standing, Whole),
    Unreadable(Arc<str>, Arc<str>),
}

/// Whether a record has its arguments.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whole {
    Yes,
    No,
}

/// How many bytes of records that wait to be restored are held in memory, so that each is read once. All of
/// them may be a gigabyte: the rest is read again when its turn comes.
const HELD: usize = 64 * 1024 * 1024;

/// About how many bytes a record takes beside its arguments.
const SMALL: usize = 256;

impl Loaded {
    pub(crate) const fn id(&self) -> &Arc<str> {
        match self {
            Self::Record(record, _, _) => &record.id,
            Self::Unreadable(id, _) => id,
        }
    }

    pub(crate) fn of(
        entry: Entry,
        standing: impl Fn(&Record) -> Standing,
        held: &mut usize,
    ) -> Self {
        let mut record = match entry {
            Entry::Record(record) => record,
            Entry::Unreadable { id, cause } => return Self::Unreadable(id, cause.into()),
        };
        let standing = standing(&record);
        let with = held.saturating_add(record.arguments.len() + SMALL);
        let whole = if is_restored(&standing) && with <= HELD {
            *held = with;
            Whole::Yes
        } else {
            record.arguments = "".into();
            Whole::No
        };
        Self::Record(record, standing, whole)
    }
}

/// A session that waits to be restored.
pub(crate) struct Waiting {
    pub(crate) id: Arc<str>,
    /// When it was used last.
    pub(crate) used: u64,
    /// As it was read. None: it is read when its turn comes.
    pub(crate) record: Option<Record>,
}

impl Waiting {
    pub(crate) fn of(record: Record, whole: Whole) -> Self {
        Self {
            id: Arc::clone(&record.id),
            used: record.used,
            record: (whole == Whole::Yes).then_some(record),
        }
    }

    /// A session that ran until its supervisor ended.
    pub(crate) const fn again(id: Arc<str>) -> Self {
        Self {
            id,
            used: 0,
            record: None,
        }
    }
}

/// Whether a session waits to be restored, or may be when its supervisor has ended.
pub(crate) const fn is_restored(standing: &Standing) -> bool {
    matches!(
        standing,
        Standing::Kept(Kept::Waiting | Kept::SupervisorEnded)
    )
}
