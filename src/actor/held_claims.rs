//! Which session has which claim, for callers to look up without asking the supervisor (D27).
//!
//! The engine decides who has one. The driver writes it down here before any caller is told what
//! follows from it. A look-up waits for such a write at most, and never for a drive.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::engine::Claim;

type Holders = BTreeMap<Claim, Arc<str>>;

/// A tree never moves all its entries at once. A hash table does when it grows, and with a million
/// entries that would keep the driver and all who look something up.
#[derive(Debug)]
pub(crate) struct HeldClaims(Option<Box<RwLock<Holders>>>);

impl HeldClaims {
    /// Those of a session supervisor.
    pub(super) fn of_sessions() -> Self {
        Self(Some(Box::default()))
    }

    /// Those of a static supervisor, of which there may be one for each session.
    pub(super) const fn none() -> Self {
        Self(None)
    }

    /// The id of the session that has the claim.
    pub(crate) fn holder(&self, claim: &Claim) -> Option<Arc<str>> {
        let holders = self.0.as_ref()?.read();
        let holders = holders.unwrap_or_else(PoisonError::into_inner);
        holders.get(claim).cloned()
    }

    pub(super) fn take(&self, claim: Claim, id: Arc<str>) {
        self.change(|holders| holders.insert(claim, id));
    }

    pub(super) fn free(&self, claim: &Claim) {
        self.change(|holders| holders.remove(claim));
    }

    /// The supervisor has ended.
    pub(super) fn free_all(&self) {
        // Dropped when the lock is released.
        drop(self.change(std::mem::take));
    }

    fn change<T>(&self, change: impl FnOnce(&mut Holders) -> T) -> Option<T> {
        let holders = self.0.as_ref()?.write();
        Some(change(&mut holders.unwrap_or_else(PoisonError::into_inner)))
    }
}
