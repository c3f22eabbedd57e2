//! Following a supervisor: its sessions as of a revision, and every event after it.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use ractor::{ActorRef, Message};

use crate::SessionSupervisor;
use crate::actor::feed::{Found, KEPT, Listener, Listens, Reader};
use crate::actor::shared::{Query, Shared};
use crate::actor::turns::make_way;
use crate::ask;
use crate::error::SupervisorDown;
use crate::event::{Event, Lagged, SessionStatus, Snapshot, TryNextError};
use crate::info::SessionInfo;

/// How many events are taken at a time to bring a list up to date.
const BATCH: usize = 128;

/// How many sessions of a list are taken between two turns of others.
const PART: usize = 1_024;

/// Someone who follows a [`SessionSupervisor`]: its sessions as of a revision, and every event after
/// that. Made by [`subscribe`](SessionSupervisor::subscribe).
///
/// The events of one session come in the order of what happened, and so do those of one child of its
/// tree. Between a session and its children there is no order: a child may be told as started before its
/// session is told as launched. The last event is the end of the supervisor; after it there is none.
///
/// A subscription that is read too slowly loses the oldest events first, and is told how many
/// ([`Lagged`]): [`EVENTS_KEPT`](SessionSupervisor::EVENTS_KEPT) are kept. It never delays the
/// supervisor, a session, or another subscription. One that is dropped costs nothing any more; the
/// memory that a supervisor has kept for events is freed when the next thing happens to it.
pub struct Subscription {
    shared: Arc<Shared>,
    reader: Reader<Event>,
    snapshot: Option<Snapshot>,
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("supervisor", &self.shared.name())
            .field("revision", &self.revision())
            .finish_non_exhaustive()
    }
}

impl Subscription {
    /// The sessions as of the revision at which the subscription began. None if it began
    /// [from a revision](SessionSupervisor::subscribe_from) that the caller knows, or if the
    /// snapshot was [taken](Self::take_snapshot).
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
    pub const fn revision(&self) -> u64 {
        self.reader.revision()
    }

    /// Waits for the next event. `None` after the end of the supervisor.
    ///
    /// # Errors
    ///
    /// [`Lagged`] if events are lost. The next call goes on with the oldest one that is left; what
    /// was kept up to date by events needs a new snapshot ([`resync`](Self::resync)).
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
    /// `Empty` if nothing has happened, `Lagged` as in [`next`](Self::next), `Ended` after the end of
    /// the supervisor.
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

    /// Keeps every event from here on until this subscription has read it, however slow that is: it
    /// is never [`Lagged`] afterwards. For what must not miss one, such as a store of what runs.
    ///
    /// Nobody is delayed by it, but memory grows with what is not read, 0.3 KB for each event. It
    /// holds until the subscription is dropped or [`resync`](Self::resync)ed. Events that were lost
    /// before stay lost, so call it at once.
    pub fn keep_all(&mut self) {
        self.reader.keep_all();
    }

    /// Takes a new [snapshot](Self::snapshot) and goes on after it, as a new subscription would.
    ///
    /// # Errors
    ///
    /// The supervisor has ended. Then the subscription is as it was.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropped, the subscription is as it was.
    pub async fn resync(&mut self) -> Result<(), SupervisorDown> {
        *self = subscribe(Arc::clone(&self.shared), None).await?;
        Ok(())
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

impl SessionSupervisor {
    /// How many events are kept for subscriptions that are slow, while there are any: 16,384.
    pub const EVENTS_KEPT: usize = KEPT;

    /// Subscribes to what happens: the sessions as of a revision, and every event exactly after it.
    ///
    /// [`Snapshot::apply`] brings the snapshot up to date: with all events up to a revision it is
    /// what the supervisor's list was then. Events tell of the children of trees too, by their
    /// session and their role; they are not in the snapshot.
    ///
    /// It waits for a list of the sessions, which is taken in parts between which others are
    /// answered. Events are kept meanwhile, however many.
    ///
    /// # Errors
    ///
    /// `SupervisorDown` if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropped, it has left nothing behind.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::{ChildSpec, EventKind, Options, SessionSupervisor};
    ///
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let mut feed = sessions.subscribe().await.unwrap();
    /// let mut list = feed.take_snapshot().unwrap();
    /// sessions.start_session("alice", ChildSpec::new(|_| (Chat, ()))).await.unwrap();
    /// sessions.stop().await.unwrap();
    /// while let Some(event) = feed.next().await {
    ///     let event = event.unwrap();
    ///     list.apply(&event);
    ///     println!("{event}");
    ///     if let EventKind::Started { .. } = event.kind {
    ///         assert!(list.sessions.contains_key("alice"));
    ///     }
    /// }
    /// assert!(list.sessions.is_empty());
    /// # }
    /// ```
    pub fn subscribe(
        &self,
    ) -> impl Future<Output = Result<Subscription, SupervisorDown>> + Send + 'static + use<> {
        subscribe(Arc::clone(&self.shared), None)
    }

    /// Subscribes from a revision on that the caller knows, such as that of an earlier subscription.
    ///
    /// If all that followed is kept, the subscription goes on there and has no snapshot. Else it is
    /// as one of [`subscribe`](Self::subscribe), with a snapshot. Nothing is kept while nobody is
    /// subscribed.
    ///
    /// A revision of another supervisor, or of an earlier run of the program, is answered by a
    /// snapshot: the revisions of each supervisor begin at a random number below 2^52.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    ///
    /// # Cancel safety
    ///
    /// As [`subscribe`](Self::subscribe).
    pub fn subscribe_from(
        &self,
        revision: u64,
    ) -> impl Future<Output = Result<Subscription, SupervisorDown>> + Send + 'static + use<> {
        subscribe(Arc::clone(&self.shared), Some(revision))
    }
}

