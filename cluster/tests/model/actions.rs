//! What can happen next, and what comes of it.

use session_supervisor_cluster::engine::{Epoch, Holder, Owner, Shard};

use crate::state::{Message, Says, State, TTL, all_to, at, is_request};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// A message arrives. It is gone then, or arrives once more.
    Deliver(Message),
    DeliverFirstOfTwo(Message),
    /// A node gives up waiting for an answer.
    GiveUp(usize, Says),
    /// The watch of a node tells of one more change.
    Watch(usize),
    /// A node hears of the plan.
    HearPlan(usize),
    Tick(usize),
    Drained(usize, Shard, Epoch),
    Ended(usize),
    Renew(usize),
    TakeSnapshot(usize),
    Plan(usize),
    Pause(usize),
    Resume(usize),
    Crash(usize),
    Leave(usize),
    Expire(session_supervisor_cluster::engine::Incarnation),
    Pass(u64),
}

impl State {
    pub(crate) fn actions(&self, until: u64, actions: &mut Vec<Action>) {
        let budget = self.budget;
        if self.wrong.is_some() {
            return;
        }
        for message in &self.network {
            let node = &self.nodes[message.node];
            if is_request(&message.says) {
                actions.push(Action::Deliver(message.clone()));
                if budget.doubles > 0 {
                    actions.push(Action::DeliverFirstOfTwo(message.clone()));
                }
            } else if node.up && !node.paused {
                actions.push(Action::Deliver(message.clone()));
            }
        }
        let mut overdue = false;
        for (place, node) in self.nodes.iter().enumerate() {
            if !node.up {
                continue;
            }
            if node.paused {
                actions.push(Action::Resume(place));
                continue;
            }
            if node
                .holder
                .next_deadline()
                .is_some_and(|due| due <= at(self.now))
            {
                overdue = true;
                actions.push(Action::Tick(place));
            }
            if budget.unknown > 0 {
                let given_up = |says: &Says| Action::GiveUp(place, says.clone());
                actions.extend(node.pending.iter().map(given_up));
            }
            if node
                .position
                .is_some_and(|position| position < self.log.len())
            {
                actions.push(Action::Watch(place));
            }
            if node.plan != Some(self.plan) {
                actions.push(Action::HearPlan(place));
            }
            for (shard, epoch) in &node.draining {
                actions.push(Action::Drained(place, *shard, *epoch));
            }
            if node.ending {
                actions.push(Action::Ended(place));
            } else if place == 0 && budget.renewals > 0 && self.now >= node.renewed + TTL / 3 {
                actions.push(Action::Renew(place));
            }
            if budget.snapshots > 0 && node.position.is_some() {
                actions.push(Action::TakeSnapshot(place));
            }
            // The first one is enough: the others are no different.
            if budget.pauses > 0 && place == 0 {
                actions.push(Action::Pause(place));
            }
            if budget.crashes > 0 && place == 0 {
                actions.push(Action::Crash(place));
            }
            if budget.leaves > 0 {
                actions.push(Action::Leave(place));
            }
        }
        if budget.plans > 0 {
            let others = (0..self.nodes.len()).filter(|place| *place != self.plan);
            actions.extend(others.map(Action::Plan));
        }
        for (incarnation, expires) in &self.leases {
            if *expires <= self.now {
                actions.push(Action::Expire(*incarnation));
            }
        }
        // Timers fire in time, but for those of a process that is paused.
        if !overdue {
            actions.extend(self.next_time(until).map(Action::Pass));
        }
    }

    /// The next moment at which anything else can happen.
    fn next_time(&self, until: u64) -> Option<u64> {
        let running = self.nodes.iter().filter(|node| node.up && !node.paused);
        let due = running
            .clone()
            .filter_map(|node| node.holder.next_deadline());
        let due = due
            .filter_map(|due| u64::try_from(due.since_boot().as_nanos().div_ceil(1_000_000)).ok());
        let renewals = running.map(|node| node.renewed + TTL / 3);
        let leases = self.leases.values().copied();
        let all = due.chain(renewals).chain(leases);
        all.filter(|time| (self.now + 1..=until).contains(time))
            .min()
    }

