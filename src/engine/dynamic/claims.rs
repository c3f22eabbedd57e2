//! Claims: further unique keys of sessions (D27).
//!
//! A session has its claims for as long as its id. All are taken when its start is accepted, and
//! are free when nothing of it is left. So they are kept by what keeps the id: a restart, a pause,
//! parking, a place in line, a stop that is not over, a launch that is stuck.
//!
//! A supervisor in which nothing has ever been claimed has no index.

use std::sync::Arc;

use super::Engine;
use crate::engine::claim::{Claim, Taken};
use crate::engine::index::Index;
use crate::engine::io::{Domain, Effect, Spec};

/// The slots of those who have claims, found by the claims. One with several is in it several
/// times.
#[derive(Debug)]
pub(super) struct Claims(Index);

impl<D: Domain> Engine<D> {
    /// Who has one of the claims of a spec, if there is one.
    pub(super) fn claim_taken(&self, spec: &D::Spec) -> Option<Taken> {
        let Claims(index) = self.claims.as_deref()?;
        spec.claims().iter().find_map(|claim| {
            let slot = index.find(claim.text(), |slot| self.has_claim(slot, claim))?;
            Some(Taken {
                claim: claim.clone(),
                holder: Arc::clone(&self.table.get(slot)?.life.id),
            })
        })
    }

    fn has_claim(&self, slot: u32, claim: &Claim) -> bool {
        let child = self.table.known(slot);
        child.is_some_and(|child| child.life.spec.claims().contains(claim))
    }

    /// The session that is to be in this slot takes its claims. All of them are free.
    pub(super) fn take_claims(&mut self, slot: u32, id: &Arc<str>, spec: &D::Spec) {
        for claim in spec.claims() {
            let new = || Box::new(Claims(Index::new()));
            let Claims(index) = &mut **self.claims.get_or_insert_with(new);
            index.insert(claim.text(), slot);
            self.effect(Effect::Claimed {
                claim: claim.clone(),
                id: Arc::clone(id),
            });
        }
    }

    /// Nothing is left of the session that was in this slot.
    pub(super) fn free_claims(&mut self, slot: u32, spec: &D::Spec) {
        for claim in spec.claims() {
            if let Some(Claims(index)) = self.claims.as_deref_mut() {
                index.remove(claim.text(), slot);
            }
            self.effect(Effect::Unclaimed {
                claim: claim.clone(),
            });
        }
    }
}
