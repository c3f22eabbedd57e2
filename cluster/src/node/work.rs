//! What a node does about its shards: each piece in a task of its own, whose outcome comes to the driver
//! of the term in which it was begun.
//!
//! A piece of work that is overtaken must not go on: it could stop sessions that run under a later epoch, or
//! make sessions known that run on another node. So the pieces of one shard run one after another, the end of
//! all sessions comes after all of them, and a term is over when none of them is left.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor_store::Part;
use session_supervisor_store::error::{HandOverError, WriteError};
use tokio::sync::{Mutex, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep};

use super::Node;
pub(super) use super::happened::Happened;
use super::happened::{PAUSE, part};
use super::reads::{Reads, Turn};
use super::take_over::take_over;
use crate::chain::chain;
use crate::engine::{Epoch, Shard};
use crate::etcd::{Claim, NodeKeys};

/// How long requests that are under way may take to be answered before the sessions of their shard end.
const UNDER_WAY: Duration = Duration::from_secs(5);

/// What is being done in one term. Dropped, it ends; [`end`](Self::end) waits until it has.
pub(super) struct Work {
    node: Arc<Node>,
    keys: NodeKeys,
    tasks: JoinSet<Vec<Happened>>,
    shards: HashMap<Shard, Lane>,
    reads: Reads,
    /// Where a piece of work sends what it tells before it ends.
    tell: mpsc::UnboundedSender<Happened>,
    told: mpsc::UnboundedReceiver<Happened>,
}

/// What is done with one shard, one thing after another.
#[derive(Default)]
struct Lane {
    turn: Arc<Mutex<()>>,
    latest: Option<AbortHandle>,
}

impl Work {
    pub(super) fn new(node: Arc<Node>, keys: NodeKeys) -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        let (reads, reading) = Reads::new(Arc::clone(&node));
        let mut work = Self {
            tell,
            told,
            node,
            keys,
            tasks: JoinSet::new(),
            shards: HashMap::new(),
            reads,
        };
        // It is a task like the others, so it ends with them and with the term.
        work.begin(async move {
            reading.await;
            Vec::new()
        });
        work
    }

    /// Waits for the next outcome.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub(super) async fn next(&mut self) -> Vec<Happened> {
        // The channel is never closed, so there is always something to wait for.
        tokio::select! {
            biased;
            Some(happened) = self.told.recv() => vec![happened],
            Some(ended) = self.tasks.join_next() => match ended {
                Ok(happened) => happened,
                Err(error) if error.is_cancelled() => Vec::new(),
                Err(error) => vec![Happened::Panicked(error.to_string())],
            },
        }
    }

    /// Ends all that goes on, and waits until it has.
    pub(super) async fn end(mut self) {
        self.tasks.shutdown().await;
    }

    /// Does something that no shard waits for.
    pub(super) fn begin(&mut self, task: impl Future<Output = Vec<Happened>> + Send + 'static) {
        drop(self.tasks.spawn(task));
    }

    /// Begins a task for a shard. The task before it is aborted, and the new one begins when that has given
    /// up its turn. The task holds the turn for as long as it works on the shard.
    fn begin_with<F>(&mut self, shard: Shard, task: impl FnOnce(Turn) -> F + Send + 'static)
    where
        F: Future<Output = Vec<Happened>> + Send + 'static,
    {
        let lane = self.shards.entry(shard).or_default();
        if let Some(before) = lane.latest.take() {
            before.abort();
        }
        let turn = Arc::clone(&lane.turn);
        lane.latest = Some(self.tasks.spawn(async move {
            let turn = turn.lock_owned().await;
            task(turn).await
        }));
    }

    pub(super) fn claim(&mut self, shards: Vec<Shard>) {
        if shards.is_empty() {
            return;
        }
        let keys = self.keys.clone();
        self.begin(async move {
            let claims = keys.claim_many(&shards).await.into_iter();
            let happened = claims.map(|(shard, claim)| match claim {
                Ok(Claim::Claimed(epoch)) => Happened::Claimed(shard, epoch),
                Ok(Claim::Owned(Some(owner))) => Happened::ClaimRefused(shard, owner),
                // Another node has it, and the name of that node cannot be read. The claim is repeated.
                Ok(Claim::Owned(None)) => Happened::ClaimUnknown(shard),
                Err(error) => {
                    tracing::debug!("a claim came to nothing: {error}");
                    Happened::ClaimUnknown(shard)
                }
            });
            happened.collect()
        });
    }

    pub(super) fn release(&mut self, shards: Vec<(Shard, Epoch)>) {
        if shards.is_empty() {
            return;
        }
        let keys = self.keys.clone();
        self.begin(async move {
            let released = keys.release_many(&shards).await;
            let both = shards.into_iter().zip(released);
            let happened = both.map(|((shard, epoch), (_, release))| match release {
                Ok(_) => Happened::Released(shard, epoch),
                Err(_) => Happened::ReleaseUnknown(shard, epoch),
            });
            happened.collect()
        });
    }

    /// Reads the sessions of a shard. Until that is done nothing is admitted for it.
    pub(super) fn admit(&mut self, shard: Shard, epoch: Epoch) {
        let (node, reads) = (Arc::clone(&self.node), self.reads.clone());
        self.begin_with(shard, move |turn| async move {
            let happened = take_over(&node, shard, epoch, &reads, turn).await;
            happened.into_iter().collect()
        });
    }

    /// Ends the sessions of a shard, for which nothing is admitted any more. A shard with a session that is
    /// stuck is not given up: the node keeps it until the lease ends.
    pub(super) fn drain(&mut self, shard: Shard, epoch: Epoch, within: Duration) {
        let (node, tell) = (Arc::clone(&self.node), self.tell.clone());
        self.begin_with(shard, move |turn| async move {
            let begun = Instant::now();
            let idle = node.local.admission.idle(shard);
            // Requests that were admitted before may be answered first. Those that take longer end with the
            // sessions, which need time to end too: a call may never be answered.
            drop(tokio::time::timeout((within / 4).min(UNDER_WAY), idle).await);
            if let Some(part) = part(&node, shard, epoch) {
                let left = within.saturating_sub(begun.elapsed());
                let is_stuck = || drop(tell.send(Happened::Stuck(shard)));
                hand_over(&node, part, left, is_stuck).await;
            }
            drop(turn);
            vec![Happened::Drained(shard, epoch)]
        });
    }

    /// Ends all that runs, in place of all that is being done.
    pub(super) fn end_all(&mut self, within: Duration) {
        let node = Arc::clone(&self.node);
        let mut before = std::mem::take(&mut self.tasks);
        self.begin(async move {
            before.shutdown().await;
            hand_over(&node, Part::ALL, within, || {}).await;
            vec![Happened::EndedAll]
        });
    }
}

/// Hands sessions over until none of them runs any more and their last states are written. A state that
/// cannot be written in this time is lost: the store refuses it once another node has the shard.
async fn hand_over(node: &Node, part: Part, within: Duration, is_stuck: impl Fn()) {
    let begun = Instant::now();
    loop {
        let error = match node.sessions().hand_over(part, within).await {
            Ok(()) => return,
            Err(error) => error,
        };
        let why = chain(&error);
        match error {
            HandOverError::Stuck { .. } => {
                tracing::error!("sessions are not handed over: {why}");
                is_stuck();
            }
            HandOverError::Store(WriteError::Store(_)) if begun.elapsed() + PAUSE < within => {
                tracing::warn!("sessions are not handed over yet, tried again: {why}");
            }
            _ => return tracing::error!("sessions are handed over as they are: {why}"),
        }
        sleep(PAUSE).await;
    }
}
