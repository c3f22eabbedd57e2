//! What a node does about its shards: each piece in a task of its own, whose outcome comes back to the
//! driver of the term in which it was begun, and to no later one.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor_store::error::{HandOverError, OpenError};
use session_supervisor_store::{Part, StoreError, TakenOver};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::Node;
use crate::engine::{Epoch, Owner, Planned, Restored, Shard};
use crate::etcd::{Claim, NodeKeys};
use crate::local::chain;

/// The pause before something is tried again that only the store or a stuck session holds up.
const PAUSE: Duration = Duration::from_secs(1);

/// What has come of something.
pub(super) enum Happened {
    Claimed(Shard, Epoch),
    ClaimRefused(Shard, Owner),
    ClaimUnknown(Shard),
    Released(Shard, Epoch),
    ReleaseUnknown(Shard, Epoch),
    Drained(Shard, Epoch),
    /// Sessions of the shard were killed and do not end. They are tried again.
    Stuck(Shard),
    EndedAll,
    /// What was admitted has been read from the store.
    Read,
    Planned(Planned),
}

/// What is being done in one term.
pub(super) struct Work {
    node: Arc<Node>,
    keys: NodeKeys,
    tell: mpsc::UnboundedSender<Happened>,
    /// To be read from the store, which is gone through as a whole: all that come meanwhile are read
    /// together.
    unread: Vec<(Shard, Epoch)>,
    reading: Reading,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    Idle,
    Busy,
}

impl Work {
    pub(super) const fn new(
        node: Arc<Node>,
        keys: NodeKeys,
        tell: mpsc::UnboundedSender<Happened>,
    ) -> Self {
        Self {
            node,
            keys,
            tell,
            unread: Vec::new(),
            reading: Reading::Idle,
        }
    }

    pub(super) fn claim(&self, shards: Vec<Shard>) {
        if shards.is_empty() {
            return;
        }
        let (keys, tell) = (self.keys.clone(), self.tell.clone());
        drop(tokio::spawn(async move {
            for (shard, claim) in keys.claim_many(&shards).await {
                let happened = match claim {
                    Ok(Claim::Claimed(epoch)) => Happened::Claimed(shard, epoch),
                    Ok(Claim::Owned(Some(owner))) => Happened::ClaimRefused(shard, owner),
                    // Whoever has it: this node does not. It is asked for again.
                    Ok(Claim::Owned(None)) => Happened::ClaimUnknown(shard),
                    Err(error) => {
                        tracing::debug!("a claim came to nothing: {error}");
                        Happened::ClaimUnknown(shard)
                    }
                };
                drop(tell.send(happened));
            }
        }));
    }

    pub(super) fn release(&self, shards: Vec<(Shard, Epoch)>) {
        if shards.is_empty() {
            return;
        }
        let (keys, tell) = (self.keys.clone(), self.tell.clone());
        drop(tokio::spawn(async move {
            let released = keys.release_many(&shards).await;
            for ((shard, epoch), (_, release)) in shards.into_iter().zip(released) {
                drop(tell.send(match release {
                    Ok(_) => Happened::Released(shard, epoch),
                    Err(_) => Happened::ReleaseUnknown(shard, epoch),
                }));
            }
        }));
    }

    pub(super) fn admit(&mut self, shard: Shard, epoch: Epoch) {
        self.unread.push((shard, epoch));
    }

    /// Reads what is unread, unless a read is under way.
    pub(super) fn read(&mut self) {
        if self.reading == Reading::Busy || self.unread.is_empty() {
            return;
        }
        self.reading = Reading::Busy;
        let shards = std::mem::take(&mut self.unread);
        let (node, tell) = (Arc::clone(&self.node), self.tell.clone());
        drop(tokio::spawn(async move {
            for (shard, epoch) in shards {
                take_over(&node, shard, epoch, &tell).await;
            }
            drop(tell.send(Happened::Read));
        }));
    }

