//! The task of a node: it tells the holder what happens, and has the holder's decisions carried out.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;

use super::Node;
use super::draining::StuckShards;
use super::planner::Plans;
use super::term::Term;
use super::work::{Happened, Work};
use crate::engine::{Authority, BootTime, Effect, Holder, Lapse, Leaving, Limits, Plan, PlanSeen};
use crate::etcd::{Changed, LeaseState, Lost, NodeInfo, NodeKeys, Registered, Seen, Snapshot};
use crate::gateway::PeerInfo;

/// The longest time between two looks at the clock: it may have been moved on while the machine slept,
/// which no timer of the runtime notices.
const LOOK: Duration = Duration::from_millis(250);

/// What comes after a term.
pub(super) enum Over {
    Rejoin,
    Left,
}

/// One term.
pub(super) struct Driver {
    pub(super) node: Arc<Node>,
    pub(super) work: Work,
    plans: Plans,
    /// What etcd says, as of the last change that was seen.
    view: Snapshot,
    pub(super) keys: NodeKeys,
    pub(super) registered: Registered,
    pub(super) info: NodeInfo,
    pub(super) stuck: StuckShards,
    /// Why the lease has ended, if etcd has said so.
    pub(super) lapse: Lapse,
    /// The time of the latest look at the clock.
    latest: BootTime,
    /// The call of the session store that the log has told to be late.
    pub(super) late_call: Option<u64>,
}

/// Serves until the term is over.
pub(super) async fn serve(node: &Arc<Node>, term: Term) -> Over {
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
    let incarnation = lease.incarnation();
    node.local
        .feed
        .tell(|picture, now, out| picture.joined(incarnation, now, out));
    tracing::info!(
        node = %node.name,
        incarnation = %lease.incarnation(),
        address = info.address,
        "joined the cluster"
    );
    let mut driver = Driver {
        node: Arc::clone(node),
        work: Work::new(Arc::clone(node), keys.clone()),
        plans: Plans::new(keys.clone(), shards),
        view: Snapshot::default(),
        keys,
        registered,
        info,
        stuck: StuckShards::new(),
        lapse: Lapse::default(),
        latest: node.clock.now(),
        late_call: None,
    };
    let mut orders = node.drains.orders();
    let ended = node.sessions().sessions().wait();
    tokio::pin!(ended);
    // Each of these is told once.
    let (mut lost, mut deaf, mut blind, mut idle) = (false, false, false, false);
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
            seen = watch.next(), if !blind => match seen {
                Some(seen) => driver.seen(seen, &mut out),
                None => {
                    blind = true;
                    let node = &node.name;
                    tracing::error!(%node, "the watch of etcd has ended: its sessions are ended");
                    driver.tell(&mut out, Holder::lease_lost);
                }
            },
            happened = driver.work.next() => {
                for happened in happened {
                    driver.happened(happened, &mut out);
                }
            }
            _ = &mut ended, if !idle => {
                idle = true;
                let node = &node.name;
                tracing::error!(%node, "the supervisor of its sessions has ended: it leaves");
                driver.leave(&mut out);
            }
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
        driver.look_at_the_store();
        if let Some(over) = driver.carry_out(out) {
            break over;
        }
        driver.plans.look(&driver.view, &mut driver.work);
    };
    node.local.admission.set(None);
    drop(watch);
    driver.work.end().await;
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
    /// A clock that went back would make the lease last longer here than in etcd. No system is known to set
    /// this clock back.
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

    fn lease(&mut self, state: LeaseState, out: &mut Vec<Effect>) {
        match state {
            LeaseState::Held { sent } => {
                self.tell(out, |holder, now, out| holder.renewed(sent, now, out));
            }
            LeaseState::Lost { why, .. } => {
                tracing::error!(node = %self.node.name, "{why}: its sessions are ended");
                match why {
                    Lost::Gone | Lost::WentBack(_) => {
                        self.lapse = Lapse::LeaseGone;
                        self.tell(out, Holder::lease_lost);
                    }
                    // The lease stands for a while, in which they can end in order.
                    _ => self.tell(out, Holder::tick),
                }
            }
        }
    }

    /// etcd has been followed up to this revision. That wakes no task.
    fn followed(&self, revision: u64) {
        self.node.now.send_if_modified(|now| {
            now.revision = now.revision.max(revision);
            false
        });
    }

    fn seen(&mut self, seen: Seen, out: &mut Vec<Effect>) {
        match seen {
            Seen::WentBack(why) => {
                tracing::error!(node = %self.node.name, "{why}: its sessions are ended");
                self.tell(out, Holder::lease_lost);
            }
            Seen::Reset(snapshot) => {
                let (owned, revision) = (snapshot.owners.clone(), snapshot.revision);
                self.followed(revision);
                self.told_of_nodes(&snapshot);
                self.view = snapshot;
                let all: Vec<_> = self.node.local.admission.shards().all().collect();
                self.tell_of(&all, out, |holder, now, out| {
                    holder.reset(owned, revision, now, out);
                });
                self.planned(PlanSeen::Standing, out);
                self.peers();
                self.plans.planning.seen();
                if !self.is_registered() {
                    self.removed(out);
                }
            }
            Seen::Change(change) => {
                let (revision, what) = (change.revision, change.what.clone());
                self.followed(revision);
                self.told_of(&what);
                self.view.revision = self.view.revision.max(revision);
                self.view.set(change.what);
                match what {
                    Changed::Shard(shard, owner) => {
                        self.tell_of(&[shard], out, |holder, now, out| {
                            holder.seen(shard, owner, revision, now, out);
                        });
                    }
                    Changed::Plan(_) => {
                        self.planned(PlanSeen::Made, out);
                        self.plans.planning.seen();
                    }
                    Changed::Node(name, _) => {
                        self.peers();
                        self.plans.planning.seen();
                        if name == self.node.name && !self.is_registered() {
                            self.removed(out);
                        }
                    }
                    Changed::Planner(_) => self.plans.planning.seen(),
                }
            }
        }
    }

    /// Whether the key of this node is there, as it was created: another one of its name is not this run's.
    fn is_registered(&self) -> bool {
        let own = self.view.nodes.get(&self.node.name);
        own.is_some_and(|(registered, _)| *registered == self.registered)
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
        let peers = self.node.now.borrow().peers.clone();
        let nodes = self.view.nodes.iter().map(|(name, (_, info))| {
            let info = PeerInfo {
                address: info.address.clone(),
                incarnation: info.incarnation,
            };
            (name.clone(), info)
        });
        let nodes: HashMap<_, _> = nodes.collect();
        if let Some(peers) = peers {
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
            Happened::Outdated(shard, epoch) => self.tell(out, |holder, now, out| {
                holder.outdated(shard, epoch, now, out);
            }),
            Happened::EndedAll => self.tell(out, Holder::ended_all),
            Happened::Planned(planned) => self.plans.planning.done(planned),
            Happened::StoreEnded if self.info.leaving == Leaving::Yes => {}
            Happened::StoreEnded => {
                tracing::error!(node = %self.node.name, "its session store has ended: it leaves");
                self.leave(out);
            }
            Happened::Panicked(why) => {
                let node = &self.node.name;
                tracing::error!(%node, "its work has panicked, its sessions are ended: {why}");
                self.tell(out, Holder::lease_lost);
            }
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
        over
    }
}
