//! Finding a durable supervisor by the name of its supervisor.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use super::{DurableSupervisor, Inner};

type Names = HashMap<String, Weak<Inner>>;

fn names() -> MutexGuard<'static, Names> {
    static NAMES: OnceLock<Mutex<Names>> = OnceLock::new();
    let names = NAMES.get_or_init(Mutex::default);
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DurableSupervisor {
    /// The durable supervisor whose [`sessions`](Self::sessions) have this name, as long as somebody
    /// holds it and they run. An [`Application`](session_supervisor::Application) holds its own.
    #[must_use]
    pub fn where_is(name: &str) -> Option<Self> {
        let inner = names().get(name)?.upgrade()?;
        let running = session_supervisor::SessionSupervisor::where_is(name);
        running.map(|_| Self { inner })
    }

    /// Can be found from now on.
    pub(super) fn enter(&self) {
        let mut names = names();
        names.retain(|_, inner| inner.strong_count() > 0);
        let name = self.inner.sessions.name().to_owned();
        names.insert(name, Arc::downgrade(&self.inner));
    }
}
