//! A node that is told one thing after another, and what it answers.

use std::time::Duration;

use session_supervisor_cluster::engine::{
    Authority, Backoff, BootTime, Candidate, Effect, Epoch, Hold, Holder, Incarnation, Leaving,
    Limits, NodeName, NotHere, Owner, Plan, Shard, Shards, Ttl, plan,
};

use Effect::Admit;

/// The length of the lease, in milliseconds: it serves for 8 s and kills at 11 s.
pub(crate) const TTL: u64 = 12_000;
pub(crate) const WITHIN: Duration = Duration::from_secs(30);
/// Each retry waits between half of it and all of it, in milliseconds.
pub(crate) const PAUSE: u64 = 1_000;
pub(crate) const HERE: &str = "here";

pub(crate) fn at(ms: u64) -> BootTime {
    BootTime::new(Duration::from_millis(ms))
}

pub(crate) fn name(name: &str) -> NodeName {
    NodeName::try_from(name).unwrap()
}

pub(crate) fn shards(count: u32) -> Shards {
    Shards::new(count).unwrap()
}

pub(crate) fn all_to(node: &str, count: u32) -> Plan {
    let candidate = Candidate {
        name: name(node),
        weight: 1,
        leaving: Leaving::No,
    };
    plan(shards(count), &[candidate])
}

pub(crate) fn owner(node: &str, incarnation: u64, epoch: u64) -> Owner {
    Owner {
        node: name(node),
        incarnation: Incarnation::new(incarnation),
        epoch: Epoch::new(epoch),
    }
}

pub(crate) fn epoch(number: u64) -> Epoch {
    Epoch::new(number)
}

/// The node "here", in its incarnation 7, whose lease was asked for at the moment 0.
pub(crate) struct Node {
    pub(crate) holder: Holder,
    count: u32,
    pub(crate) now: u64,
}

impl Node {
    pub(crate) fn new(count: u32) -> Self {
        Self::limited(count, 64, 16)
    }

    pub(crate) fn limited(count: u32, claims_at_once: usize, drains_at_once: usize) -> Self {
        let pause = Duration::from_millis(PAUSE);
        let limits = Limits {
            claims_at_once,
            drains_at_once,
            drain_within: WITHIN,
            retry: Backoff::new(pause, pause).unwrap(),
        };
        let authority = Authority::granted(Ttl::new(Duration::from_millis(TTL)).unwrap(), at(0));
        let incarnation = Incarnation::new(7);
        let holder = Holder::new(name(HERE), incarnation, shards(count), authority, limits, 1);
        Self {
            holder,
            count,
            now: 100,
        }
    }

    /// One that owns all its shards, under the epochs 10, 11 and on.
    pub(crate) fn owning(count: u32) -> Self {
        Self::limited_owning(count, 16)
    }

    pub(crate) fn limited_owning(count: u32, drains_at_once: usize) -> Self {
        let mut node = Self::limited(count, 64, drains_at_once);
        let _ = node.planned(HERE);
        for n in 0..count {
            let expected = [Admit(node.shard(n), epoch(10 + u64::from(n)))];
            assert_eq!(node.claimed(n, 10 + u64::from(n)), expected);
        }
        node
    }

    pub(crate) fn shard(&self, n: u32) -> Shard {
        shards(self.count).get(n).unwrap()
    }

    pub(crate) fn told(
        &mut self,
        tell: impl FnOnce(&mut Holder, BootTime, &mut Vec<Effect>),
    ) -> Vec<Effect> {
        let mut out = Vec::new();
        tell(&mut self.holder, at(self.now), &mut out);
        out
    }

    pub(crate) fn planned(&mut self, node: &str) -> Vec<Effect> {
        let plan = all_to(node, self.count);
        self.told(|holder, now, out| holder.planned(plan, now, out))
    }

    pub(crate) fn seen(&mut self, n: u32, owner: Option<Owner>, revision: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.seen(shard, owner, revision, now, out))
    }

    pub(crate) fn reset(&mut self, owned: Vec<(u32, Owner)>, revision: u64) -> Vec<Effect> {
        let owned: Vec<_> = owned
            .into_iter()
            .map(|(n, owner)| (self.shard(n), owner))
            .collect();
        self.told(|holder, now, out| holder.reset(owned, revision, now, out))
    }

    pub(crate) fn claimed(&mut self, n: u32, number: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.claimed(shard, epoch(number), now, out))
    }

    pub(crate) fn refused(&mut self, n: u32, owner: Owner) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.claim_refused(shard, owner, now, out))
    }

    pub(crate) fn claim_unknown(&mut self, n: u32) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.claim_unknown(shard, now, out))
    }

    pub(crate) fn outdated(&mut self, n: u32, number: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.outdated(shard, epoch(number), now, out))
    }

    pub(crate) fn drained(&mut self, n: u32, number: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.drained(shard, epoch(number), now, out))
    }

    pub(crate) fn released(&mut self, n: u32, number: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.released(shard, epoch(number), now, out))
    }

    pub(crate) fn release_unknown(&mut self, n: u32, number: u64) -> Vec<Effect> {
        let shard = self.shard(n);
        self.told(|holder, now, out| holder.release_unknown(shard, epoch(number), now, out))
    }

    pub(crate) fn renewed(&mut self, sent: u64) -> Vec<Effect> {
        self.told(|holder, now, out| holder.renewed(at(sent), now, out))
    }

    pub(crate) fn tick(&mut self) -> Vec<Effect> {
        self.told(Holder::tick)
    }

    pub(crate) fn leave(&mut self) -> Vec<Effect> {
        self.told(Holder::leave)
    }

    pub(crate) fn ended_all(&mut self) -> Vec<Effect> {
        self.told(Holder::ended_all)
    }

    pub(crate) fn lease_lost(&mut self) -> Vec<Effect> {
        self.told(Holder::lease_lost)
    }

    pub(crate) fn admits(&self, n: u32) -> Result<Epoch, NotHere> {
        self.holder.admits(self.shard(n), at(self.now))
    }

    pub(crate) fn hold(&self, n: u32) -> Hold {
        self.holder.hold(self.shard(n))
    }

    /// Goes on to the next deadline, which is within the longest pause.
    pub(crate) fn wait(&mut self) -> Vec<Effect> {
        let due = self.holder.next_deadline().unwrap();
        let pause = due.since(at(self.now));
        let half = Duration::from_millis(PAUSE / 2);
        assert!(half <= pause && pause <= half * 2, "{pause:?}");
        self.now = u64::try_from(due.since_boot().as_millis()).unwrap() + 1;
        self.tick()
    }
}

pub(crate) const NOTHING: [Effect; 0] = [];
