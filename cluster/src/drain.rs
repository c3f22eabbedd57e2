//! Draining a node, and leaving: how, and the handle of a drain.

use std::fmt;
use std::future::Future;
use std::mem::replace;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;

use crate::cluster_supervisor::ClusterSupervisor;
use crate::engine::{DrainOrder, DrainProgress, DrainReport};
use crate::error::DrainError;
use crate::node::{DrainTold, Node, Stage};

/// How [`ClusterSupervisor::drain`] gives the shards of a node away.
///
/// ```
/// use session_supervisor_cluster::Drain;
/// use std::time::Duration;
///
/// let drain = Drain::within(Duration::from_secs(300)).at_most(4);
/// # let _ = drain;
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Drain {
    within: Duration,
    at_most: Option<usize>,
}

impl Drain {
    /// A drain of at most this long: sessions that are left then are killed. Zero kills at once.
    pub const fn within(time: Duration) -> Self {
        Self {
            within: time,
            at_most: None,
        }
    }

    /// Sets how many shards are on their way at a time. Must be at least 1. Default: 16.
    ///
    /// While others wait for their turn, a shard may take its share of the time that is left, and its
    /// sessions are killed after that, whatever their shutdown rules: so each shard has its turn before
    /// the deadline. The share is the time until the deadline, divided by the number of rounds that are
    /// still to be made, its own included. It grows when others end sooner.
    pub const fn at_most(mut self, shards: usize) -> Self {
        self.at_most = Some(shards);
        self
    }

    fn order(self, node: &Node) -> Result<DrainOrder, DrainError> {
        let at_most = match self.at_most.map(NonZeroUsize::new) {
            Some(None) => return Err(DrainError::AtMost { shards: 0 }),
            Some(at_most) => at_most,
            None => None,
        };
        let until = Some(node.clock.now().after(self.within));
        Ok(DrainOrder { until, at_most })
    }
}

/// A drain of a node, made by [`drain`](ClusterSupervisor::drain). Await it for the report;
/// [`progress`](Self::progress) tells how far it is until then.
///
/// As a future it gives the report once. Polled after that it answers [`DrainError::Left`], so that a
/// loop around it cannot wait for ever.
#[must_use = "the node is drained when this is polled"]
pub struct Draining {
    node: Arc<Node>,
    stage: State,
    seen: Option<DrainProgress>,
}

type Reported = Pin<Box<dyn Future<Output = Result<Arc<DrainReport>, DrainError>> + Send>>;

enum State {
    /// Nothing is asked before the first poll.
    New(Drain),
    Asked(watch::Receiver<DrainTold>, Reported),
    Invalid(DrainError),
    Done,
}

impl fmt::Debug for Draining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draining")
            .field("node", &self.node.name)
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl Draining {
    /// How far the drain is, as soon as that differs from what this handle has told before; `None` once
    /// it is over. The first call begins the drain, if it has not begun.
    ///
    /// It tells what is true then, and leaves out what has been overtaken: a reader that is slow misses
    /// steps, costs nothing, and delays nothing. The last step is told to every reader.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropped, it has told nothing, and the drain goes on.
    pub async fn progress(&mut self) -> Option<DrainProgress> {
        self.begin();
        let State::Asked(told, _) = &mut self.stage else {
            return None;
        };
        let seen = self.seen;
        let is_news = |told: &DrainTold| told.progress.is_some() && told.progress != seen;
        let mut now = self.node.now.subscribe();
        let progress = tokio::select! {
            biased;
            told = told.wait_for(|told| is_news(told) || told.report.is_some()) => {
                told.ok().and_then(|told| told.progress)
            }
            _ = now.wait_for(|now| now.stage == Stage::Left) => None,
        };
        if progress.is_some() && progress != self.seen {
            self.seen = progress;
            return progress;
        }
        None
    }

    fn begin(&mut self) {
        if let State::New(_) = self.stage
            && let State::New(drain) = replace(&mut self.stage, State::Done)
        {
            self.stage = match drain.order(&self.node) {
                Ok(order) => {
                    self.node.drains.order(order);
                    let told = self.node.drains.told();
                    State::Asked(told, Box::pin(reported(Arc::clone(&self.node))))
                }
                Err(error) => State::Invalid(error),
            };
        }
    }
}

