//! The lists of sessions that are being taken. `query` takes them.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use crate::engine::Cursor;
use crate::info::{SessionInfo, SessionPage};

/// The lists that are being taken.
#[derive(Debug, Default)]
pub(super) struct Lists(pub(super) VecDeque<List>);

#[derive(Debug)]
pub(super) struct List {
    pub(super) cursor: Cursor,
    pub(super) taken: Vec<SessionInfo>,
    pub(super) reply: Reply,
}

/// Who wants how much of it.
#[derive(Debug)]
pub(super) enum Reply {
    All(oneshot::Sender<Vec<SessionInfo>>),
    Page(Page),
}

/// A page, as far as it was taken.
#[derive(Debug)]
pub(super) struct Page {
    /// Only what has a greater position belongs to it.
    pub(super) after: u64,
    pub(super) most: usize,
    /// Where its last session stands.
    pub(super) last: u64,
    pub(super) reply: oneshot::Sender<SessionPage>,
}

impl Lists {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
