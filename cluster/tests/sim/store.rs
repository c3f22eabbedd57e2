//! What etcd is to a node: keys with revisions, transactions one after another, leases, a log of changes.

use std::collections::BTreeMap;

use session_supervisor_cluster::engine::{
    Epoch, Incarnation, NodeName, Owner, Plan, Shard, Shards,
};

/// What a watch tells.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Shard(Shard, Option<Owner>),
    Plan(Plan),
}

/// What was answered to a claim.
#[derive(Clone, Debug)]
pub(crate) enum Claim {
    Claimed(Epoch),
    Owned(Owner),
    NoLease,
}

#[derive(Debug)]
pub(crate) struct Store {
    shards: Vec<Option<Owner>>,
    /// Which node has a lease, and when it expires. A lease is known by the incarnation.
    leases: BTreeMap<Incarnation, (NodeName, u64)>,
    last_incarnation: u64,
    plan: Option<Plan>,
    pub(crate) revision: u64,
    /// What has changed, and at which revision.
    pub(crate) log: Vec<(u64, Change)>,
    ttl: u64,
}

impl Store {
    pub(crate) fn new(shards: Shards, ttl: u64) -> Self {
        Self {
            shards: shards.all().map(|_| None).collect(),
            leases: BTreeMap::new(),
            last_incarnation: 0,
            plan: None,
            revision: 1,
            log: Vec::new(),
            ttl,
        }
    }

    /// Grants a lease, if no other node has that name.
    pub(crate) fn join(&mut self, name: &NodeName, now: u64) -> Option<Incarnation> {
        if self.leases.values().any(|(known, _)| known == name) {
            return None;
        }
        self.last_incarnation += 1;
        let incarnation = Incarnation::new(self.last_incarnation);
        let lease = (name.clone(), now + self.ttl);
        self.leases.insert(incarnation, lease);
        self.revision += 1;
        Some(incarnation)
    }

    /// Whether there is such a lease, which lives on then.
    pub(crate) fn keep_alive(&mut self, incarnation: Incarnation, now: u64) -> bool {
        match self.leases.get_mut(&incarnation) {
            Some((_, expires)) => {
                *expires = now + self.ttl;
                true
            }
            None => false,
        }
    }

    pub(crate) fn claim(&mut self, shard: Shard, incarnation: Incarnation) -> Claim {
        let Some((name, _)) = self.leases.get(&incarnation) else {
            return Claim::NoLease;
        };
        match &self.shards[shard.index() as usize] {
            Some(owner) if owner.incarnation == incarnation => Claim::Claimed(owner.epoch),
            Some(owner) => Claim::Owned(owner.clone()),
            None => {
                self.revision += 1;
                let owner = Owner {
                    node: name.clone(),
                    incarnation,
                    epoch: Epoch::new(self.revision),
                };
                let epoch = owner.epoch;
                self.set(shard, Some(owner));
                Claim::Claimed(epoch)
            }
        }
    }

    pub(crate) fn release(&mut self, shard: Shard, epoch: Epoch) {
        let owner = &self.shards[shard.index() as usize];
        if owner.as_ref().is_some_and(|owner| owner.epoch == epoch) {
            self.revision += 1;
            self.set(shard, None);
        }
    }

    /// Somebody deletes the key by hand.
    pub(crate) fn delete(&mut self, shard: Shard) {
        if self.shards[shard.index() as usize].is_some() {
            self.revision += 1;
            self.set(shard, None);
        }
    }

    pub(crate) fn revoke(&mut self, incarnation: Incarnation, shards: Shards) {
        if self.leases.remove(&incarnation).is_none() {
            return;
        }
        // All keys of a lease are removed at one revision.
        self.revision += 1;
        for shard in shards.all() {
            let owner = &self.shards[shard.index() as usize];
            if owner
                .as_ref()
                .is_some_and(|owner| owner.incarnation == incarnation)
            {
                self.set(shard, None);
            }
        }
    }

    pub(crate) fn expire(&mut self, now: u64, shards: Shards) {
        let due = |(incarnation, (_, expires)): (&Incarnation, &(NodeName, u64))| {
            (*expires <= now).then_some(*incarnation)
        };
        let due: Vec<_> = self.leases.iter().filter_map(due).collect();
        for incarnation in due {
            self.revoke(incarnation, shards);
        }
    }

    /// A new leader gives all leases their full time again.
    pub(crate) fn extend_all(&mut self, now: u64) {
        for (_, expires) in self.leases.values_mut() {
            *expires = now + self.ttl;
        }
    }

    pub(crate) fn write_plan(&mut self, plan: Plan) {
        self.revision += 1;
        self.plan = Some(plan.clone());
        self.log.push((self.revision, Change::Plan(plan)));
    }

    pub(crate) fn names(&self) -> Vec<NodeName> {
        self.leases.values().map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn snapshot(
        &self,
        shards: Shards,
    ) -> (Vec<(Shard, Owner)>, Option<Plan>, u64, usize) {
        let owned = shards.all().filter_map(|shard| {
            let owner = self.shards[shard.index() as usize].clone()?;
            Some((shard, owner))
        });
        (
            owned.collect(),
            self.plan.clone(),
            self.revision,
            self.log.len(),
        )
    }

    pub(crate) const fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    fn set(&mut self, shard: Shard, owner: Option<Owner>) {
        self.shards[shard.index() as usize] = owner.clone();
        self.log.push((self.revision, Change::Shard(shard, owner)));
    }
}
