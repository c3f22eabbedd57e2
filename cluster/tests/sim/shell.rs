//! What surrounds the engine of a node: its requests and their answers, its watch and its timers, and the
//! sessions that it is told to end.

use session_supervisor_cluster::engine::{
    Authority, BootTime, DrainOrder, Epoch, Holder, Incarnation, Shard, Ttl,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::node::{Process, Up};
use crate::store::{Change, Claim};
use crate::world::{Answer, Event, MS, Request, SECOND, TTL, ToNode, World};

impl World {
    /// How long something is on its way.
    fn delay(&mut self) -> u64 {
        match self.faults {
            false => self.random.within(MS / 2, 5 * MS),
            true => match self.random.within(0, 100) {
                0..90 => self.random.within(MS / 2, 20 * MS),
                90..98 => self.random.within(20 * MS, 900 * MS),
                _ => self.random.within(SECOND, 6 * SECOND),
            },
        }
    }

    fn lost(&mut self) -> bool {
        self.faults && self.random.chance(40)
    }

    /// A process of the node starts, if there is none.
    pub(crate) fn start(&mut self, node: usize) {
        if let Process::Down = self.nodes[node].process {
            self.nodes[node].process = Process::Joining;
            self.join(node);
        }
    }

    fn join(&mut self, node: usize) {
        let sent = self.nodes[node].clock(self.now);
        self.send(node, Request::Join { sent });
    }

    /// Sends a request, which may be lost, late or doubled. Afterwards there is an answer, or none in time.
    pub(crate) fn send(&mut self, node: usize, request: Request) {
        let this = &self.nodes[node];
        let (life, lease) = (this.life, this.up().map(|up| up.incarnation));
        let reaches = this.reaches_the_store(self.now) && self.store_is_up();
        let id = self.next_number();
        self.nodes[node].pending.insert(id);
        let timed_out = ToNode::TimedOut(id, request.clone());
        self.after(SECOND, Event::Node(node, life, timed_out));
        let event = Event::Store {
            node,
            life,
            lease,
            id,
            request,
        };
        if reaches && !self.lost() {
            let delay = self.delay();
            self.after(delay, event.clone());
            if self.faults && self.random.chance(30) {
                let delay = self.random.within(0, 6 * SECOND);
                self.after(delay, event);
            }
        }
    }

    pub(crate) fn at_store(
        &mut self,
        node: usize,
        life: u64,
        lease: Option<Incarnation>,
        id: u64,
        request: Request,
    ) {
        if !self.store_is_up() {
            return;
        }
        let (name, now) = (self.nodes[node].name.clone(), self.now);
        let answer = match (request, lease) {
            (Request::Join { sent }, _) => {
                let incarnation = self.store.join(&name, now);
                Answer::Joined { incarnation, sent }
            }
            (Request::KeepAlive { sent }, Some(lease)) => {
                let known = self.store.keep_alive(lease, now);
                Answer::Kept { known, sent }
            }
            (Request::Claim(shard), Some(lease)) => {
                Answer::Claim(shard, self.store.claim(shard, lease))
            }
            (Request::Release(shard, epoch), _) => {
                self.store.release(shard, epoch);
                Answer::Released(shard, epoch)
            }
            (Request::Revoke, Some(lease)) => {
                self.store.revoke(lease, self.shards);
                return;
            }
            (Request::Snapshot, _) => {
                let (owned, plan, revision, position) = self.store.snapshot(self.shards);
                Answer::Snapshot(owned, plan, revision, position)
            }
            (Request::KeepAlive { .. } | Request::Claim(_) | Request::Revoke, None) => {
                unreachable!("only a process with a lease sends it")
            }
        };
        if self.nodes[node].reaches_the_store(now) && !self.lost() {
            let delay = self.delay();
            self.after(delay, Event::Node(node, life, ToNode::Answer(id, answer)));
        }
    }

    pub(crate) fn at_node(&mut self, node: usize, life: u64, what: ToNode) {
        if self.nodes[node].life != life {
            return;
        }
        if let Some(until) = self.nodes[node].paused_until {
            let pause = until.saturating_sub(self.now) + self.random.within(0, 5 * MS);
            self.after(pause, Event::Node(node, life, what));
            return;
        }
        match what {
            ToNode::Answer(id, answer) => self.answer(node, id, answer),
            ToNode::TimedOut(id, request) => {
                if self.nodes[node].pending.remove(&id) {
                    self.timed_out(node, request);
                }
            }
            ToNode::KeepAlive => self.keep_alive(node),
            ToNode::Watch => self.watch(node),
            ToNode::Tick => {
                if let Some(up) = self.nodes[node].up_mut() {
                    up.behind = false;
                    up.tick_at = None;
                }
                self.tell(node, Holder::tick);
            }
            ToNode::Drained(shard, epoch) => {
                if let Some(up) = self.nodes[node].up_mut() {
                    up.draining.remove(&shard);
                    up.running.remove(&shard);
                }
                self.tell(node, |holder, now, out| {
                    holder.drained(shard, epoch, now, out)
                });
            }
            ToNode::Ended => {
                if let Some(up) = self.nodes[node].up_mut() {
                    up.running.clear();
                }
                self.tell(node, Holder::ended_all);
            }
            ToNode::Hurry => {
                let order = DrainOrder {
                    until: Some(self.nodes[node].local(self.now)),
                    at_most: None,
                };
                self.tell(node, |holder, now, out| holder.drain(order, now, out));
            }
            ToNode::Leave => self.tell(node, Holder::leave),
        }
    }

    fn answer(&mut self, node: usize, id: u64, answer: Answer) {
        // A late or second answer is told half of the time.
        if !self.nodes[node].pending.remove(&id) && self.random.chance(500) {
            return;
        }
        let local = self.nodes[node].clock(self.now);
        match answer {
            Answer::Joined { incarnation, sent } => self.joined(node, incarnation, sent),
            Answer::Kept { known: true, sent } => {
                if let Some(up) = self.nodes[node].up_mut()
                    && !up.ending
                    && local < up.sent + TTL * 2 / 3
                {
                    up.sent = up.sent.max(sent);
                }
                let sent = BootTime::new(Duration::from_micros(sent));
                self.tell(node, |holder, now, out| holder.renewed(sent, now, out));
            }
            Answer::Kept { known: false, .. } => self.tell(node, Holder::lease_lost),
            Answer::Claim(shard, Claim::Claimed(epoch)) => {
                self.confirm(node, shard, epoch);
                self.tell(node, |holder, now, out| {
                    holder.claimed(shard, epoch, now, out)
                });
            }
            Answer::Claim(shard, Claim::Owned(owner)) => {
                self.tell(node, |holder, now, out| {
                    holder.claim_refused(shard, owner, now, out)
                });
            }
            Answer::Claim(shard, Claim::NoLease) => {
                self.tell(node, |holder, now, out| {
                    holder.claim_unknown(shard, now, out)
                });
            }
            Answer::Released(shard, epoch) => {
                self.tell(node, |holder, now, out| {
                    holder.released(shard, epoch, now, out)
                });
            }
            Answer::Snapshot(owned, plan, revision, position) => {
                let name = self.nodes[node].name.clone();
                let Some(up) = self.nodes[node].up_mut() else {
                    return;
                };
                if up.position.is_some() {
                    return;
                }
                up.position = Some(position);
                let incarnation = up.incarnation;
                for (shard, owner) in &owned {
                    if owner.node == name && owner.incarnation == incarnation {
                        self.confirm(node, *shard, owner.epoch);
                    }
                }
                if let Some(plan) = plan {
                    self.plan(node, plan);
                }
                self.tell(node, |holder, now, out| {
                    holder.reset(owned, revision, now, out)
                });
            }
        }
    }

    fn timed_out(&mut self, node: usize, request: Request) {
        self.seen.unknown += 1;
        match request {
            Request::Join { .. } => self.join(node),
            Request::Claim(shard) => {
                self.tell(node, |holder, now, out| {
                    holder.claim_unknown(shard, now, out)
                });
            }
            Request::Release(shard, epoch) => {
                self.tell(node, |holder, now, out| {
                    holder.release_unknown(shard, epoch, now, out)
                });
            }
            Request::KeepAlive { .. } | Request::Revoke | Request::Snapshot => {}
        }
    }

    fn joined(&mut self, node: usize, incarnation: Option<Incarnation>, sent: u64) {
        let Process::Joining = self.nodes[node].process else {
            return;
        };
        let Some(incarnation) = incarnation else {
            // The name is in use, as yet.
            self.nodes[node].pending.clear();
            let life = self.nodes[node].life;
            let id = self.next_number();
            self.nodes[node].pending.insert(id);
            let again = ToNode::TimedOut(id, Request::Join { sent });
            self.after(SECOND / 2, Event::Node(node, life, again));
            return;
        };
        let ttl = Ttl::new(Duration::from_micros(TTL)).expect("a lease");
        let granted = Authority::granted(ttl, BootTime::new(Duration::from_micros(sent)));
        let name = self.nodes[node].name.clone();
        let seed = self.random.number();
        let holder = Holder::new(name, incarnation, self.shards, granted, self.limits, seed);
        self.nodes[node].process = Process::Up(Box::new(Up {
            incarnation,
            holder,
            position: None,
            running: BTreeMap::new(),
            draining: BTreeMap::new(),
            confirmed: BTreeSet::new(),
            sent,
            plan: None,
            behind: false,
            ending: false,
            tick_at: None,
        }));
        let life = self.nodes[node].life;
        self.after(0, Event::Node(node, life, ToNode::KeepAlive));
        self.after(0, Event::Node(node, life, ToNode::Watch));
        self.tell(node, Holder::tick);
    }

    fn keep_alive(&mut self, node: usize) {
        let this = &self.nodes[node];
        let (life, sent) = (this.life, this.clock(self.now));
        if this.up().is_some_and(|up| !up.ending) {
            self.after(TTL / 4, Event::Node(node, life, ToNode::KeepAlive));
            self.send(node, Request::KeepAlive { sent });
        }
    }

    /// The watch tells some of what it has not told, or asks for a snapshot.
    fn watch(&mut self, node: usize) {
        let life = self.nodes[node].life;
        let delay = 4 * self.delay();
        self.after(delay, Event::Node(node, life, ToNode::Watch));
        if !self.nodes[node].reaches_the_store(self.now) || !self.store_is_up() {
            return;
        }
        let name = self.nodes[node].name.clone();
        let Some(up) = self.nodes[node].up_mut() else {
            return;
        };
        let Some(position) = up.position else {
            return self.send(node, Request::Snapshot);
        };
        let more = self.store.log.len() - position;
        if more == 0 {
            return;
        }
        let upto = position + 1 + self.random.place(more);
        let told = self.store.log[position..upto].to_vec();
        let incarnation = match self.nodes[node].up_mut() {
            Some(up) => {
                up.position = Some(upto);
                up.incarnation
            }
            None => return,
        };
        for (revision, change) in told {
            match change {
                Change::Shard(shard, owner) => {
                    if let Some(owner) = &owner
                        && owner.node == name
                        && owner.incarnation == incarnation
                    {
                        self.confirm(node, shard, owner.epoch);
                    }
                    self.tell(node, |holder, now, out| {
                        holder.seen(shard, owner, revision, now, out);
                    });
                }
                Change::Plan(plan) => self.plan(node, plan),
            }
        }
    }

    fn plan(&mut self, node: usize, plan: session_supervisor_cluster::engine::Plan) {
        if let Some(up) = self.nodes[node].up_mut() {
            up.plan = Some(plan.clone());
        }
        self.tell(node, |holder, now, out| holder.planned(plan, now, out));
    }

    fn confirm(&mut self, node: usize, shard: Shard, epoch: Epoch) {
        if let Some(up) = self.nodes[node].up_mut() {
            up.confirmed.insert((shard, epoch));
        }
    }
}
