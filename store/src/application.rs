//! A whole program with durable sessions: two further children of its root.
//!
//! The store is opened before the session supervisor is started, and closed after it is stopped, so
//! that what sessions save in their `post_stop` is written. The sessions are restored when the
//! supervisor runs, and again when it was restarted.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef, ActorStatus};
use session_supervisor::error::SupervisorDown;
use session_supervisor::{
    Application, ChildInfo, ChildSpec, Launch, SessionSupervisor, Shutdown, StartContext,
    Supervisor,
};
use tokio::task::JoinHandle;

use crate::error::{OpenError, WriteError};
use crate::journal::Journal;
use crate::kinds::Kinds;
use crate::session_store::SessionStore;
use crate::supervisor::DurableSupervisor;

/// How long the last writes may take.
const CLOSING: Duration = Duration::from_secs(10);

/// Between two looks for a session supervisor that is restarted.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// What this crate adds to an [`Application`].
pub trait DurableApplication: Sized {
    /// Remembers the sessions of these kinds. `open` opens the store, when the application starts: if
    /// that fails, so does the start.
    ///
    /// It adds two children to the root, of the roles `session-store` and `durable-sessions`. The
    /// handle is found by the name of the session supervisor: [`DurableSupervisor::where_is`]. Add
    /// children that use it after this.
    ///
    /// When the root restarts its session supervisor, the sessions that ran are restored in the next
    /// one, and the handle is another one: [`DurableSupervisor::await_named`] waits for it. When the
    /// store ends by itself, since it has panicked, the sessions are stopped, the store is opened again,
    /// and they are restored from what was written.
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
                let kinds = Arc::new(kinds.valid()?);
                let root = start.tree.ok_or("it is no child of an application")?;
                let place = Place {
                    stores,
                    kinds,
                    root,
                };
                let durable = place.attach().await?;
                Ok(Launch::Actor(Sessions, (place, durable)))
            }
        });
        self.child_before("session-store", store.shutdown(Shutdown::Timeout(CLOSING)))
            .child("durable-sessions", sessions)
    }
}

/// What is open, by the names of the applications: an [`Application`] can be cloned.
#[derive(Clone, Default)]
struct Stores(Arc<Mutex<HashMap<String, Open>>>);

struct Open {
    journal: Journal,
    /// The last one that was attached to it.
    durable: Option<DurableSupervisor>,
}

impl Stores {
    fn put(&self, start: &StartContext, journal: Journal) {
        let name = start.tree.as_ref().map_or("", Supervisor::name);
        let open = Open {
            journal,
            durable: None,
        };
        let before = self.lock().insert(name.to_owned(), open);
        drop(before);
    }

    /// The one of an application, if it is open.
    fn get(&self, root: &Supervisor) -> Option<Journal> {
        let stores = self.lock();
        let journal = &stores.get(root.name())?.journal;
        journal.is_open().then(|| journal.clone())
    }

    /// The one that was attached last.
    fn last(&self, root: &Supervisor) -> Option<DurableSupervisor> {
        self.lock().get(root.name())?.durable.clone()
    }

    fn attached(&self, root: &Supervisor, durable: &DurableSupervisor) {
        let mut stores = self.lock();
        let open = stores.get_mut(root.name());
        let before = open.and_then(|open| open.durable.replace(durable.clone()));
        drop(stores);
        drop(before);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the store and the session supervisor of an application are found.
struct Place {
    stores: Stores,
    kinds: Arc<Kinds>,
    root: Supervisor,
}

impl Place {
    /// Waits until both run, and remembers the sessions of that supervisor.
    ///
    /// # Errors
    ///
    /// The root has ended.
    async fn attach(&self) -> Result<DurableSupervisor, ActorProcessingErr> {
        let mut pause = FIRST_PAUSE;
        loop {
            if let (Some(journal), Some(sessions)) =
                (self.stores.get(&self.root), self.sessions().await?)
            {
                if let Some(last) = self.stores.last(&self.root) {
                    if last.sessions().get_cell().get_id() == sessions.get_cell().get_id() {
                        return Ok(last);
                    }
                    // What ran in the one before is known to have ended: what it says of its end is not
                    // taken for what runs in this one.
                    last.ended().await;
                }
                let attached =
                    DurableSupervisor::attach(sessions, Arc::clone(&self.kinds), journal);
                match attached.await {
                    // It has ended meanwhile, and its parent starts the next one.
                    Err(OpenError::Down(_)) => {}
                    attached => {
                        let durable = attached?;
                        self.stores.attached(&self.root, &durable);
                        return Ok(durable);
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// The session supervisor. It may be on its way to be restarted.
    async fn sessions(&self) -> Result<Option<SessionSupervisor>, SupervisorDown> {
        let children = self.root.which_children().await?;
        let of_role = |child: &ChildInfo| &*child.role == Application::SESSIONS;
        let cell = children
            .into_iter()
            .find(of_role)
            .and_then(|child| child.cell);
        let sessions = cell.and_then(|cell| SessionSupervisor::try_from(cell).ok());
        Ok(sessions.filter(|sessions| sessions.get_cell().get_status() < ActorStatus::Stopping))
    }

    /// Goes with the session supervisor: when that has ended and was started again, its sessions are
    /// restored in the next one. If the store has ended, the sessions are stopped: what they save
    /// would be lost. The root starts both again, and what was saved before is there.
    async fn stay(self, mut durable: DurableSupervisor) -> Result<Infallible, ActorProcessingErr> {
        loop {
            let closed = durable.journal().closed();
            tokio::select! {
                () = durable.ended() => {}
                () = closed => {
                    tracing::error!("the session store has ended, so its sessions are stopped");
                    let _down = durable.sessions().stop().await;
                    durable.ended().await;
                }
            }
            durable = self.attach().await?;
        }
    }
}

/// Holds the store open, and closes it when the application stops. Ends with the thread of the store.
struct Store;

#[ractor::actor(message = (), state = Journal, arguments = Journal)]
impl Store {
    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        journal: Journal,
    ) -> Result<Journal, ActorProcessingErr> {
        let closed = journal.closed();
        drop(tokio::spawn(async move {
            closed.await;
            myself.stop(Some("the session store has ended".to_owned()));
        }));
        Ok(journal)
    }

    async fn post_stop(
        &self,
        _: ActorRef<()>,
        journal: &mut Journal,
    ) -> Result<(), ActorProcessingErr> {
        match journal.close().await {
            // Somebody has closed it, or it has ended by itself: that was told.
            Ok(()) | Err(WriteError::Down) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// Holds the durable supervisor.
struct Sessions;

/// A task that ends with the one who holds this.
struct Stays(JoinHandle<()>);

impl Drop for Stays {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[ractor::actor(message = (), state = Stays, arguments = (Place, DurableSupervisor))]
impl Sessions {
    async fn pre_start(
        &self,
        myself: ActorRef<()>,
        (place, durable): (Place, DurableSupervisor),
    ) -> Result<Stays, ActorProcessingErr> {
        Ok(Stays(tokio::spawn(async move {
            let Err(error) = place.stay(durable).await;
            myself.stop(Some(error.to_string()));
        })))
    }
}
