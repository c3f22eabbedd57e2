//! What the node does as a whole: it serves, leaves, or has lost its authority and ends everything.

use super::Holder;
use super::hold::{Hold, Wait};
use super::io::Effect;
use crate::engine::authority::Standing;
use crate::engine::shard::Shard;
use crate::engine::time::BootTime;

/// What the node does as a whole. It goes on in this order and never back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Serving,
    /// It has been asked to drain, and hands over what it owns.
    Draining,
    /// It has been asked to leave, and hands over what it owns.
    Leaving,
    /// Its authority has lapsed. Its sessions end in order.
    Ending {
        then: After,
    },
    /// What was left of its sessions is killed.
    Killed(After),
    /// It has said that it rejoins, or has left.
    Over,
}

/// What the node does when nothing runs any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum After {
    Rejoin,
    Leave,
}

impl After {
    const fn effect(self) -> Effect {
        match self {
            Self::Rejoin => Effect::Rejoin,
            Self::Leave => Effect::Left,
        }
    }
}

impl Holder {
    /// Whether the node still acts on its shards. Notices first if its authority has lapsed: every
    /// input begins with this.
    pub(super) fn acts(&mut self, now: BootTime, out: &mut Vec<Effect>) -> bool {
        match (self.phase, self.authority.standing(now)) {
            (Phase::Serving | Phase::Draining | Phase::Leaving, Standing::Serving) => return true,
            (Phase::Serving | Phase::Draining | Phase::Leaving, Standing::Ending { kill_at }) => {
                let then = self.after();
                self.cease();
                self.phase = Phase::Ending { then };
                out.push(Effect::EndAll { until: kill_at });
            }
            (
                Phase::Serving | Phase::Draining | Phase::Leaving | Phase::Ending { .. },
                Standing::Over,
            ) => self.kill(out),
            (Phase::Ending { .. }, Standing::Serving | Standing::Ending { .. })
            | (Phase::Killed(_) | Phase::Over, _) => {}
        }
        false
    }

    /// The node is to leave: it claims nothing more, hands over what it owns, and says that it has left.
    pub fn leave(&mut self, now: BootTime, out: &mut Vec<Effect>) {
        if !self.acts(now, out) {
            self.phase = match self.phase {
                Phase::Ending { .. } => Phase::Ending { then: After::Leave },
                Phase::Killed(_) => Phase::Killed(After::Leave),
                phase @ (Phase::Serving | Phase::Draining | Phase::Leaving | Phase::Over) => phase,
            };
            return;
        }
        self.phase = Phase::Leaving;
        self.reconsider_all(out);
        self.advance(now, out);
    }

    /// etcd has said that the lease does not exist any more: another node may own what this one did.
    pub fn lease_lost(&mut self, now: BootTime, out: &mut Vec<Effect>) {
        let _ = self.acts(now, out);
        match self.phase {
            Phase::Serving | Phase::Draining | Phase::Leaving | Phase::Ending { .. } => {
                self.kill(out);
            }
            Phase::Killed(_) | Phase::Over => {}
        }
    }

    /// Nothing runs any more, after [`Effect::EndAll`] or [`Effect::KillAll`].
    pub fn ended_all(&mut self, now: BootTime, out: &mut Vec<Effect>) {
        let _ = self.acts(now, out);
        match self.phase {
            Phase::Ending { then } | Phase::Killed(then) => {
                self.phase = Phase::Over;
                out.push(then.effect());
            }
            Phase::Serving | Phase::Draining | Phase::Leaving | Phase::Over => {}
        }
    }

    fn kill(&mut self, out: &mut Vec<Effect>) {
        let then = self.after();
        self.cease();
        self.phase = Phase::Killed(then);
        out.push(Effect::KillAll);
    }

    const fn after(&self) -> After {
        match self.phase {
            Phase::Leaving => After::Leave,
            Phase::Ending { then } | Phase::Killed(then) => then,
            Phase::Serving | Phase::Draining | Phase::Over => After::Rejoin,
        }
    }

    /// Nothing is claimed, tried again or handed over from now on.
    fn cease(&mut self) {
        self.table.cease();
        let claimed: Vec<Shard> = self
            .shards
            .all()
            .filter(|shard| matches!(self.table.hold(*shard), Hold::Claiming(_)))
            .collect();
        for shard in claimed {
            self.table.set(shard, Hold::Elsewhere);
        }
    }

    /// Something is due: see [`next_deadline`](Self::next_deadline). It does no harm at any other time.
    pub fn tick(&mut self, now: BootTime, out: &mut Vec<Effect>) {
        if !self.acts(now, out) {
            return;
        }
        self.drain_is_due(now, out);
        while let Some(shard) = self.table.take_due(now) {
            match self.table.hold(shard) {
                // It is claimed again in its turn, if that is still wanted.
                Hold::Claiming(_) => {
                    self.table.set(shard, Hold::Elsewhere);
                    self.reconsider(shard, out);
                }
                Hold::Releasing(epoch, _) => {
                    self.table.set(shard, Hold::Releasing(epoch, Wait::Answer));
                    out.push(Effect::Release(shard, epoch));
                }
                // These have no timer.
                Hold::Elsewhere | Hold::Owned(_) | Hold::Draining(_) | Hold::Lost(_) => {}
            }
        }
        self.advance(now, out);
    }
}
