//! The task of a node: it tells the holder what happens, and has carried out what that decides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::draining::StuckShards;
use super::planner::Plans;
use super::term::{Term, begin};
use super::work::{Happened, Work};
use super::{Node, Stage};
use crate::engine::{Authority, Backoff, Effect, Holder, Lapse, Limits, Plan, PlanSeen, Retry};
use crate::etcd::{Changed, LeaseState, Lost, NodeInfo, NodeKeys, Registered, Seen, Snapshot};
use crate::gateway::PeerInfo;
use crate::local::chain;

/// The longest time between two looks at the clock: it may have been moved on while the machine slept,
/// which no timer of the runtime notices.
const LOOK: Duration = Duration::from_millis(250);

/// What comes after a term.
enum Over {
    Rejoin,
    Left,
}

/// Runs a node until it has left.
pub(crate) async fn run(node: Arc<Node>, first: Term) {
    let mut term = first;
    loop {
        match serve(&node, term).await {
            Over::Left => break,
            Over::Rejoin => {}
        }
        node.stage(Stage::Rejoining);
        match rejoin(&node).await {
            Some(again) => term = again,
            None => break,
        }
        node.stage(Stage::Joined);
    }
    node.local.admission.set(None);
    node.drained_without_a_term();
    if let Err(error) = node.sessions().stop().await {
        let why = chain(&error);
        tracing::error!("the last states of some sessions are not written: {why}");
    }
    node.local.feed.end();
    node.stage(Stage::Left);
    tracing::info!(node = %node.name, "left the cluster");
}

/// Joins again, for as long as it takes. None: the node is to leave.
async fn rejoin(node: &Node) -> Option<Term> {
    let seed = node.clock.now().since_boot().subsec_nanos();
    let mut retry = Retry::new(Backoff::default(), seed.into());
    let mut orders = node.drains.orders();
    loop {
        let joined = begin(node);
        tokio::pin!(joined);
        let joined = loop {
            tokio::select! {
                joined = &mut joined => break joined,
                Ok(()) = orders.changed() => node.drained_without_a_term(),
                () = node.leave.notified() => return None,
            }
        };
        match joined {
            Ok(term) => return Some(term),
            Err(error) => {
                let (pause, why) = (retry.failed(), chain(&error));
                tracing::warn!(node = %node.name, "not joined: {why}; tried again in {pause:?}");
                tokio::select! {
                    () = sleep(pause) => node.drained_without_a_term(),
                    () = node.leave.notified() => return None,
                }
            }
        }
    }
}

/// One term.
pub(super) struct Driver {
    pub(super) node: Arc<Node>,
    view: Snapshot,
    work: Work,
    plans: Plans,
    pub(super) keys: NodeKeys,
    pub(super) registered: Registered,
    pub(super) info: NodeInfo,
    pub(super) stuck: StuckShards,
    /// Why the lease has ended, if etcd has said so.
    pub(super) lapse: Lapse,
}

