//! From a store to a supervisor that runs what is in it.

use std::sync::Arc;

use session_supervisor::{Options, SessionSupervisor};
use tokio::sync::{Semaphore, watch};

use super::walks::Walks;
use super::{DurableSupervisor, Inner};
use crate::engine::{Kept, LAST_REVISION, Standing};
use crate::error::OpenError;
use crate::follow::follow;
use crate::journal::Journal;
use crate::kinds::Kinds;
use crate::loaded::{Loaded, Waiting, is_restored};
use crate::part::Part;
use crate::record::Record;
use crate::restore::{AT_ONCE, restore};
use crate::session_store::{SessionStore, StoreError};
use crate::writer::chain;

impl DurableSupervisor {
    /// Starts a supervisor, and in it again what ran when the store was last in use.
    ///
    /// It waits until all that is remembered has been read, so from then on every id is known. The
    /// sessions are started in the background, at most 64 at once, those first that were used last:
    /// [`restored`](Self::restored) waits for them. A start of an id whose turn has not come says so;
    /// [`ensure_session`](Self::ensure_session) has it restored at once.
    ///
    /// It must be polled within a tokio runtime.
    ///
    /// # Errors
    ///
    /// A bad kind, a store that cannot be read, options that are none. An entry that cannot be read is
    /// no error: it is set aside.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, it leaves the store as it is.
    ///
    /// # Examples
    ///
    /// ```
    /// use serde::{Deserialize, Serialize};
    /// use session_supervisor::{ChildSpec, Options};
    /// use session_supervisor_store::{DurableSupervisor, Kinds, MemoryStore};
    ///
    /// #[derive(Clone, Serialize, Deserialize)]
    /// struct ChatArgs { topic: String }
    ///
    /// struct Chat;
    /// #[ractor::actor(message = (), state = (), arguments = ())]
    /// impl Chat {}
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let kinds = || Kinds::new().kind("chat", |_: ChatArgs, _| ChildSpec::new(|_| (Chat, ())));
    /// let store = MemoryStore::new(); // `SqliteStore::open("chats.db")?` in a program
    ///
    /// let options = Options::new().unique_name();
    /// let chats = DurableSupervisor::open(options.clone(), kinds(), store.clone()).await.unwrap();
    /// let tea = ChatArgs { topic: "tea".to_owned() };
    /// chats.start_session("alice", "chat", &tea).await.unwrap();
    /// chats.stop().await.unwrap();
    ///
    /// let chats = DurableSupervisor::open(options, kinds(), store).await.unwrap();
    /// assert_eq!(chats.restored().await.unwrap().restored, 1);
    /// assert!(chats.sessions().is_running("alice"));
    /// # chats.stop().await.unwrap();
    /// # }
    /// ```
    pub fn open(
        options: Options,
        kinds: Kinds,
        store: impl SessionStore,
    ) -> impl Future<Output = Result<Self, OpenError>> + Send + 'static {
        Self::opened(options, kinds, Box::new(store), Restores::All)
    }

    /// Starts a supervisor over a store.
    pub(super) async fn opened(
        options: Options,
        kinds: Kinds,
        store: Box<dyn SessionStore>,
        restores: Restores,
    ) -> Result<Self, OpenError> {
        let kinds = Arc::new(kinds.valid()?);
        let journal = Journal::start(store)?;
        let started = Self::started(options, kinds, journal.clone(), restores).await;
        if started.is_err() {
            // A caller that gets the error may open the store again.
            drop(journal.close().await);
        }
        started
    }

    async fn started(
        options: Options,
        kinds: Arc<Kinds>,
        journal: Journal,
        restores: Restores,
    ) -> Result<Self, OpenError> {
        let order = match restores {
            Restores::All => read_all(&journal, &kinds).await?,
            Restores::WhatIsTakenOver => Vec::new(),
            Restores::OfCluster(cluster) => {
                journal.bind(cluster).await?;
                Vec::new()
            }
        };
        let sessions = SessionSupervisor::start(options).await;
        let sessions = sessions.map_err(OpenError::Start)?;
        let unfinished = Unfinished(Some(sessions.clone()));
        let durable = Self::over(sessions, kinds, journal, order).await?;
        unfinished.done();
        Ok(durable)
    }

    /// Remembers the sessions of a supervisor that others have started and will stop.
    pub(crate) async fn attach(
        sessions: SessionSupervisor,
        kinds: Arc<Kinds>,
        journal: Journal,
    ) -> Result<Self, OpenError> {
        let order = if journal.is_read() {
            again(&journal)
        } else {
            read_all(&journal, &kinds).await?
        };
        Self::over(sessions, kinds, journal, order).await
    }

    async fn over(
        sessions: SessionSupervisor,
        kinds: Arc<Kinds>,
        journal: Journal,
        order: Vec<Waiting>,
    ) -> Result<Self, OpenError> {
        let mut feed = sessions.subscribe().await?;
        feed.keep_all();
        drop(feed.take_snapshot());
        let (follower, following) = follow(feed, journal.clone());
        drop(tokio::spawn(following));
        let (done, restored) = watch::channel(None);
        let durable = Self {
            inner: Arc::new(Inner {
                sessions,
                journal,
                kinds,
                follower,
                restored,
                restores: Arc::new(Semaphore::new(AT_ONCE)),
                walks: Walks::default(),
            }),
        };
        durable.enter();
        drop(tokio::spawn(restore(
            durable.clone(),
            order,
            vec![(Part::ALL, done)],
        )));
        Ok(durable)
    }
}

