//! The thread that owns the store: it reads for those who ask and writes what waits, many changes at
//! once.
//!
//! Invariants:
//! 1. the store is called on this thread alone, and never while the lock is held;
//! 2. nobody is told, and no waker runs, while the lock is held;
//! 3. however the thread ends, all who wait are told, and whoever comes later too.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::engine::{Backlog, Ledger, Outcome, Scope};
use crate::error::WriteError;
use crate::record::Change;
use crate::session_store::{SessionStore, StoreError};
use crate::stats::Writes;

/// The pause after the first write that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One who waits for a write.
pub(crate) type Waiter = oneshot::Sender<Result<Outcome, WriteError>>;

/// Something to read, and where the answer goes.
pub(crate) type Read = Box<dyn FnOnce(&mut dyn SessionStore) + Send>;

/// What the callers and the thread share.
pub(crate) struct Shared {
    state: Mutex<State>,
    wake: Condvar,
}

pub(crate) struct State {
    pub(crate) ledger: Ledger,
    pub(crate) backlog: Backlog<Waiter>,
    pub(crate) reads: VecDeque<Read>,
    pub(crate) stage: Stage,
    pub(crate) writes: Writes,
    /// Told when the thread has ended.
    pub(crate) ends: Vec<oneshot::Sender<()>>,
}

/// Whether the thread goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Open,
    /// It writes what waits, and ends.
    Closing,
    /// It has ended.
    Down,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the thread look.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Starts the thread.
pub(crate) fn start(store: Box<dyn SessionStore>) -> Result<Arc<Shared>, std::io::Error> {
    let shared = Arc::new(Shared {
        state: Mutex::new(State {
            ledger: Ledger::default(),
            backlog: Backlog::default(),
            reads: VecDeque::new(),
            stage: Stage::Open,
            writes: Writes::default(),
            ends: Vec::new(),
        }),
        wake: Condvar::new(),
    });
    let down = Down(Arc::clone(&shared));
    let thread = thread::Builder::new().name("session store".to_owned());
    drop(thread.spawn(move || {
        // The store is dropped first: whoever waits for the end may open the file again.
        let down = down;
        Writer::of(store).run(&down.0);
    })?);
    Ok(shared)
}

/// Tells everybody when the thread ends.
struct Down(Arc<Shared>);

impl Drop for Down {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.stage = Stage::Down;
        let (waiters, reads) = (state.backlog.give_up(), std::mem::take(&mut state.reads));
        let ends = std::mem::take(&mut state.ends);
        drop(state);
        // A read that is dropped answers its caller.
        drop(reads);
        for waiter in waiters {
            drop(waiter.send(Err(WriteError::Down)));
        }
        for end in ends {
            let _gone = end.send(());
        }
    }
}

struct Writer {
    store: Box<dyn SessionStore>,
    failures: u32,
    /// When what nobody waits for is tried again.
    retry: Option<Instant>,
}

enum Job {
    Read(Read),
    Write(Vec<Change>),
    End,
}

impl Writer {
    fn of(store: Box<dyn SessionStore>) -> Self {
        Self {
            store,
            failures: 0,
            retry: None,
        }
    }

    fn run(mut self, shared: &Shared) {
        loop {
            let done = match self.retry_or_wait(shared) {
                Job::End => return,
                Job::Read(read) => {
                    let store = &mut *self.store;
                    catch_unwind(AssertUnwindSafe(|| read(store)))
                }
                Job::Write(changes) => {
                    let store = &mut *self.store;
                    let applied = catch_unwind(AssertUnwindSafe(|| store.apply(&changes)));
                    applied.map(|applied| self.told(shared, applied, changes.len()))
                }
            };
            if let Err(panic) = done {
                let why = text(&*panic);
                tracing::error!("the store panicked, nothing is remembered any more: {why}");
                return;
            }
        }
    }

    /// Waits for something to do.
    fn retry_or_wait(&mut self, shared: &Shared) -> Job {
        let mut state = shared.lock();
        loop {
            if let Some(read) = state.reads.pop_front() {
                return Job::Read(read);
            }
            let closing = state.stage != Stage::Open;
            let pause = self
                .retry
                .map(|retry| retry.saturating_duration_since(Instant::now()));
            let due = pause.is_none_or(|pause| pause.is_zero());
            if (due || closing || state.backlog.is_awaited())
                && let Some(changes) = state.backlog.begin()
            {
                return Job::Write(changes);
            }
            if closing && state.backlog.is_empty() {
                return Job::End;
            }
            let waited = shared
                .wake
                .wait_timeout(state, pause.filter(|_| !due).unwrap_or(LONGEST_PAUSE));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Tells those who waited for a write.
    fn told(&mut self, shared: &Shared, applied: Result<(), StoreError>, changes: usize) {
        let mut state = shared.lock();
        let (told, error) = match applied {
            Ok(()) => {
                (self.failures, self.retry) = (0, None);
                state.writes.succeeded(changes);
                (state.backlog.written(), None)
            }
            Err(error) => {
                let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10));
                self.retry = Some(Instant::now() + pause.min(LONGEST_PAUSE));
                self.failures = self.failures.saturating_add(1);
                state.writes.failed(&error);
                let scope = match error {
                    StoreError::Full(_) | StoreError::Locked(_) | StoreError::ReadOnly(_) => {
                        Scope::Store
                    }
                    StoreError::Fenced(_) => Scope::Fenced,
                    _ => Scope::Unknown,
                };
                (state.backlog.failed(scope), Some(Arc::new(error)))
            }
        };
        let waiting = state.backlog.len();
        // It was tried once more, and there is nobody left to wait for.
        let given_up = match (&error, state.stage) {
            (Some(_), Stage::Closing) => state.backlog.give_up(),
            _ => Vec::new(),
        };
        drop(state);
        drop(given_up);
        if let Some(error) = &error {
            let why = chain(&**error);
            tracing::error!(
                waiting,
                "a write to the session store failed: {why}; it is tried again"
            );
        }
        for (waiter, outcome) in told {
            let answer = match (&error, outcome) {
                (Some(error), Outcome::Failed) => Err(WriteError::Store(Arc::clone(error))),
                (_, outcome) => Ok(outcome),
            };
            drop(waiter.send(answer));
        }
    }
}

/// An error with its sources.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// What a panic said.
pub(crate) fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it has no text")
}