async fn serve(node: &Arc<Node>, term: Term) -> Over {
    let Term {
        mut lease,
        keys,
        registered,
        info,
        gateway,
        mut watch,
    } = term;
    let (LeaseState::Held { sent } | LeaseState::Lost { sent, .. }) = lease.state();
    let shards = node.local.admission.shards();
    let holder = Holder::new(
        node.name.clone(),
        lease.incarnation(),
        shards,
        Authority::granted(node.ttl, sent),
        Limits::default(),
        lease.incarnation().number(),
    );
    node.local.admission.set(Some(holder));
    let incarnation = lease.incarnation();
    node.local
        .feed
        .tell(|picture, now, out| picture.joined(incarnation, now, out));
    let peers = gateway.peers().clone();
    node.now.send_modify(|now| now.peers = Some(peers));
    tracing::info!(
        node = %node.name,
        incarnation = %lease.incarnation(),
        address = info.address,
        "joined the cluster"
    );
    let (tell, mut happened) = mpsc::unbounded_channel();
    let mut driver = Driver {
        node: Arc::clone(node),
        view: Snapshot::default(),
        work: Work::new(Arc::clone(node), keys.clone(), tell.clone()),
        plans: Plans::new(keys.clone(), shards, tell.clone()),
        keys,
        registered,
        info,
        stuck: StuckShards::new(),
        lapse: Lapse::default(),
    };
    let mut orders = node.drains.orders();
    // Told once.
    let (mut lost, mut deaf) = (false, false);
    let over = loop {
        let mut out = Vec::new();
        let pause = driver.pause();
        tokio::select! {
            biased;
            state = lease.changed(), if !lost => {
                lost = matches!(state, LeaseState::Lost { .. });
                driver.lease(state, &mut out);
            }
            Some(seen) = watch.next() => driver.seen(seen, &mut out),
            Some(done) = happened.recv() => driver.happened(done, &mut out),
            why = gateway.ended(), if !deaf => {
                deaf = true;
                tracing::error!(node = %node.name, "no other node reaches this one any more: {why}");
                driver.lapse = Lapse::GatewayEnded;
                driver.tell(&mut out, Holder::lease_lost);
            }
            Ok(()) = orders.changed() => {
                let order = *orders.borrow_and_update();
                if let Some(order) = order {
                    driver.drain(order, &mut out);
                }
            }
            () = node.leave.notified() => driver.leave(&mut out),
            () = sleep(pause) => driver.tell(&mut out, Holder::tick),
        }
        driver.look_at_drain();
        if let Some(over) = driver.carry_out(out) {
            break over;
        }
        driver.plans.look(&driver.view);
    };
    node.local.admission.set(None);
    drop(watch);
    if let Err(error) = lease.revoke().await {
        tracing::warn!("the lease was not given back, it expires: {error}");
    }
    gateway.close().await;
    node.local
        .feed
        .tell(|picture, _, out| picture.gateway_closed(out));
    over
}

impl Driver {
    fn pause(&self) -> Duration {
        let deadline = self
            .node
            .local
            .admission
            .with(|holder| holder.next_deadline());
        let now = self.node.clock.now();
        let pause = deadline.flatten().map(|at| at.since(now));
        pause.unwrap_or(LOOK).min(LOOK)
    }

    fn lease(&mut self, state: LeaseState, out: &mut Vec<Effect>) {
        match state {
            LeaseState::Held { sent } => {
                self.tell(out, |holder, now, out| holder.renewed(sent, now, out));
            }
            LeaseState::Lost { why, .. } => {
                tracing::error!(node = %self.node.name, "{why}: its sessions are ended");
                match why {
                    Lost::Gone => {
                        self.lapse = Lapse::LeaseGone;
                        self.tell(out, Holder::lease_lost);
                    }
                    // The lease stands for a while, in which they can end in order.
                    _ => self.tell(out, Holder::tick),
                }
            }
        }
    }

    fn seen(&mut self, seen: Seen, out: &mut Vec<Effect>) {
        match seen {
            Seen::Reset(snapshot) => {
                self.view = snapshot;
                let owned: Vec<_> = self.view.owners.clone().into_iter().collect();
                let revision = self.view.revision;
                self.told_of_nodes(&self.view);
                let all: Vec<_> = self.node.local.admission.shards().all().collect();
                self.tell_of(&all, out, |holder, now, out| {
                    holder.reset(owned, revision, now, out);
                });
                self.planned(PlanSeen::Standing, out);
                self.peers();
                self.plans.planning.seen();
                if !self.view.nodes.contains_key(&self.node.name) {
                    self.removed(out);
                }
            }
            Seen::Change(change) => {
                let revision = change.revision;
                self.told_of(&change.what);
                self.view.revision = self.view.revision.max(revision);
                match &change.what {
                    Changed::Shard(shard, owner) => {
                        let (shard, owner) = (*shard, owner.clone());
                        self.tell_of(&[shard], out, |holder, now, out| {
                            holder.seen(shard, owner, revision, now, out);
                        });
                        self.view.set(change.what);
                    }
                    Changed::Plan(_) => {
                        self.view.set(change.what);
                        self.planned(PlanSeen::Made, out);
                        self.plans.planning.seen();
                    }
                    Changed::Node(name, node) => {
                        let gone = node.is_none() && *name == self.node.name;
                        self.view.set(change.what);
                        self.peers();
                        self.plans.planning.seen();
                        if gone {
                            self.removed(out);
                        }
                    }
                    Changed::Planner(_) => {
                        self.view.set(change.what);
                        self.plans.planning.seen();
                    }
                }
            }
        }
        let view = Arc::new(self.view.clone());
        self.node.now.send_modify(|now| now.view = view);
    }

