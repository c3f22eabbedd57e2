//! What is remembered of a session, and how that changes.

use std::sync::Arc;

/// The most bytes that the arguments of a session or one saved state may have: 1 MiB.
pub const MAX_VALUE: usize = 1024 * 1024;

/// What is remembered of a session, but for what it has saved.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// Its id.
    pub id: Arc<str>,
    /// The name of its kind: [`Kinds`](crate::Kinds).
    pub kind: Arc<str>,
    /// Its arguments, as JSON text.
    pub arguments: Arc<str>,
    /// What people call it.
    pub label: Option<Arc<str>>,
    /// What it claims beside its id, as pairs of a kind and a value.
    pub claims: Vec<(String, String)>,
    /// Which session of this id it is: a later one has a greater number.
    pub revision: u64,
    /// When it was started, in milliseconds since 1970.
    pub started: u64,
    /// When it was started or saved something, whichever was last. Sessions are restored in this
    /// order, the latest first.
    pub used: u64,
    /// Whether it rests: its supervisor has ended it by its idle timeout or its lifetime. It is not
    /// restored, and started again when it is used.
    pub resting: bool,
}

impl Record {
    /// A record without a label and without claims, started and used at the same time.
    #[must_use]
    pub fn new(
        id: impl Into<Arc<str>>,
        kind: impl Into<Arc<str>>,
        arguments: impl Into<Arc<str>>,
        revision: u64,
        started: u64,
    ) -> Self {
        Self {
            id: id.into(),
            kind: kind.into(),
            arguments: arguments.into(),
            label: None,
            claims: Vec::new(),
            revision,
            started,
            used: started,
            resting: false,
        }
    }
}

/// What a session has saved under one name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SavedState {
    /// Under which name: empty for the session itself, else the role of the child of its tree.
    pub slot: Arc<str>,
    /// The version of its format, by which its codec reads it.
    pub format: u32,
    /// What the codec made of it.
    pub bytes: Arc<[u8]>,
    /// When it was saved, in milliseconds since 1970.
    pub saved: u64,
}

impl SavedState {
    /// A saved state.
    #[must_use]
    pub fn new(
        slot: impl Into<Arc<str>>,
        format: u32,
        bytes: impl Into<Arc<[u8]>>,
        saved: u64,
    ) -> Self {
        Self {
            slot: slot.into(),
            format,
            bytes: bytes.into(),
            saved,
        }
    }
}

/// A change of what is remembered. Each names the session by its revision, so that one that comes
/// late changes nothing of a later session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// A session is remembered, in place of all that is remembered of its id with a smaller
    /// revision. Nothing happens if a greater or the same revision is there.
    Remember(Record),
    /// A session has saved a state, in place of that of the same slot. Nothing happens unless this
    /// very revision is there.
    Save {
        /// The session.
        id: Arc<str>,
        /// Which of that id.
        revision: u64,
        /// What.
        state: SavedState,
    },
    /// The session of this revision and all before it are forgotten, with all that they have saved.
    Forget {
        /// The session.
        id: Arc<str>,
        /// Which of that id.
        revision: u64,
    },
    /// A session rests from now on. Nothing happens unless this very revision is there.
    Rest {
        /// The session.
        id: Arc<str>,
        /// Which of that id.
        revision: u64,
    },
    /// A session that rested is used again. Nothing happens unless this very revision is there.
    Wake {
        /// The session.
        id: Arc<str>,
        /// Which of that id.
        revision: u64,
    },
    /// All is removed that is there of an id, also what cannot be read.
    Discard {
        /// The id, as the store has it.
        id: Arc<str>,
    },
}

impl Change {
    /// The id that it is about.
    #[must_use]
    pub fn id(&self) -> &Arc<str> {
        match self {
            Self::Remember(record) => &record.id,
            Self::Save { id, .. }
            | Self::Forget { id, .. }
            | Self::Rest { id, .. }
            | Self::Wake { id, .. }
            | Self::Discard { id } => id,
        }
    }
}

/// A change, and the epoch of the owner that has decided it: [`Part::epoch`](crate::Part::epoch).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decided {
    /// The epoch of the owner of the id when that was decided. 0: the store has one owner only.
    pub epoch: u64,
    /// What.
    pub change: Change,
}

impl Decided {
    /// A change that was decided under this epoch.
    #[must_use]
    pub const fn under(epoch: u64, change: Change) -> Self {
        Self { epoch, change }
    }
}

/// Decided by the only owner of a store.
impl From<Change> for Decided {
    fn from(change: Change) -> Self {
        Self::under(0, change)
    }
}

/// What a store has of an id.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Entry {
    /// A session.
    Record(Record),
    /// Something that the store cannot read. It is left as it is.
    Unreadable {
        /// The id, as the store has it.
        id: Arc<str>,
        /// Why.
        cause: String,
    },
}

impl Entry {
    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &Arc<str> {
        match self {
            Self::Record(record) => &record.id,
            Self::Unreadable { id, .. } => id,
        }
    }
}
