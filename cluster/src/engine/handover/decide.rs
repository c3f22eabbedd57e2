//! What is to be done about a shard, from how the node stands to it and what etcd says of its key.

use super::Holder;
use super::hold::{Hold, Wait};
use super::io::Effect;
use super::phase::Phase;
use crate::engine::shard::{Epoch, Shard};
use crate::engine::time::BootTime;

/// What is known of a shard's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// There is none.
    Free,
    /// It is this node's, under this lease.
    Ours(Epoch),
    /// It was this node's, and its removal has not been heard of yet.
    Past,
    /// It is another node's, or that of an earlier lease.
    Others,
}

impl Holder {
    /// Looks at a shard after something about it has changed.
    pub(super) fn reconsider(&mut self, shard: Shard, out: &mut Vec<Effect>) {
        let key = self.key(shard);
        let wanted = self.wants(shard);
        match (self.table.hold(shard), key) {
            // etcd says that the key is ours: in an answer, or in a watch before any answer.
            (Hold::Elsewhere | Hold::Claiming(_), Key::Ours(epoch)) => {
                self.adopt(shard, epoch, out)
            }
            (Hold::Elsewhere, Key::Free) if wanted => self.table.claim_later(shard),
            (Hold::Elsewhere, Key::Free | Key::Past | Key::Others) => self.table.stay(shard),
            // The claim that is under way is answered in any case, and is looked at then.
            (Hold::Claiming(Wait::Answer), Key::Free | Key::Past | Key::Others) => {}
            (Hold::Claiming(Wait::Until(_)), Key::Free | Key::Past) if wanted => {}
            (Hold::Claiming(Wait::Until(_)), Key::Free | Key::Past | Key::Others) => {
                self.table.set(shard, Hold::Elsewhere);
            }
            (Hold::Owned(held), Key::Ours(epoch)) if held == epoch => match wanted {
                true => self.table.stay(shard),
                false => self.table.drain_later(shard),
            },
            (Hold::Draining(held), Key::Ours(epoch)) if held == epoch => {}
            (Hold::Owned(held) | Hold::Draining(held), _) => {
                self.table.set(shard, Hold::Lost(held));
                out.push(Effect::Kill(shard, held));
            }
            (Hold::Releasing(held, _), Key::Ours(epoch)) if held == epoch => {}
            // It is removed, whether or not the answer says so.
            (Hold::Releasing(held, _), _) => self.give_up(shard, held, out),
            (Hold::Lost(_), _) => {}
        }
    }

    /// Looks at all shards.
    pub(super) fn reconsider_all(&mut self, out: &mut Vec<Effect>) {
        for shard in self.shards.all() {
            self.reconsider(shard, out);
        }
    }

    /// Begins what waits for its turn, as far as there is room.
    pub(super) fn advance(&mut self, now: BootTime, out: &mut Vec<Effect>) {
        while self.table.claims() < self.limits.claims_at_once {
            let Some(shard) = self.table.next_to_claim() else {
                break;
            };
            self.table.set(shard, Hold::Claiming(Wait::Answer));
            out.push(Effect::Claim(shard));
        }
        while self.table.moving() < self.drains_at_once() {
            let Some(shard) = self.table.next_to_drain() else {
                break;
            };
            let Hold::Owned(epoch) = self.table.hold(shard) else {
                // Only what is owned waits to be drained.
                self.table.stay(shard);
                continue;
            };
            let within = self.drain_within(now);
            self.table.set(shard, Hold::Draining(epoch));
            out.push(Effect::Freeze(shard, epoch));
            out.push(Effect::Drain(shard, epoch, within));
        }
        if self.phase == Phase::Leaving && self.table.held() == 0 {
            self.phase = Phase::Over;
            out.push(Effect::Left);
        }
    }

    /// Nothing runs under the epoch, and its key is gone.
    pub(super) fn give_up(&mut self, shard: Shard, epoch: Epoch, out: &mut Vec<Effect>) {
        self.table.give_up(shard, epoch);
        // At most once more: the shard is elsewhere now.
        self.reconsider(shard, out);
    }

    /// A key that is ours is served, or goes back at once if the shard is not wanted any more.
    fn adopt(&mut self, shard: Shard, epoch: Epoch, out: &mut Vec<Effect>) {
        match self.wants(shard) {
            true => {
                self.table.set(shard, Hold::Owned(epoch));
                out.push(Effect::Admit(shard, epoch));
            }
            false => {
                self.table.set(shard, Hold::Releasing(epoch, Wait::Answer));
                out.push(Effect::Release(shard, epoch));
            }
        }
    }

    /// Whether the node is to own the shard.
    fn wants(&self, shard: Shard) -> bool {
        let planned = self.plan.as_ref().and_then(|plan| plan.owner(shard));
        self.phase == Phase::Serving && planned == Some(&self.name)
    }

    fn key(&self, shard: Shard) -> Key {
        match self.map.owner(shard) {
            None => Key::Free,
            Some(owner) if owner.node != self.name || owner.incarnation != self.incarnation => {
                Key::Others
            }
            Some(owner) if owner.epoch <= self.table.past(shard) => Key::Past,
            Some(owner) => Key::Ours(owner.epoch),
        }
    }
}
