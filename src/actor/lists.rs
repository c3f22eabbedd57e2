//! The lists of sessions that are being taken, and those that are to be. `query` takes them.
//!
//! What was taken of a list is kept until the list is whole. So few of them are under way at once,
//! and the others wait in line. A short one, which one step mostly makes whole, never waits for a
//! long one.

use std::collections::VecDeque;

use tokio::sync::oneshot;

use super::item::PageQuery;
use crate::engine::{Cursor, Waiters, Waits};
use crate::info::{SessionInfo, SessionPage};

/// How many entries of a list are taken in one step, so that others are answered in between.
pub(super) const PAGE: usize = 256;

/// How many lists are under way at once in each lane: one that takes long delays the next by so many
/// times its own steps at most.
pub(super) const AT_ONCE: usize = 4;

/// The lists that are being taken, or are to be.
#[derive(Debug, Default)]
pub(super) struct Lists {
    pub(super) short: Lane,
    pub(super) long: Lane,
}

/// Some of them.
#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) line: Waiters<Asked>,
    pub(super) under_way: VecDeque<List>,
}

/// A list that has not been begun.
#[derive(Debug)]
pub(super) enum Asked {
    All(oneshot::Sender<Vec<SessionInfo>>),
    Page(PageQuery),
}

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
        self.short.is_empty() && self.long.is_empty()
    }

    /// Where one waits that has so many entries at most.
    pub(super) const fn lane(&mut self, most: usize) -> &mut Lane {
        if most <= PAGE {
            &mut self.short
        } else {
            &mut self.long
        }
    }
}

impl Lane {
    fn is_empty(&self) -> bool {
        self.line.is_empty() && self.under_way.is_empty()
    }
}

impl Waits for Asked {
    fn is_gone(&self) -> bool {
        match self {
            Self::All(reply) => reply.is_closed(),
            Self::Page(page) => page.reply.is_closed(),
        }
    }
}

impl Reply {
    /// Whether nobody waits for it any more.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::All(reply) => reply.is_closed(),
            Self::Page(page) => page.reply.is_closed(),
        }
    }
}
