//! The task of a node: it tells the holder what happens, and has carried out what that decides.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::planner::Plans;
use super::term::{Term, begin};
use super::work::{Happened, Work};
use super::{Node, Stage};
use crate::engine::{Authority, Backoff, BootTime, Effect, Holder, Leaving, Limits, Plan, Retry};
use crate::etcd::{Changed, LeaseState, Lost, NodeInfo, Registered, Seen, Snapshot, Updated};
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
    if let Err(error) = node.sessions().stop().await {
        let why = chain(&error);
        tracing::error!("the last states of some sessions are not written: {why}");
    }
    node.stage(Stage::Left);
    tracing::info!(node = %node.name, "left the cluster");
}

/// Joins again, for as long as it takes. None: the node is to leave.
async fn rejoin(node: &Node) -> Option<Term> {
    let seed = node.clock.now().since_boot().subsec_nanos();
    let mut retry = Retry::new(Backoff::default(), seed.into());
    loop {
        let joined = tokio::select! {
            joined = begin(node) => joined,
            () = node.leave.notified() => return None,
        };
        match joined {
            Ok(term) => return Some(term),
            Err(error) => {
                let (pause, why) = (retry.failed(), chain(&error));
                // Some last until somebody does something: they are told once, and by `status`.
                if node.now.borrow().not_joined.as_deref() == Some(&*why) {
                    tracing::debug!(node = %node.name, "not joined: {why}; tried again in {pause:?}");
                } else {
                    tracing::warn!(node = %node.name, "not joined: {why}; tried again");
                }
                node.now
                    .send_modify(|now| now.not_joined = Some(why.into()));
                tokio::select! {
                    () = sleep(pause) => {}
                    () = node.leave.notified() => return None,
                }
            }
        }
    }
}

/// One term.
struct Driver {
    node: Arc<Node>,
    view: Snapshot,
    work: Work,
    plans: Plans,
    info: NodeInfo,
    registered: Registered,
    /// The time of the latest look at the clock.
    latest: BootTime,
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
        info,
        registered,
        latest: node.clock.now(),
    };
    // Told once.
    let (mut lost, mut deaf) = (false, false);
    let over = loop {
        let mut out = Vec::new();
        driver.look_at_the_clock(&mut out);
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
                driver.tell(&mut out, Holder::lease_lost);
            }
            () = node.leave.notified() => {
                node.stage(Stage::Leaving);
                driver.info.leaving = Leaving::Yes;
                let (keys, info) = (keys.clone(), driver.info.clone());
                drop(tokio::spawn(async move {
                    // It leaves in any case; who plans then sees it when its shards are free.
                    match keys.update(registered, &info).await {
                        Ok(Updated::Written | Updated::NotRegistered) => {}
                        Err(error) => tracing::warn!("not told that it leaves: {error}"),
                    }
                }));
                driver.tell(&mut out, Holder::leave);
            }
            () = sleep(pause) => driver.tell(&mut out, Holder::tick),
        }
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
    over
}

impl Driver {
    /// Tells the holder something.
    fn tell(
        &self,
        out: &mut Vec<Effect>,
        what: impl FnOnce(&mut Holder, BootTime, &mut Vec<Effect>),
    ) {
        let now = self.node.clock.now();
        self.node
            .local
            .admission
            .with(|holder| what(holder, now, out));
        self.node.local.admission.changed.notify_waiters();
    }

    /// A clock that goes back would make the lease last longer here than in etcd. None does by itself.
    fn look_at_the_clock(&mut self, out: &mut Vec<Effect>) {
        let now = self.node.clock.now();
        if now < self.latest {
            let back = self.latest.since(now);
            tracing::error!(node = %self.node.name, ?back, "the clock went back: its sessions are ended");
            self.tell(out, Holder::lease_lost);
        }
        self.latest = now;
    }

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

