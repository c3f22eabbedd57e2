//! The thread that owns the store. It carries out reads, and writes the changes that wait, many at once.
//!
//! Invariants:
//! 1. the store is called on this thread alone, and never while the lock is held;
//! 2. no answer is sent, and no waker runs, while the lock is held;
//! 3. however the thread ends, every caller gets an answer, also one that asks later.

use std::any::Any;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::engine::{Ahead, Backlog, Found, Ledger, Outcome, Refused, Repeats, Scope};
use crate::error::WriteError;
use crate::loaded::is_restored;
use crate::part::Part;
use crate::record::{Change, Decided, SavedState};
use crate::session_store::{SessionStore, StoreError};
use crate::stats::Writes;

/// The pause after the first write that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long the thread tries to write what is left when the store is closed. A backup may have the file
/// locked for that long.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many reads may come before a write that waits, as while sessions are restored.
const READS_IN_A_ROW: u32 = 64;

/// Where the outcome of a write is sent.
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
    pub(crate) ahead: Ahead,
    pub(crate) reads: VecDeque<Read>,
    pub(crate) stage: Stage,
    pub(crate) writes: Writes,
    /// Told when the thread has ended, and whether all was written.
    pub(crate) ends: Vec<oneshot::Sender<Result<(), WriteError>>>,
    /// Why not all was.
    lost: Option<WriteError>,
}

impl State {
    /// A change is to be written, decided now.
    pub(crate) fn add(&mut self, change: Change, waiter: Option<Waiter>) -> Result<(), Refused> {
        self.ahead.forget(change.id());
        let decided = self.ledger.decided(change);
        self.backlog
            .add(decided, waiter)
            .map_err(|(refused, _)| refused)
    }

    /// Keeps a state that was just read on the store's thread, for a session that waits to be restored.
    pub(crate) fn put_ahead(&mut self, id: &Arc<str>, saved: Option<SavedState>) {
        let Some((revision, standing)) = self.ledger.look(id) else {
            return;
        };
        let as_stored = self.backlog.find(id, Ahead::SLOT, revision) == Found::AsStored;
        if as_stored && is_restored(standing) {
            self.ahead.put(Arc::clone(id), revision, saved);
        }
    }

    /// This part is this process's from now on. Others may have written it before.
    pub(crate) fn take_over(&mut self, part: Part) {
        self.ledger.take_over(part);
        self.backlog.divide(part.count());
        self.ahead.divide(part.count());
        self.ahead.forget_part(part);
    }
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
            ahead: Ahead::default(),
            reads: VecDeque::new(),
            stage: Stage::Open,
            writes: Writes::default(),
            ends: Vec::new(),
            lost: None,
        }),
        wake: Condvar::new(),
    });
    let down = Down(Arc::clone(&shared));
    let thread = thread::Builder::new().name("session store".to_owned());
    drop(thread.spawn(move || {
        // The store is dropped first: a caller that waits for the end may open the file again.
        let down = down;
        Writer::of(store).run(&down.0);
    })?);
    Ok(shared)
}

/// Answers all callers when the thread ends.
struct Down(Arc<Shared>);

impl Drop for Down {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.stage = Stage::Down;
        let (waiters, reads) = (state.backlog.give_up(), std::mem::take(&mut state.reads));
        let ends = std::mem::take(&mut state.ends);
        let end = state.lost.take().map_or(Ok(()), Err);
        drop(state);
        // A read that is dropped answers its caller.
        drop(reads);
        for waiter in waiters {
            drop(waiter.send(Err(WriteError::Down)));
        }
        for told in ends {
            let _gone = told.send(end.clone());
        }
    }
}

struct Writer {
    store: Box<dyn SessionStore>,
    failures: u32,
    /// When changes for which no caller waits are tried again.
    retry: Option<Instant>,
    /// When no more is tried, while the store is closed.
    given_up: Option<Instant>,
    /// How many reads came one after another.
    reads: u32,
    /// Which failures are told in the log, by the time since this.
    repeats: Repeats,
    begun: Instant,
}

enum Job {
    Read(Read),
    Write(Vec<Decided>),
    End,
}

impl Writer {
    fn of(store: Box<dyn SessionStore>) -> Self {
        Self {
            store,
            failures: 0,
            retry: None,
            given_up: None,
            reads: 0,
            repeats: Repeats::default(),
            begun: Instant::now(),
        }
    }

    fn run(mut self, shared: &Shared) {
        loop {
            let done = match self.next_job(shared) {
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
                let mut state = shared.lock();
                state.writes.panicked(why);
                state.lost = Some(WriteError::Down);
                drop(state);
                tracing::error!("the store panicked, nothing is remembered any more: {why}");
                return;
            }
        }
    }