/// What a supervisor restores by itself.
#[derive(Clone, Debug)]
pub(super) enum Restores {
    /// All that is remembered in its store.
    All,
    /// Nothing: others share the store, and it is told what to take over.
    WhatIsTakenOver,
    /// Nothing either, and the store is bound to this cluster.
    OfCluster(String),
}

/// A supervisor whose handle has not been given out yet. Dropped, it is killed: nothing runs in it.
struct Unfinished(Option<SessionSupervisor>);

impl Unfinished {
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(sessions) = self.0.take() {
            sessions.get_cell().kill();
        }
    }
}

/// What is remembered of some parts, and the parts that have a later owner.
pub(super) async fn read(
    journal: &Journal,
    kinds: &Arc<Kinds>,
    parts: Vec<Part>,
) -> Result<(Vec<Loaded>, Vec<(Part, StoreError)>), OpenError> {
    let kinds = Arc::clone(kinds);
    let of = move |record: &Record| standing(&kinds, record);
    journal.load(parts, of).await
}

/// Takes over all of a store. Answers what is to be restored, in this order.
async fn read_all(journal: &Journal, kinds: &Arc<Kinds>) -> Result<Vec<Waiting>, OpenError> {
    let (found, refused) = read(journal, kinds, vec![Part::ALL]).await?;
    match refused.into_iter().next() {
        Some((_, error)) => Err(OpenError::Store(error)),
        None => Ok(journal.take_over(&[Part::ALL], found)),
    }
}

/// What ran under a supervisor that has ended while the store stayed open: the latest first.
fn again(journal: &Journal) -> Vec<Waiting> {
    let all = journal.all().into_iter();
    let mut ended: Vec<_> = all
        .filter(|(_, _, standing)| is_restored(standing))
        .filter_map(|(id, _, _)| Some((journal.look(&id)?.0, id)))
        .collect();
    ended.sort_unstable_by(|(a, _), (b, _)| b.cmp(a));
    let ids = ended.into_iter().map(|(_, id)| id);
    ids.map(Waiting::again).collect()
}

/// What a record is before anything runs.
pub(super) fn standing(kinds: &Kinds, record: &Record) -> Standing {
    if let Err(error) = session_supervisor::SessionId::try_from(&*record.id) {
        return Standing::SetAside(chain(&error).into());
    }
    if record.revision > LAST_REVISION {
        let why = format!("revision {} is above {LAST_REVISION}", record.revision);
        return Standing::SetAside(why.into());
    }
    match kinds.check(&record.kind, &record.arguments) {
        Ok(()) if record.resting => Standing::Kept(Kept::Resting),
        Ok(()) => Standing::Kept(Kept::Waiting),
        Err(error) => Standing::SetAside(chain(&error).into()),
    }
}