    pub(crate) fn act(&mut self, action: Action) {
        match action {
            Action::Deliver(message) => {
                self.network.remove(&message);
                self.deliver(message);
            }
            Action::DeliverFirstOfTwo(message) => {
                self.budget.doubles -= 1;
                self.deliver(message);
            }
            Action::GiveUp(place, says) => {
                self.budget.unknown -= 1;
                self.nodes[place].pending.remove(&says);
                match says {
                    Says::Claim(shard) => self.tell(place, |holder, now, out| {
                        holder.claim_unknown(shard, now, out);
                    }),
                    Says::Release(shard, epoch) => self.tell(place, |holder, now, out| {
                        holder.release_unknown(shard, epoch, now, out);
                    }),
                    other => unreachable!("not waited for: {other:?}"),
                }
            }
            Action::Watch(place) => {
                let node = &mut self.nodes[place];
                let position = node.position.expect("it watches");
                node.position = Some(position + 1);
                let (revision, shard, owner) = self.log[position].clone();
                self.tell(place, |holder, now, out| {
                    holder.seen(shard, owner, revision, now, out)
                });
            }
            Action::HearPlan(place) => {
                self.nodes[place].plan = Some(self.plan);
                let plan = all_to(self.plan, self.shards);
                self.tell(place, |holder, now, out| holder.planned(plan, now, out));
            }
            Action::Tick(place) => self.tell(place, Holder::tick),
            Action::Drained(place, shard, epoch) => {
                let node = &mut self.nodes[place];
                node.draining.remove(&(shard, epoch));
                node.running.remove(&shard);
                self.tell(place, |holder, now, out| {
                    holder.drained(shard, epoch, now, out)
                });
            }
            Action::Ended(place) => {
                self.nodes[place].running.clear();
                self.tell(place, Holder::ended_all);
            }
            Action::Renew(place) => {
                self.budget.renewals -= 1;
                self.nodes[place].renewed = self.now;
                self.send(place, Says::KeepAlive(self.now));
            }
            Action::TakeSnapshot(place) => {
                self.budget.snapshots -= 1;
                self.nodes[place].position = None;
                let owned = self.shards.all().filter_map(|shard| {
                    let owner = self.keys[shard.index() as usize].clone()?;
                    Some((shard, owner))
                });
                let says = Says::Snapshot(owned.collect(), self.revision, self.log.len());
                self.send(place, says);
            }
            Action::Plan(place) => {
                self.budget.plans -= 1;
                self.plan = place;
            }
            Action::Pause(place) => {
                self.budget.pauses -= 1;
                self.nodes[place].paused = true;
            }
            Action::Resume(place) => self.nodes[place].paused = false,
            Action::Crash(place) => {
                self.budget.crashes -= 1;
                self.end(place);
            }
            Action::Leave(place) => {
                self.budget.leaves -= 1;
                self.tell(place, Holder::leave);
            }
            Action::Expire(incarnation) => {
                self.expired = true;
                self.revoke(incarnation);
            }
            Action::Pass(time) => {
                self.now = time;
                for place in 1..self.nodes.len() {
                    if self.nodes[place].renewed + TTL / 3 <= time {
                        self.renew_at_once(place);
                    }
                }
            }
        }
    }

    /// The lease of a node is renewed, without anything under way.
    fn renew_at_once(&mut self, place: usize) {
        let incarnation = self.nodes[place].incarnation;
        if let Some(expires) = self.leases.get_mut(&incarnation) {
            self.nodes[place].renewed = self.now;
            *expires = self.now + TTL;
            let sent = at(self.now);
            self.tell(place, |holder, now, out| holder.renewed(sent, now, out));
        }
    }

    fn revoke(&mut self, incarnation: session_supervisor_cluster::engine::Incarnation) {
        if self.leases.remove(&incarnation).is_none() {
            return;
        }
        self.revision += 1;
        for shard in self.shards.all() {
            let owner = &self.keys[shard.index() as usize];
            if owner
                .as_ref()
                .is_some_and(|owner| owner.incarnation == incarnation)
            {
                self.set(shard, None);
            }
        }
    }

    fn deliver(&mut self, message: Message) {
        let Message {
            node: place,
            incarnation,
            says,
        } = message;
        let known = self.leases.contains_key(&incarnation);
        match says {
            Says::Claim(shard) => {
                let answer = match self.keys[shard.index() as usize].clone() {
                    _ if !known => Says::NoLease(shard),
                    Some(owner) if owner.incarnation == incarnation => {
                        Says::Claimed(shard, owner.epoch)
                    }
                    Some(owner) => Says::Refused(shard, owner),
                    None => {
                        self.revision += 1;
                        let owner = Owner {
                            node: all_to(place, self.shards).owner(shard).expect("it").clone(),
                            incarnation,
                            epoch: Epoch::new(self.revision),
                        };
                        let epoch = owner.epoch;
                        self.set(shard, Some(owner));
                        Says::Claimed(shard, epoch)
                    }
                };
                self.send(place, answer);
            }
            Says::Release(shard, epoch) => {
                let owner = &self.keys[shard.index() as usize];
                if owner.as_ref().is_some_and(|owner| owner.epoch == epoch) {
                    self.revision += 1;
                    self.set(shard, None);
                }
                self.send(place, Says::Released(shard, epoch));
            }
            Says::KeepAlive(sent) => {
                let answer = match self.leases.get_mut(&incarnation) {
                    Some(expires) => {
                        *expires = self.now + TTL;
                        Says::Kept(sent)
                    }
                    None => Says::LeaseLost,
                };
                self.send(place, answer);
            }
            Says::Revoke => self.revoke(incarnation),
            Says::Claimed(shard, epoch) => {
                self.nodes[place].pending.remove(&Says::Claim(shard));
                self.tell(place, |holder, now, out| {
                    holder.claimed(shard, epoch, now, out)
                });
            }
            Says::Refused(shard, owner) => {
                self.nodes[place].pending.remove(&Says::Claim(shard));
                self.tell(place, |holder, now, out| {
                    holder.claim_refused(shard, owner, now, out)
                });
            }
            Says::NoLease(shard) => {
                self.nodes[place].pending.remove(&Says::Claim(shard));
                self.tell(place, |holder, now, out| {
                    holder.claim_unknown(shard, now, out)
                });
            }
            Says::Released(shard, epoch) => {
                self.nodes[place]
                    .pending
                    .remove(&Says::Release(shard, epoch));
                self.tell(place, |holder, now, out| {
                    holder.released(shard, epoch, now, out)
                });
            }
            Says::Kept(sent) => {
                self.tell(place, |holder, now, out| holder.renewed(at(sent), now, out));
            }
            Says::LeaseLost => self.tell(place, Holder::lease_lost),
            Says::Snapshot(owned, revision, position) => {
                self.nodes[place].position = Some(position);
                self.tell(place, |holder, now, out| {
                    holder.reset(owned, revision, now, out)
                });
            }
        }
    }
}
