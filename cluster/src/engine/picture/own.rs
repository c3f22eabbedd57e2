//! What this node does about its own shards, and for how long it may.

use super::Picture;
use crate::engine::drain::{DrainedShard, ShardOutcome};
use crate::engine::event::{EventKind, Lapse, Loss};
use crate::engine::handover::Effect;
use crate::engine::node::{Incarnation, Owner};
use crate::engine::shard::{Epoch, Shard};
use crate::engine::time::BootTime;

/// A shard on its way from this node.
#[derive(Clone, Copy, Debug)]
pub(super) struct HandOver {
    epoch: Epoch,
    /// None: nothing was admitted for it.
    frozen: Option<BootTime>,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What ran of it ends.
    Ending,
    /// Nothing runs of it, and its key is being removed.
    Releasing,
}

impl Picture {
    /// This node has a lease, and joins or joins again.
    pub fn joined(&mut self, incarnation: Incarnation, now: BootTime, out: &mut Vec<EventKind>) {
        self.term = Some(incarnation);
        let kind = match self.lapsed.take() {
            None => EventKind::AuthorityGained { incarnation },
            Some(lapsed) => EventKind::AuthorityRegained {
                incarnation,
                after: now.since(lapsed),
            },
        };
        self.emit(kind, out);
    }

    /// The holder of this node has decided this. `lapse`: why etcd was said to have ended the lease, if
    /// it was.
    pub fn decided(
        &mut self,
        effects: &[Effect],
        lapse: Lapse,
        now: BootTime,
        out: &mut Vec<EventKind>,
    ) {
        for effect in effects {
            match *effect {
                Effect::Freeze(shard, epoch) => {
                    let hand_over = HandOver {
                        epoch,
                        frozen: Some(now),
                        stage: Stage::Ending,
                    };
                    self.hand_overs.insert(shard, hand_over);
                    self.emit(EventKind::ShardFrozen { shard, epoch }, out);
                }
                Effect::Release(shard, epoch) => self.releases(shard, epoch),
                Effect::EndAll { .. } => self.lapses(Lapse::NotRenewed, now, out),
                Effect::KillAll => self.lapses(lapse, now, out),
                Effect::Rejoin => self.term_is_over(now, out),
                Effect::Left => {
                    self.term_is_over(now, out);
                    self.lapsed = None;
                }
                // A key that was taken away is told by its owner, a claim by its answer.
                Effect::Kill(..) | Effect::Claim(_) | Effect::Admit(..) | Effect::Drain(..) => {}
            }
        }
    }

    fn releases(&mut self, shard: Shard, epoch: Epoch) {
        let known = self.hand_overs.get(&shard).filter(|it| it.epoch == epoch);
        let hand_over = HandOver {
            epoch,
            frozen: known.and_then(|it| it.frozen),
            stage: Stage::Releasing,
        };
        self.hand_overs.insert(shard, hand_over);
    }

    fn lapses(&mut self, why: Lapse, now: BootTime, out: &mut Vec<EventKind>) {
        if self.snapshot.authority.is_some() {
            self.lapsed = Some(now);
            self.emit(EventKind::AuthorityLapsed { why }, out);
        }
    }

    /// Nothing runs here any more, and the lease is given back: what this node still owns it has lost.
    fn term_is_over(&mut self, now: BootTime, out: &mut Vec<EventKind>) {
        let node = self.snapshot.node.clone();
        let owned: Vec<_> = self
            .snapshot
            .shards_of(&node)
            .filter(|(_, owner)| self.is_own(owner))
            .map(|(shard, _)| shard)
            .collect();
        for shard in owned {
            self.owner(shard, None, now, out);
        }
        self.node(&node, None, out);
        self.hand_overs.clear();
        self.term = None;
    }

    /// Whether this start of this node is the owner.
    pub(super) fn is_own(&self, owner: &Owner) -> bool {
        owner.node == self.snapshot.node && self.term == Some(owner.incarnation)
    }

    /// This node owns the shard no more.
    pub(super) fn own_is_gone(
        &mut self,
        shard: Shard,
        owner: Owner,
        now: BootTime,
        out: &mut Vec<EventKind>,
    ) {
        let hand_over = self.hand_overs.remove(&shard);
        let hand_over = hand_over.filter(|hand_over| hand_over.epoch == owner.epoch);
        let took = hand_over.and_then(|hand_over| hand_over.frozen);
        let took = took.map(|frozen| now.since(frozen));
        let in_order = hand_over.is_some_and(|hand_over| hand_over.stage == Stage::Releasing);
        if let Some(drain) = &mut self.drain {
            drain.ended(DrainedShard {
                shard,
                epoch: owner.epoch,
                outcome: match in_order {
                    true => ShardOutcome::HandedOver,
                    false => ShardOutcome::Lost,
                },
                took: took.unwrap_or_default(),
            });
        }
        let kind = match in_order {
            true => EventKind::ShardReleased { shard, owner, took },
            false => EventKind::ShardLost {
                shard,
                owner,
                why: match self.snapshot.authority {
                    Some(_) => Loss::KeyGone,
                    None => Loss::LeaseEnded,
                },
            },
        };
        self.emit(kind, out);
    }

    /// Since when the shard is on its way from this node, if it is.
    pub(super) fn frozen(&self, shard: Shard) -> Option<BootTime> {
        self.hand_overs.get(&shard)?.frozen
    }
}
