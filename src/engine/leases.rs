//! The leases of one session: while one is held, the session is not ended for being idle.

use std::collections::BTreeSet;

use super::moment::Moment;

/// The number of a lease, chosen by the one that asks for it and never used again.
///
/// It asks with the number and later says that the lease is over, whether it was told of the grant
/// or not. So no lease is held for a caller that has gone, and none that is returned twice counts
/// for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeaseNumber(pub u64);

/// The leases of a session.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: BTreeSet<LeaseNumber>,
    /// When the last one was returned.
    returned: Moment,
}

impl Leases {
    pub(super) fn begin(&mut self, lease: LeaseNumber) {
        self.held.insert(lease);
    }

    /// One is over. Answers whether that was the last one.
    pub(super) fn end(&mut self, now: Moment, lease: LeaseNumber) -> Last {
        if !self.held.remove(&lease) || !self.held.is_empty() {
            return Last::No;
        }
        self.returned = now;
        Last::Yes
    }

    /// Since when none has been held; none if one is held now.
    pub(super) fn free_since(&self) -> Option<Moment> {
        self.held.is_empty().then_some(self.returned)
    }
}

/// Whether a lease was the last one of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Last {
    Yes,
    No,
}
