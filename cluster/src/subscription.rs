//! Following a node: how it stands with the cluster as of a revision, and every event after it.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use session_supervisor::Reader;

use crate::cluster_supervisor::ClusterSupervisor;
use crate::engine::Snapshot;
use crate::event::{Event, Lagged, TryNextError};
use crate::feed::NodeFeed;

/// Someone who follows a node of a cluster: how it stands as of a revision, and every event after that.
/// Made by [`subscribe`](ClusterSupervisor::subscribe).
///
/// The events are in the order in which the node learned of things, and those of one shard are in the
/// order of what happened to it. The last event is that the node has left; after it there is none.
///
/// A subscription that is read too slowly loses the oldest events first, and is told how many
/// ([`Lagged`]): 16,384 are kept. It never delays the node, a session, or another subscription. One that
/// is dropped costs nothing any more.
pub struct Subscription {
    feed: Arc<NodeFeed>,
    reader: Reader<Event>,
    snapshot: Option<Snapshot>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("feed", &self.feed)
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}

impl Subscription {
    pub(crate) fn new(feed: Arc<NodeFeed>) -> Self {
        let (snapshot, listener) = feed.listen();
        Self {
            feed,
            reader: Reader::of(listener),
            snapshot: Some(snapshot),
        }
    }

    /// What has happened since a revision, or how it stands if that is not kept.
    pub(crate) fn from(feed: Arc<NodeFeed>, revision: u64) -> Self {
        match feed.listen_from(revision) {
            None => Self::new(feed),
            Some(listener) => Self {
                feed,
                reader: Reader::of(listener),
                snapshot: None,
            },
        }
    }

    /// How it stands as of the revision at which the subscription began. None if it began
    /// [from a revision](ClusterSupervisor::subscribe_from) that the caller knows, or if it was
    /// [taken](Self::take_snapshot).
    #[must_use]
    pub const fn snapshot(&self) -> Option<&Snapshot> {
        self.snapshot.as_ref()
    }

    /// The same, to [keep up to date](Snapshot::apply).
    pub fn take_snapshot(&mut self) -> Option<Snapshot> {
        self.snapshot.take()
    }

    /// The revision up to which this subscription has told what happened.
    #[must_use]
    pub fn revision(&self) -> u64 {
        self.reader.revision()
    }

    /// Waits for the next event. `None` after the node has left.
    ///
    /// # Errors
    ///
    /// [`Lagged`] if events are lost. The next call goes on with the oldest one that is left; what was
    /// kept up to date by events needs a new snapshot ([`resync`](Self::resync)).
    ///
    /// # Cancel safety
    ///
    /// Safe: dropped, it has taken nothing.
    pub async fn next(&mut self) -> Option<Result<Arc<Event>, Lagged>> {
        self.reader.next().await
    }

    /// The next event, if it has happened. Waits for nothing.
    ///
    /// # Errors
    ///
    /// `Empty` if nothing has happened, `Lagged` as in [`next`](Self::next), `Ended` after the node has
    /// left.
    pub fn try_next(&mut self) -> Result<Arc<Event>, TryNextError> {
        self.reader.try_next()
    }

    /// As [`next`](Self::next), for those who write a future or a stream of their own.
    ///
    /// After a number of events it lets other tasks go first: it wakes the caller and is pending.
    pub fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Arc<Event>, Lagged>>> {
        self.reader.poll_next(context)
    }

    /// Keeps every event from here on until this subscription has read it, however slow that is: it is
    /// never [`Lagged`] afterwards. For what must not miss one, such as an audit.
    ///
    /// It delays nothing, but memory grows with what is not read. It holds until the subscription
    /// is dropped or [`resync`](Self::resync)ed. Events that were lost before stay lost, so call it at
    /// once.
    pub fn keep_all(&mut self) {
        self.reader.keep_all();
    }

    /// Takes a new [snapshot](Self::snapshot) and goes on after it, as a new subscription would. Waits
    /// for nothing.
    pub fn resync(&mut self) {
        *self = Self::new(Arc::clone(&self.feed));
    }
}

#[cfg(feature = "stream")]
impl futures_core::Stream for Subscription {
    type Item = Result<Arc<Event>, Lagged>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Self::Item>> {
        Self::poll_next(self.get_mut(), context)
    }
}

impl ClusterSupervisor {
    /// Subscribes to what happens to the cluster, as far as this node learns of it: how it stands as of a
    /// revision, and every event exactly after it.
    ///
    /// [`Snapshot::apply`] brings the snapshot up to date: with all events up to a revision it is what
    /// this node knew then. It tells of nodes, shards, the planner and the plan, of this node's authority,
    /// its connections, its restores and its drain. What happens to sessions is told by the supervisor of
    /// each node ([`sessions`](Self::sessions)).
    ///
    /// What etcd says arrives later than it was so, and while etcd is away nothing of it arrives. Then
    /// the rest is told all the same, among it that this node admits nothing any more
    /// ([`AuthorityLapsed`](crate::EventKind::AuthorityLapsed)).
    ///
    /// It sends no message and waits for nothing, also after the node has left.
    ///
    /// ```no_run
    /// # async fn follow(cluster: session_supervisor_cluster::ClusterSupervisor) {
    /// use session_supervisor_cluster::EventKind;
    ///
    /// let mut feed = cluster.subscribe();
    /// let mut known = feed.take_snapshot().expect("it is new");
    /// println!("{} nodes, {} shards unowned", known.nodes.len(), known.unowned());
    /// while let Some(event) = feed.next().await {
    ///     match event {
    ///         Ok(event) => {
    ///             known.apply(&event);
    ///             if let EventKind::ShardLost { .. } = event.kind {
    ///                 println!("{event}");
    ///             }
    ///         }
    ///         Err(lagged) => {
    ///             eprintln!("{lagged}");
    ///             feed.resync();
    ///             known = feed.take_snapshot().expect("it is new");
    ///         }
    ///     }
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn subscribe(&self) -> Subscription {
        Subscription::new(Arc::clone(&self.of_node().local.feed))
    }

    /// Subscribes from a revision on that the caller knows, such as that of an earlier subscription.
    ///
    /// If all that followed is kept, the subscription goes on there and has no snapshot. Else it is as one
    /// of [`subscribe`](Self::subscribe), with a snapshot. Nothing is kept while there is no subscription.
    ///
    /// A revision of another node, or of an earlier run of the program, is answered by a snapshot: the
    /// revisions of each node begin at a random number below 2^52.
    #[must_use]
    pub fn subscribe_from(&self, revision: u64) -> Subscription {
        Subscription::from(Arc::clone(&self.of_node().local.feed), revision)
    }
}