    pub(super) fn has_read(&mut self) {
        self.reading = Reading::Idle;
    }

    /// Ends what runs of a shard. Nothing is admitted for it any more. As long as something of it is
    /// stuck, the shard is not given up: it ends with the lease.
    pub(super) fn drain(&self, shard: Shard, epoch: Epoch, within: Duration) {
        let (node, tell) = (Arc::clone(&self.node), self.tell.clone());
        drop(tokio::spawn(async move {
            let begun = Instant::now();
            let idle = node.local.admission.idle(shard);
            // What was admitted before is begun; it ends with the sessions.
            drop(tokio::time::timeout(within, idle).await);
            if let Some(part) = part(&node, shard, epoch) {
                let left = within.saturating_sub(begun.elapsed());
                hand_over(&node, (part, Some(shard)), left, &tell).await;
            }
            drop(tell.send(Happened::Drained(shard, epoch)));
        }));
    }

    /// Ends all that runs.
    pub(super) fn end_all(&self, within: Duration) {
        let (node, tell) = (Arc::clone(&self.node), self.tell.clone());
        drop(tokio::spawn(async move {
            hand_over(&node, (Part::ALL, None), within, &tell).await;
            drop(tell.send(Happened::EndedAll));
        }));
    }
}

fn part(node: &Node, shard: Shard, epoch: Epoch) -> Option<Part> {
    let of = node.local.admission.shards().count();
    Part::shard(shard.index(), of, epoch.number())
}

/// Reads the sessions of a shard. Until that is done nothing is admitted for it.
async fn take_over(
    node: &Arc<Node>,
    shard: Shard,
    epoch: Epoch,
    tell: &mpsc::UnboundedSender<Happened>,
) {
    let Some(part) = part(node, shard, epoch) else {
        return;
    };
    let begun = Instant::now();
    while !tell.is_closed() {
        let error = match node.sessions().take_over(part).await {
            Ok(restoring) => {
                node.local.admission.is_read(shard, epoch);
                let told = restored(Arc::clone(node), shard, epoch, begun, restoring);
                drop(tokio::spawn(told));
                return;
            }
            Err(error) => error,
        };
        let why = chain(&error);
        if let OpenError::Store(StoreError::Fenced(_)) = error {
            return tracing::warn!("shard {shard} has another owner: {why}");
        }
        tracing::error!("shard {shard} is not served yet: {why}");
        sleep(PAUSE).await;
    }
}

/// Waits until the sessions of a shard are restored, and tells it.
async fn restored(
    node: Arc<Node>,
    shard: Shard,
    epoch: Epoch,
    begun: Instant,
    restoring: TakenOver,
) {
    // None: the runtime is being shut down.
    let Some(report) = restoring.restored().await else {
        return;
    };
    let sessions = Restored {
        restored: report.restored,
        failed: report.failed.len(),
        set_aside: report.set_aside.len(),
        resting: report.resting,
        left: report.left,
        took: begun.elapsed(),
    };
    let feed = &node.local.feed;
    feed.tell(|picture, _, out| picture.restored(shard, epoch, sessions, out));
}

/// Hands sessions over until none of them runs any more.
async fn hand_over(
    node: &Node,
    (part, shard): (Part, Option<Shard>),
    within: Duration,
    tell: &mpsc::UnboundedSender<Happened>,
) {
    while !tell.is_closed() {
        let handed_over = node.sessions().hand_over(part, within).await;
        match handed_over {
            Ok(()) => break,
            Err(error @ HandOverError::Stuck { .. }) => {
                tracing::error!("sessions are not handed over: {error}");
                if let Some(shard) = shard {
                    drop(tell.send(Happened::Stuck(shard)));
                }
                sleep(PAUSE).await;
            }
            Err(error) => {
                let why = chain(&error);
                tracing::error!("sessions are handed over, but not all is written: {why}");
                break;
            }
        }
    }
}