    /// Waits for something to do.
    fn next_job(&mut self, shared: &Shared) -> Job {
        let mut state = shared.lock();
        loop {
            if let Some(job) = self.job(&mut state) {
                return job;
            }
            let pause = self.pause().unwrap_or(LONGEST_PAUSE);
            let waited = shared.wake.wait_timeout(state, pause);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What is to be done now.
    fn job(&mut self, state: &mut State) -> Option<Job> {
        if self.reads < READS_IN_A_ROW
            && let Some(read) = state.reads.pop_front()
        {
            self.reads += 1;
            return Some(Job::Read(read));
        }
        self.reads = 0;
        let closing = state.stage != Stage::Open;
        // Whatever the pause, what is left is tried once more.
        if closing && self.given_up.is_none() {
            (self.failures, self.retry) = (0, None);
        }
        if (self.pause().is_none() || state.backlog.is_awaited())
            && let Some(changes) = state.backlog.begin()
        {
            return Some(Job::Write(changes));
        }
        if let Some(read) = state.reads.pop_front() {
            self.reads = 1;
            return Some(Job::Read(read));
        }
        (closing && state.backlog.is_empty()).then_some(Job::End)
    }

    /// How long nothing is tried again. None: it may be.
    fn pause(&self) -> Option<Duration> {
        let pause = self.retry?.saturating_duration_since(Instant::now());
        (!pause.is_zero()).then_some(pause)
    }

    /// Tells those who waited for a write.
    fn told(&mut self, shared: &Shared, applied: Result<(), StoreError>, changes: usize) {
        let mut state = shared.lock();
        let (told, error) = match applied {
            Ok(()) => {
                (self.failures, self.retry) = (0, None);
                self.repeats.went_well();
                state.writes.succeeded(changes);
                (state.backlog.written(), None)
            }
            Err(error) => {
                let scope = scope(&error);
                // What is another owner's is not tried again, and the rest at once.
                if scope != Scope::Fenced {
                    let pause = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10));
                    self.retry = Some(Instant::now() + pause.min(LONGEST_PAUSE));
                    self.failures = self.failures.saturating_add(1);
                }
                state.writes.failed(&error);
                (state.backlog.failed(scope), Some(Arc::new(error)))
            }
        };
        let waiting = state.backlog.len();
        let given_up = match (&error, state.stage) {
            (Some(error), Stage::Closing) if self.gives_up() => {
                state.lost = Some(WriteError::Store(Arc::clone(error)));
                state.backlog.give_up()
            }
            _ => Vec::new(),
        };
        drop(state);
        drop(given_up);
        if let Some(error) = &error {
            let why = chain(&**error);
            if let Some(left_out) = self.repeats.failed(&why, self.begun.elapsed()) {
                tracing::error!(
                    waiting,
                    left_out,
                    "a write to the session store failed: {why}"
                );
            }
        }
        for (waiter, outcome) in told {
            let answer = match (&error, outcome) {
                (Some(error), Outcome::Failed) => Err(WriteError::Store(Arc::clone(error))),
                (_, outcome) => Ok(outcome),
            };
            drop(waiter.send(answer));
        }
    }

    /// Whether it has been tried for long enough to write what is left.
    fn gives_up(&mut self) -> bool {
        let now = Instant::now();
        *self.given_up.get_or_insert(now + PATIENCE) <= now
    }
}

/// What a failure tells of other writes.
const fn scope(error: &StoreError) -> Scope {
    match error {
        StoreError::Full(_)
        | StoreError::Locked(_)
        | StoreError::Unreachable(_)
        | StoreError::ReadOnly(_)
        | StoreError::Gone(_)
        | StoreError::OtherCluster(_) => Scope::Store,
        StoreError::Fenced(_) => Scope::Fenced,
        StoreError::Damaged(_) | StoreError::Failed(_) => Scope::Unknown,
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

#[cfg(test)]
mod tests {
    use super::{Job, READS_IN_A_ROW, Writer, start};
    use crate::memory::MemoryStore;
    use crate::record::{Change, Record};

    #[test]
    fn a_write_waits_for_so_many_reads_and_no_more() -> std::io::Result<()> {
        // Its own thread waits for the lock, and is not told of anything.
        let shared = start(Box::new(MemoryStore::new()))?;
        let mut writer = Writer::of(Box::new(MemoryStore::new()));
        let mut state = shared.lock();
        for _ in 0..1_000 {
            state.reads.push_back(Box::new(|_| ()));
        }
        let change = Change::Remember(Record::new("a", "k", "{}", 1, 0));
        assert!(state.backlog.add(change, None).is_ok());
        let mut reads = 0;
        while let Some(Job::Read(_)) = writer.job(&mut state) {
            reads += 1;
        }
        assert_eq!(reads, READS_IN_A_ROW);
        assert_eq!(state.reads.len(), 1_000 - READS_IN_A_ROW as usize);
        state.reads.clear();
        Ok(())
    }
}
