//! The lists of sessions that are being taken. `query` takes them.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use crate::engine::Cursor;
use crate::info::SessionInfo;

/// The lists that are being taken.
#[derive(Debug, Default)]
pub(super) struct Lists(pub(super) VecDeque<List>);

#[derive(Debug)]
pub(super) struct List {
    pub(super) cursor: Cursor,
    pub(super) taken: Vec<SessionInfo>,
    pub(super) reply: oneshot::Sender<Vec<SessionInfo>>,
}

impl Lists {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
