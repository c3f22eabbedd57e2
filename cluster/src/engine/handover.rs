//! What this node has to do about each shard: claim it, serve it, hand it over, or give everything up.
//!
//! A [`Holder`] lives as long as one lease. It is told what is planned, what etcd says and what has become
//! of its own requests, and answers with effects. In [`Holder::admits`] it says whether work for a shard is
//! admitted here; nothing else decides that.
//!
//! Invariants:
//! 1. a shard is served only under an epoch that etcd has said is this node's, in an answer or in a watch;
//!    an answer that does not come is never taken for a success;
//! 2. an epoch that was given up is never served again, whatever is heard of it later;
//! 3. a shard is released only after all that ran under its epoch has ended;
//! 4. outside of the authority nothing is admitted, claimed, released or tried again;
//! 5. once its authority is over, the holder ends everything, asks to join anew, and does nothing more.

mod decide;
mod draining;
mod hold;
mod inputs;
mod io;
mod phase;
mod table;

use super::authority::{Authority, Standing};
use super::map::OwnerMap;
use super::node::{Incarnation, NodeName};
use super::plan::Plan;
use super::shard::{Epoch, Shard, Shards};
use super::time::BootTime;
use draining::Drain;
use phase::Phase;
use table::Table;

pub use hold::{Hold, Wait};
pub use io::{Effect, Limits, NotHere};

/// What this node holds under one lease, and what it has to do about it.
///
/// An answer to a request of an earlier holder must not be told to a later one: it is about another lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder {
    name: NodeName,
    incarnation: Incarnation,
    shards: Shards,
    limits: Limits,
    seed: u64,
    authority: Authority,
    phase: Phase,
    drain: Option<Drain>,
    plan: Option<Plan>,
    map: OwnerMap,
    table: Table,
}

impl Holder {
    /// A node that has been granted a lease, and holds nothing yet. The seed is that of its pauses.
    #[must_use]
    pub fn new(
        name: NodeName,
        incarnation: Incarnation,
        shards: Shards,
        authority: Authority,
        limits: Limits,
        seed: u64,
    ) -> Self {
        Self {
            name,
            incarnation,
            shards,
            limits,
            seed,
            authority,
            phase: Phase::Serving,
            drain: None,
            plan: None,
            map: OwnerMap::new(shards),
            table: Table::new(shards),
        }
    }

    /// Whether a start or a message for an id of this shard is admitted here, and under which epoch.
    ///
    /// # Errors
    ///
    /// If it is not, with where it may be.
    pub fn admits(&self, shard: Shard, now: BootTime) -> Result<Epoch, NotHere> {
        match self.hold(shard) {
            Hold::Owned(epoch) => match self.standing(now) {
                Standing::Serving => Ok(epoch),
                Standing::Ending { .. } | Standing::Over => Err(NotHere::AuthorityOver),
            },
            Hold::Elsewhere => Err(NotHere::Elsewhere(self.other_owner(shard))),
            Hold::Claiming(_) => match self.other_owner(shard) {
                Some(owner) => Err(NotHere::Elsewhere(Some(owner))),
                None => Err(NotHere::Moving),
            },
            Hold::Draining(_) | Hold::Releasing(..) | Hold::Lost(_) => Err(NotHere::Moving),
        }
    }

    /// When [`tick`](Self::tick) is due, if nothing else happens.
    #[must_use]
    pub fn next_deadline(&self) -> Option<BootTime> {
        match self.phase {
            Phase::Serving | Phase::Draining | Phase::Leaving => {
                let lapse = self.authority.serves_until();
                let others = [self.table.next_timer(), self.drain_deadline()];
                Some(others.into_iter().flatten().fold(lapse, BootTime::min))
            }
            Phase::Ending { .. } => Some(self.authority.kill_at()),
            Phase::Killed(_) | Phase::Over => None,
        }
    }

    /// What the node may do: what its authority says, and nothing more once that has lapsed.
    #[must_use]
    pub fn standing(&self, now: BootTime) -> Standing {
        match (self.phase, self.authority.standing(now)) {
            (Phase::Serving | Phase::Draining | Phase::Leaving, standing) => standing,
            (Phase::Ending { .. }, Standing::Serving) => Standing::Ending {
                kill_at: self.authority.kill_at(),
            },
            (Phase::Ending { .. }, standing) => standing,
            (Phase::Killed(_) | Phase::Over, _) => Standing::Over,
        }
    }

    /// How the node stands to the shard.
    #[must_use]
    pub fn hold(&self, shard: Shard) -> Hold {
        self.table.hold(shard)
    }

    /// What is known of the owners of all shards.
    #[must_use]
    pub const fn map(&self) -> &OwnerMap {
        &self.map
    }

    /// The plan that it follows.
    #[must_use]
    pub const fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// For how long it may act.
    #[must_use]
    pub const fn authority(&self) -> &Authority {
        &self.authority
    }

    /// How many claims are asked for and not answered yet.
    #[must_use]
    pub const fn claims(&self) -> usize {
        self.table.claims()
    }

    /// How many shards are being given up.
    #[must_use]
    pub const fn moving(&self) -> usize {
        self.table.moving()
    }

    /// The node that owns the shard, if it is known to be another one.
    fn other_owner(&self, shard: Shard) -> Option<NodeName> {
        let owner = self.map.owner(shard)?;
        (owner.node != self.name).then(|| owner.node.clone())
    }
}
