//! A whole program with durable sessions: two further children of its root.
//!
//! The store is opened before the session supervisor is started, and closed after it is stopped, so
//! that what sessions save in their `post_stop` is written. The sessions are restored when the
//! supervisor runs, and again when it was restarted.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::{
    Application, ChildSpec, Launch, SessionSupervisor, Shutdown, StartContext, Supervisor,
};

use crate::journal::Journal;
use crate::kinds::Kinds;
use crate::session_store::SessionStore;
use crate::supervisor::DurableSupervisor;

/// So long the last writes may take.
const CLOSING: Duration = Duration::from_secs(10);

/// Between two looks for a session supervisor that is restarted, and how many there are.
const PAUSE: Duration = Duration::from_millis(10);
const LOOKS: u32 = 100;

/// What this crate adds to an [`Application`].
pub trait DurableApplication: Sized {
    /// Remembers the sessions of these kinds. `open` opens the store, when the application starts: if
    /// that fails, so does the start.
    ///
    /// It adds two children to the root, of the roles `session-store` and `durable-sessions`. The
    /// handle is found by the name of the session supervisor: [`DurableSupervisor::where_is`]. Add
    /// children that use it after this.
    ///
    /// ```no_run
    /// use session_supervisor::{Application, ChildSpec, Options};
    /// use session_supervisor_store::{DurableApplication, Kinds, SqliteStore};
    ///
    /// struct Chat;
    /// #[ractor::actor(message = (), state = (), arguments = ())]
    /// impl Chat {}
    ///
    /// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let kinds = Kinds::new().kind("chat", |(): (), _| ChildSpec::new(|_| (Chat, ())));
    /// Application::new(Options::new().name("chats"))
    ///     .durable(|| SqliteStore::open("chats.db"), kinds)
    ///     .run()
    ///     .await?
    ///     .exit()
    /// # }
    /// ```
    fn durable<S, E>(
        self,
        open: impl Fn() -> Result<S, E> + Send + Sync + 'static,
        kinds: Kinds,
    ) -> Self
    where
        S: SessionStore,
        E: Error + Send + Sync + 'static;
}

impl DurableApplication for Application {
    fn durable<S, E>(
        self,
        open: impl Fn() -> Result<S, E> + Send + Sync + 'static,
        kinds: Kinds,
    ) -> Self
    where
        S: SessionStore,
        E: Error + Send + Sync + 'static,
    {
        let (stores, open) = (Stores::default(), Arc::new(open));
        let opened = stores.clone();
        let store = ChildSpec::from_fn(move |start| {
            let (stores, open) = (opened.clone(), Arc::clone(&open));
            async move {
                let store = tokio::task::spawn_blocking(move || open()).await??;
                let journal = Journal::start(Box::new(store))?;
                stores.put(&start, journal.clone());
                Ok(Launch::Actor(Store, journal))
            }
        });
        let sessions = ChildSpec::from_fn(move |start| {
            let (stores, kinds) = (stores.clone(), kinds.clone());
            async move {
                let journal = stores.get(&start).ok_or("the session store is not open")?;
                let tree = start.tree.ok_or("it is no child of an application")?;
                let sessions = sessions(&tree).await?;
                let kinds = Arc::new(kinds.valid()?);
                let durable = DurableSupervisor::attach(sessions, kinds, journal).await?;
                Ok(Launch::Actor(Sessions, durable))
            }
        });
        self.child_before("session-store", store.shutdown(Shutdown::Timeout(CLOSING)))
            .child("durable-sessions", sessions)
    }
}

/// The stores that are open, by the names of their applications: an [`Application`] can be cloned.
#[derive(Clone, Default)]
struct Stores(Arc<Mutex<HashMap<String, Journal>>>);

impl Stores {
    fn put(&self, start: &StartContext, journal: Journal) {
        let name = start.tree.as_ref().map_or("", Supervisor::name);
        let before = self.lock().insert(name.to_owned(), journal);
        drop(before);
    }

    fn get(&self, start: &StartContext) -> Option<Journal> {
        self.lock().get(start.tree.as_ref()?.name()).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Journal>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The session supervisor of an application. It may be on its way to be restarted.
async fn sessions(tree: &Supervisor) -> Result<SessionSupervisor, ActorProcessingErr> {
    for _ in 0..LOOKS {
        let children = tree.which_children().await?;
        let found = children
            .into_iter()
            .find(|child| &*child.role == Application::SESSIONS)
            .and_then(|child| child.cell)
            .and_then(|cell| SessionSupervisor::try_from(cell).ok());
        if let Some(sessions) = found
            && sessions.get_cell().get_status() < ractor::ActorStatus::Stopping
        {
            return Ok(sessions);
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err("the session supervisor does not run".into())
}

/// Holds the store open, and closes it when the application stops.
struct Store;

#[ractor::actor(message = (), state = Journal, arguments = Journal)]
impl Store {
    async fn pre_start(
        &self,
        _: ActorRef<()>,
        journal: Journal,
    ) -> Result<Journal, ActorProcessingErr> {
        Ok(journal)
    }

    async fn post_stop(
        &self,
        _: ActorRef<()>,
        journal: &mut Journal,
    ) -> Result<(), ActorProcessingErr> {
        let flushed = journal.flush().wait().await;
        journal.close().await;
        flushed?;
        Ok(())
    }
}

/// Ends with the session supervisor, so that the root starts it again for the next one.
struct Sessions;

#[ractor::actor(message = (), state = DurableSupervisor, arguments = DurableSupervisor)]
impl Sessions {
    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        durable: DurableSupervisor,
    ) -> Result<DurableSupervisor, ActorProcessingErr> {
        let ended = durable.ended();
        drop(tokio::spawn(async move {
            ended.await;
            myself.stop(Some("the session supervisor has ended".to_owned()));
        }));
        Ok(durable)
    }
}