impl Future for Draining {
    type Output = Result<DrainReport, DrainError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.begin();
        let result = match &mut self.stage {
            State::Asked(_, report) => match report.as_mut().poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(report) => report.map(|report| DrainReport::clone(&report)),
            },
            State::Invalid(error) => return Poll::Ready(Err(error.clone())),
            State::New(_) | State::Done => Err(DrainError::Left),
        };
        self.stage = State::Done;
        Poll::Ready(result)
    }
}

async fn reported(node: Arc<Node>) -> Result<Arc<DrainReport>, DrainError> {
    let mut told = node.drains.told();
    let mut now = node.now.subscribe();
    let report = tokio::select! {
        biased;
        told = told.wait_for(|told| told.report.is_some()) => {
            told.ok().and_then(|told| told.report.clone())
        }
        _ = now.wait_for(|now| now.stage == Stage::Left) => None,
    };
    report.ok_or(DrainError::Left)
}

impl ClusterSupervisor {
    /// Drains this node, for instance before a deploy: from then on it begins nothing new, and gives its
    /// shards to the other nodes in order. It stays in the cluster: it finds, starts and calls sessions
    /// on other nodes until it [leaves](Self::leave).
    ///
    /// - It says in etcd that it leaves, so that the planner gives its shards to others. It does not wait
    ///   for that, nor for a node that takes a shard.
    /// - New sessions are not started here any more. A start or an ensure for a shard whose turn has not
    ///   come waits, within the request timeout of its caller, until the shard has another owner, and is
    ///   carried out there. Sessions that run serve their callers until the turn of their shard comes.
    /// - A shard whose turn it is admits nothing more. Requests that are under way may be answered first, in
    ///   a quarter of its time and 5 s at most. Its sessions are stopped, each by its own shutdown
    ///   rule, and stay remembered. It waits for the store, until what they have saved is written, and then
    ///   for etcd, until the shard is free. So the next owner finds all of it.
    /// - [`Drain::at_most`] sets how many shards are on their way at a time.
    /// - At the deadline all that is left is frozen and its sessions are killed. Five seconds after it the
    ///   drain is over, whatever is left: a session that was killed and does not end is stuck, and its
    ///   shard stays this node's as long as the process lives and renews its lease, since it must not run
    ///   twice. The node goes on trying to hand it over.
    /// - Without another node the shards are given up all the same: no node owns them, and their sessions
    ///   wait in the store for the next node that joins. With a store of this node alone they are lost.
    /// - While etcd is away no shard can be given up. Its sessions end nevertheless, at the latest when
    ///   this node's authority lapses, two thirds of the lease after the last renewal; the shards count as
    ///   [lost](crate::ShardOutcome::Lost) then. The drain holds when the node joins again: it owns
    ///   nothing.
    ///
    /// A drain cannot be taken back: the process is to leave and to be started anew. A second drain joins
    /// the first and gets the same report; the earlier deadline and the smaller number at a time count
    /// from then on. One that comes after the drain is over gets its report. A [`leave`](Self::leave)
    /// joins too, and the node ends when nothing is left.
    ///
    /// # Errors
    ///
    /// [`DrainError`].
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the node is drained all the same.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn deploy(cluster: session_supervisor_cluster::ClusterSupervisor)
    /// # -> Result<(), session_supervisor_cluster::error::DrainError> {
    /// use session_supervisor_cluster::Drain;
    /// use std::time::Duration;
    ///
    /// let mut drain = cluster.drain(Drain::within(Duration::from_secs(120)));
    /// while let Some(progress) = drain.progress().await {
    ///     println!("{progress}");
    /// }
    /// println!("{}", drain.await?.summary);
    /// cluster.leave().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn drain(&self, drain: Drain) -> Draining {
        Draining {
            node: Arc::clone(self.of_node()),
            stage: State::New(drain),
            seen: None,
        }
    }

    /// Leaves the cluster: it [drains](Self::drain), without a deadline of its own, so that each shard has
    /// 30 s for its sessions to end in order; then it gives its lease back and stops its supervisor. It
    /// returns when that is done.
    ///
    /// A drain that goes on is joined, with its deadline. A session that was killed and does not end holds
    /// it up, until the process ends and with it the lease. If the lease is lost meanwhile, everything ends
    /// at once, as the lease demands. Called twice, both wait for the same.
    ///
    /// # Cancel safety
    ///
    /// Dropped after the first poll, the node leaves all the same.
    pub async fn leave(&self) {
        let node = self.of_node();
        node.leave.notify_one();
        let mut now = node.now.subscribe();
        // The node has the sender, so it is there.
        drop(now.wait_for(|now| now.stage == Stage::Left).await);
    }
}
