//! What a holder is told of its shards.
//!
//! What has become of an epoch is told with that epoch, and what comes late changes nothing.

use std::time::Duration;

use super::Holder;
use super::hold::{Hold, Wait};
use super::io::Effect;
use crate::engine::hash::random;
use crate::engine::node::Owner;
use crate::engine::plan::Plan;
use crate::engine::shard::{Epoch, Shard};
use crate::engine::time::BootTime;

impl Holder {
    /// There is another plan. One for another number of shards is not for this cluster, and changes
    /// nothing.
    pub fn planned(&mut self, plan: Plan, now: BootTime, out: &mut Vec<Effect>) {
        if u32::try_from(plan.count()) != Ok(self.shards.count()) {
            return;
        }
        self.plan = Some(plan);
        if self.acts(now, out) {
            self.reconsider_all(out);
            self.advance(now, out);
        }
    }

    /// The watch says that at that revision the shard was owned, or owned by no node.
    pub fn seen(
        &mut self,
        shard: Shard,
        owner: Option<Owner>,
        revision: u64,
        now: BootTime,
        out: &mut Vec<Effect>,
    ) {
        let _ = match owner {
            Some(owner) => self.map.owned(shard, owner, revision),
            None => self.map.gone(shard, revision),
        };
        self.changed(shard, now, out);
    }

    /// A snapshot says that at that revision these shards were owned, and no others.
    pub fn reset(
        &mut self,
        owned: impl IntoIterator<Item = (Shard, Owner)>,
        revision: u64,
        now: BootTime,
        out: &mut Vec<Effect>,
    ) {
        self.map.reset(owned, revision);
        if self.acts(now, out) {
            self.reconsider_all(out);
            self.advance(now, out);
        }
    }

    /// etcd has answered that the shard's key is this node's, under this lease.
    pub fn claimed(&mut self, shard: Shard, epoch: Epoch, now: BootTime, out: &mut Vec<Effect>) {
        let owner = Owner {
            node: self.name.clone(),
            incarnation: self.incarnation,
            epoch,
        };
        let _ = self.map.owned(shard, owner, epoch.number());
        self.claim_answered(shard);
        self.changed(shard, now, out);
    }

    /// etcd has answered that another owns the shard.
    pub fn claim_refused(
        &mut self,
        shard: Shard,
        owner: Owner,
        now: BootTime,
        out: &mut Vec<Effect>,
    ) {
        // It was so when the key was created, and it may have been removed since.
        let revision = owner.epoch.number();
        let _ = self.map.owned(shard, owner, revision);
        self.claim_answered(shard);
        self.changed(shard, now, out);
    }

    /// A claim was not answered. Whether it was made is not known; it is made again, which is harmless.
    pub fn claim_unknown(&mut self, shard: Shard, now: BootTime, out: &mut Vec<Effect>) {
        if self.table.hold(shard) == Hold::Claiming(Wait::Answer) {
            let again = now.after(self.pause(shard));
            self.table.set(shard, Hold::Claiming(Wait::Until(again)));
        }
        self.changed(shard, now, out);
    }

    /// The store of the sessions has seen a later epoch of the shard than this one, which is of no use: the
    /// shard is given up, and claimed anew if it is still wanted.
    pub fn outdated(&mut self, shard: Shard, epoch: Epoch, now: BootTime, out: &mut Vec<Effect>) {
        if !self.acts(now, out) {
            return;
        }
        if self.table.hold(shard) == Hold::Owned(epoch) {
            self.table.set(shard, Hold::Draining(epoch));
            out.push(Effect::Freeze(shard, epoch));
            out.push(Effect::Drain(shard, epoch, self.limits.drain_within));
        }
        self.advance(now, out);
    }

    /// Nothing that was admitted for the shard in this epoch runs any more.
    pub fn drained(&mut self, shard: Shard, epoch: Epoch, now: BootTime, out: &mut Vec<Effect>) {
        if !self.acts(now, out) {
            return;
        }
        match self.table.hold(shard) {
            Hold::Draining(held) if held == epoch => {
                self.table.set(shard, Hold::Releasing(epoch, Wait::Answer));
                out.push(Effect::Release(shard, epoch));
            }
            Hold::Lost(held) if held == epoch => self.give_up(shard, epoch, out),
            Hold::Draining(_)
            | Hold::Lost(_)
            | Hold::Elsewhere
            | Hold::Claiming(_)
            | Hold::Owned(_)
            | Hold::Releasing(..) => {}
        }
        self.advance(now, out);
    }

    /// etcd has answered that the shard's key does not have this epoch, or not any more.
    pub fn released(&mut self, shard: Shard, epoch: Epoch, now: BootTime, out: &mut Vec<Effect>) {
        if let Hold::Releasing(..) = self.table.hold(shard) {
            self.map.released(shard, epoch);
        }
        self.changed(shard, now, out);
    }

    /// A release was not answered. Whether it was made is not known; it is made again, which is harmless.
    pub fn release_unknown(
        &mut self,
        shard: Shard,
        epoch: Epoch,
        now: BootTime,
        out: &mut Vec<Effect>,
    ) {
        if self.table.hold(shard) == Hold::Releasing(epoch, Wait::Answer) {
            let again = now.after(self.pause(shard));
            let wait = Wait::Until(again);
            self.table.set(shard, Hold::Releasing(epoch, wait));
        }
        self.changed(shard, now, out);
    }

    /// etcd has confirmed a renewal of the lease that was sent at that moment.
    pub fn renewed(&mut self, sent: BootTime, now: BootTime, out: &mut Vec<Effect>) {
        if self.acts(now, out) {
            let _ = self.authority.renewed(sent, now);
        }
    }

    /// Something about the shard has changed.
    fn changed(&mut self, shard: Shard, now: BootTime, out: &mut Vec<Effect>) {
        if self.acts(now, out) {
            self.reconsider(shard, out);
            self.advance(now, out);
        }
    }

    /// The claim under way is over, whatever the answer: what the map says now counts.
    fn claim_answered(&mut self, shard: Shard) {
        if let Hold::Claiming(_) = self.table.hold(shard) {
            self.table.answered(shard);
            self.table.set(shard, Hold::Elsewhere);
        }
    }

    /// How long the request of the shard that was not answered is put off.
    fn pause(&mut self, shard: Shard) -> Duration {
        let failures = self.table.failed(shard);
        // Each shard has numbers of its own, so that not all ask again at once.
        let number = (u64::from(shard.index()) << 32) | u64::from(failures);
        self.limits.retry.pause(failures, random(self.seed, number))
    }
}