    /// etcd does not have this node any more. Its key hangs on the lease, so that has ended, whatever its
    /// renewals say.
    fn removed(&mut self, out: &mut Vec<Effect>) {
        tracing::error!(node = %self.node.name, "etcd has removed this node");
        self.lapse = Lapse::Removed;
        self.tell(out, Holder::lease_lost);
    }

    /// Follows the plan that stands in etcd.
    fn planned(&self, seen: PlanSeen, out: &mut Vec<Effect>) {
        let Some(text) = &self.view.plan else {
            return;
        };
        match Plan::from_text(text, self.node.local.admission.shards()) {
            Ok(plan) => {
                self.node
                    .local
                    .feed
                    .tell(|picture, _, out| picture.plan(&plan, seen, out));
                self.tell(out, |holder, now, out| holder.planned(plan, now, out));
            }
            Err(error) => tracing::error!("the plan in etcd is not followed: {error}"),
        }
    }

    fn peers(&self) {
        let nodes = self.view.nodes.iter().map(|(name, (_, info))| {
            let info = PeerInfo {
                address: info.address.clone(),
                incarnation: info.incarnation,
            };
            (name.clone(), info)
        });
        let nodes: HashMap<_, _> = nodes.collect();
        if let Some(peers) = &self.node.now.borrow().peers {
            peers.set(nodes);
        }
    }

    fn happened(&mut self, happened: Happened, out: &mut Vec<Effect>) {
        match happened {
            Happened::Claimed(shard, epoch) => {
                self.tell_of(&[shard], out, |holder, now, out| {
                    holder.claimed(shard, epoch, now, out)
                });
            }
            Happened::ClaimRefused(shard, owner) => {
                self.tell_of(&[shard], out, |holder, now, out| {
                    holder.claim_refused(shard, owner, now, out);
                });
            }
            Happened::ClaimUnknown(shard) => {
                self.tell(out, |holder, now, out| {
                    holder.claim_unknown(shard, now, out)
                });
            }
            Happened::Released(shard, epoch) => {
                self.tell_of(&[shard], out, |holder, now, out| {
                    holder.released(shard, epoch, now, out)
                });
            }
            Happened::ReleaseUnknown(shard, epoch) => self.tell(out, |holder, now, out| {
                holder.release_unknown(shard, epoch, now, out);
            }),
            Happened::Stuck(shard) => drop(self.stuck.insert(shard)),
            Happened::Drained(shard, epoch) => {
                self.stuck.remove(&shard);
                self.tell(out, |holder, now, out| {
                    holder.drained(shard, epoch, now, out)
                });
            }
            Happened::EndedAll => self.tell(out, Holder::ended_all),
            Happened::Read => self.work.has_read(),
            Happened::Planned(planned) => self.plans.planning.done(planned),
        }
    }

    /// Has the effects carried out. Answers what comes after the term, if it is over.
    fn carry_out(&mut self, effects: Vec<Effect>) -> Option<Over> {
        let mut over = None;
        let (mut claims, mut releases) = (Vec::new(), Vec::new());
        for effect in effects {
            match effect {
                Effect::Claim(shard) => claims.push(shard),
                Effect::Release(shard, epoch) => releases.push((shard, epoch)),
                Effect::Admit(shard, epoch) => self.work.admit(shard, epoch),
                // Nothing is admitted since the holder has decided so.
                Effect::Freeze(..) => {}
                Effect::Drain(shard, epoch, within) => self.work.drain(shard, epoch, within),
                Effect::Kill(shard, epoch) => self.work.drain(shard, epoch, Duration::ZERO),
                Effect::EndAll { until } => {
                    let within = until.since(self.node.clock.now());
                    self.work.end_all(within);
                }
                Effect::KillAll => self.work.end_all(Duration::ZERO),
                Effect::Rejoin => over = Some(Over::Rejoin),
                Effect::Left => over = Some(Over::Left),
            }
        }
        self.work.claim(claims);
        self.work.release(releases);
        self.work.read();
        over
    }
}