    fn lease(&self, state: LeaseState, out: &mut Vec<Effect>) {
        match state {
            LeaseState::Held { sent } => {
                self.tell(out, |holder, now, out| holder.renewed(sent, now, out));
            }
            LeaseState::Lost { why, .. } => {
                tracing::error!(node = %self.node.name, "{why}: its sessions are ended");
                match why {
                    Lost::Gone | Lost::WentBack(_) => self.tell(out, Holder::lease_lost),
                    // The lease stands for a while, in which they can end in order.
                    _ => self.tell(out, Holder::tick),
                }
            }
        }
    }

    fn seen(&mut self, seen: Seen, out: &mut Vec<Effect>) {
        match seen {
            Seen::WentBack(why) => {
                tracing::error!(node = %self.node.name, "{why}: its sessions are ended");
                self.tell(out, Holder::lease_lost);
            }
            Seen::Reset(snapshot) => {
                self.view = snapshot;
                let owned: Vec<_> = self.view.owners.clone().into_iter().collect();
                let revision = self.view.revision;
                self.tell(out, |holder, now, out| {
                    holder.reset(owned, revision, now, out);
                });
                self.planned(out);
                self.peers();
                self.plans.planning.seen();
                if !self.is_registered() {
                    self.removed(out);
                }
            }
            Seen::Change(change) => {
                let revision = change.revision;
                self.view.revision = self.view.revision.max(revision);
                match &change.what {
                    Changed::Shard(shard, owner) => {
                        let (shard, owner) = (*shard, owner.clone());
                        self.tell(out, |holder, now, out| {
                            holder.seen(shard, owner, revision, now, out);
                        });
                        self.view.set(change.what);
                    }
                    Changed::Plan(_) => {
                        self.view.set(change.what);
                        self.planned(out);
                        self.plans.planning.seen();
                    }
                    Changed::Node(name, _) => {
                        let own = *name == self.node.name;
                        self.view.set(change.what);
                        self.peers();
                        self.plans.planning.seen();
                        if own && !self.is_registered() {
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

    /// Whether the key of this node is there, as it was created: another one of its name is not this run's.
    fn is_registered(&self) -> bool {
        let own = self.view.nodes.get(&self.node.name);
        own.is_some_and(|(registered, _)| *registered == self.registered)
    }

    /// etcd does not have this node any more. Its key hangs on the lease, so that has ended, whatever its
    /// renewals say.
    fn removed(&self, out: &mut Vec<Effect>) {
        tracing::error!(node = %self.node.name, "etcd has removed this node");
        self.tell(out, Holder::lease_lost);
    }

    /// Follows the plan that stands in etcd.
    fn planned(&self, out: &mut Vec<Effect>) {
        let Some(text) = &self.view.plan else {
            return;
        };
        match Plan::from_text(text, self.node.local.admission.shards()) {
            Ok(plan) => self.tell(out, |holder, now, out| holder.planned(plan, now, out)),
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
                self.tell(out, |holder, now, out| {
                    holder.claimed(shard, epoch, now, out)
                });
            }
            Happened::ClaimRefused(shard, owner) => self.tell(out, |holder, now, out| {
                holder.claim_refused(shard, owner, now, out);
            }),
            Happened::ClaimUnknown(shard) => {
                self.tell(out, |holder, now, out| {
                    holder.claim_unknown(shard, now, out)
                });
            }
            Happened::Released(shard, epoch) => {
                self.tell(out, |holder, now, out| {
                    holder.released(shard, epoch, now, out)
                });
            }
            Happened::ReleaseUnknown(shard, epoch) => self.tell(out, |holder, now, out| {
                holder.release_unknown(shard, epoch, now, out);
            }),
            Happened::Drained(shard, epoch) => {
                self.tell(out, |holder, now, out| {
                    holder.drained(shard, epoch, now, out)
                });
            }
            Happened::Outdated(shard, epoch) => self.tell(out, |holder, now, out| {
                holder.outdated(shard, epoch, now, out);
            }),
            Happened::ReadAgain(shards) => {
                for (shard, epoch) in shards {
                    self.work.admit(shard, epoch);
                }
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