async fn subscribe(shared: Arc<Shared>, from: Option<u64>) -> Result<Subscription, SupervisorDown> {
    loop {
        let feed = shared.feed().cloned();
        let listen = |reply| Query::listen(feed, from, reply);
        let mut listener = match ask::query(&shared, listen).await? {
            Listens::Resumed(listener) => return Ok(Subscription::of(shared, listener, None)),
            Listens::Anew(listener) => listener,
        };
        let list = ask::query(&shared, Query::List).await?;
        let snapshot = as_listed(&list, listener.after()).await;
        shared.undelivered(list);
        if let Some(snapshot) = up_to_date(snapshot, &mut listener) {
            return Ok(Subscription::of(shared, listener, Some(snapshot)));
        }
    }
}

/// A list that was begun after this revision. There may be very many sessions, so others have their
/// turns in between.
async fn as_listed(list: &[SessionInfo], revision: u64) -> Snapshot {
    let mut sessions = HashMap::with_capacity(list.len());
    for part in list.chunks(PART) {
        sessions.extend(part.iter().map(|info| {
            let status = SessionStatus {
                label: info.label.clone(),
                state: info.state,
                incarnation: info.incarnation,
            };
            (info.id.clone(), status)
        }));
        make_way().await;
    }
    Snapshot { revision, sessions }
}

/// In a list each session is as it was when its turn came. What has happened to it since then, or
/// before, is in the feed. None: so much has happened that not all of it is kept.
fn up_to_date(mut snapshot: Snapshot, listener: &mut Listener) -> Option<Snapshot> {
    let mut events = VecDeque::new();
    loop {
        match listener.read(BATCH, &mut events, None) {
            Found::Some => events.drain(..).for_each(|event| snapshot.apply(&event)),
            Found::Lost(_) => return None,
            Found::Nothing | Found::Over => break,
        }
    }
    listener.unpin();
    Some(snapshot)
}

/// Subscribes from now on, without the list of the sessions.
#[cfg(feature = "dashboard")]
pub(crate) async fn follow(shared: Arc<Shared>) -> Result<Subscription, SupervisorDown> {
    let feed = shared.feed().cloned();
    let (Listens::Resumed(mut listener) | Listens::Anew(mut listener)) =
        ask::query(&shared, |reply| Query::listen(feed, None, reply)).await?;
    listener.unpin();
    Ok(Subscription::of(shared, listener, None))
}

impl Subscription {
    fn of(shared: Arc<Shared>, listener: Listener, snapshot: Option<Snapshot>) -> Self {
        Self {
            shared,
            reader: Reader::of(listener),
            snapshot,
        }
    }

    /// Hands each event to an actor as one of its messages, from now on. `map` makes the message;
    /// none: the actor is not told.
    ///
    /// It ends with the actor, after the end of the supervisor, or if `map` panics, and blocks
    /// nobody. The actor's mailbox has no bound: one that is slower than the feed grows its mailbox,
    /// so leave out what it does not need.
    pub fn forward_to<M: Message>(
        self,
        actor: ActorRef<M>,
        map: impl FnMut(Result<Arc<Event>, Lagged>) -> Option<M> + Send + 'static,
    ) {
        let runtime = self.shared.runtime().clone();
        drop(runtime.spawn(forward(self, actor, map)));
    }
}

async fn forward<M: Message>(
    mut subscription: Subscription,
    actor: ActorRef<M>,
    mut map: impl FnMut(Result<Arc<Event>, Lagged>) -> Option<M>,
) {
    let cell = actor.get_cell();
    let ended = cell.wait(None);
    let mut ended = std::pin::pin!(ended);
    loop {
        let event = tokio::select! {
            biased;
            _ = ended.as_mut() => return,
            event = subscription.next() => event,
        };
        let Some(event) = event else {
            return;
        };
        if let Some(message) = map(event)
            && actor.cast(message).is_err()
        {
            return;
        }
    }
}
