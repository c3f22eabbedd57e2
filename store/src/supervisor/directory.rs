//! Finding a durable supervisor by the name of its supervisor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use session_supervisor::SessionSupervisor;
use tokio::sync::watch;

use super::{DurableSupervisor, Inner};

type Names = HashMap<String, Weak<Inner>>;

fn names() -> MutexGuard<'static, Names> {
    static NAMES: OnceLock<Mutex<Names>> = OnceLock::new();
    let names = NAMES.get_or_init(Mutex::default);
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells that one has entered.
fn entries() -> &'static watch::Sender<()> {
    static ENTRIES: OnceLock<watch::Sender<()>> = OnceLock::new();
    ENTRIES.get_or_init(watch::Sender::default)
}

impl DurableSupervisor {
    /// The durable supervisor whose [`sessions`](Self::sessions) have this name, as long as somebody
    /// holds it and they run. An [`Application`](session_supervisor::Application) holds its own.
    ///
    /// If an application restarts its session supervisor, there is none for a moment and then another
    /// one; the calls of a handle from before that fail with "down".
    #[must_use]
    pub fn where_is(name: &str) -> Option<Self> {
        let inner = names().get(name)?.upgrade()?;
        // The name may be that of a later supervisor, which nobody has made durable yet.
        let running = SessionSupervisor::where_is(name)?.get_cell().get_id();
        (running == inner.sessions.get_cell().get_id()).then_some(Self { inner })
    }

    /// Waits until there is a durable supervisor of this name: [`where_is`](Self::where_is).
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub fn await_named(name: &str) -> impl Future<Output = Self> + Send + 'static + use<> {
        let (name, mut entries) = (name.to_owned(), entries().subscribe());
        async move {
            loop {
                if let Some(found) = Self::where_is(&name) {
                    return found;
                }
                // The sender lives as long as the process.
                drop(entries.changed().await);
            }
        }
    }

    /// Can be found from now on.
    pub(super) fn enter(&self) {
        let mut names = names();
        names.retain(|_, inner| inner.strong_count() > 0);
        let name = self.inner.sessions.name().to_owned();
        names.insert(name, Arc::downgrade(&self.inner));
        drop(names);
        entries().send_replace(());
    }
}
