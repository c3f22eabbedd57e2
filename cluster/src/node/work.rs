//! What a node does about its shards: each piece in a task of its own, whose outcome comes back to the
//! driver of the term in which it was begun, and to no later one.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor_store::Part;
use session_supervisor_store::error::HandOverError;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::Node;
pub(super) use super::happened::Happened;
use super::happened::{PAUSE, part};
use super::take_over::take_over;
use crate::engine::{Epoch, Shard};
use crate::etcd::{Claim, NodeKeys};
use crate::local::chain;

/// So many shards are taken over by one call of the store. Their sessions are served when all of them are
/// read, and what else is written waits for that.
const AT_ONCE: usize = 64;

/// What is being done in one term.
pub(super) struct Work {
    node: Arc<Node>,
    keys: NodeKeys,
    tell: mpsc::UnboundedSender<Happened>,
    /// To be read from the store: all that come meanwhile are read together.
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
            for some in shards.chunks(AT_ONCE) {
                take_over(&node, some, &tell).await;
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
            let idle = node.local.admission.idle(shard);
            // What was admitted before is begun; it ends with the sessions.
            drop(tokio::time::timeout(within, idle).await);
            if let Some(part) = part(&node, shard, epoch) {
                hand_over(&node, part, within, &tell).await;
            }
            drop(tell.send(Happened::Drained(shard, epoch)));
        }));
    }

    /// Ends all that runs.
    pub(super) fn end_all(&self, within: Duration) {
        let (node, tell) = (Arc::clone(&self.node), self.tell.clone());
        drop(tokio::spawn(async move {
            hand_over(&node, Part::ALL, within, &tell).await;
            drop(tell.send(Happened::EndedAll));
        }));
    }
}

/// Hands sessions over until none of them runs any more.
async fn hand_over(
    node: &Node,
    part: Part,
    within: Duration,
    tell: &mpsc::UnboundedSender<Happened>,
) {
    while !tell.is_closed() {
        let handed_over = node.sessions().hand_over(part, within).await;
        match handed_over {
            Ok(()) => break,
            Err(error @ HandOverError::Stuck { .. }) => {
                tracing::error!("sessions are not handed over: {error}");
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
