//! The way to the store for all others: what is known of each id, and what is still to be written,
//! under one lock, so that no decision falls between the two.

use std::sync::{Arc, MutexGuard};

use tokio::sync::oneshot;

use crate::clock;
use crate::engine::{Admission, End, Found, Intent, Kept, NoStart, Outcome, Reading, Standing};
use crate::error::{OpenCheckpointError, OpenError, WriteError};
use crate::record::{Change, Entry, Record, SavedState};
use crate::session_store::{SessionStore, StoreError};
use crate::stats::Stats;
use crate::writer::{self, Read, Shared, Stage, State, Waiter};

/// So many entries are read at once.
const PAGE: usize = 1_024;

/// A handle to the thread that owns a store. With the last one the thread ends, when it has written
/// what waits.
#[derive(Clone)]
pub(crate) struct Journal(Arc<Handle>);

struct Handle(Arc<Shared>);

impl Drop for Handle {
    fn drop(&mut self) {
        close(&self.0);
    }
}

/// What is asked for when a launch is about to run.
pub(crate) enum Passage {
    Go,
    /// When this is written.
    When(Written),
    /// When all that has happened so far has been looked at.
    Later,
    Refused(NoStart),
}

/// One who waits for a write.
pub(crate) struct Written(Option<oneshot::Receiver<Result<Outcome, WriteError>>>);

impl Written {
    const NOW: Self = Self(None);

    pub(crate) async fn wait(self) -> Result<Outcome, WriteError> {
        match self.0 {
            None => Ok(Outcome::Written),
            Some(told) => told.await.unwrap_or(Err(WriteError::Down)),
        }
    }
}

fn waiter() -> (Waiter, Written) {
    let (waiter, told) = oneshot::channel();
    (waiter, Written(Some(told)))
}

fn close(shared: &Shared) {
    let mut state = shared.lock();
    if state.stage == Stage::Open {
        state.stage = Stage::Closing;
    }
    drop(state);
    shared.wake();
}

impl Journal {
    /// Starts the thread of a store.
    pub(crate) fn start(store: Box<dyn SessionStore>) -> Result<Self, OpenError> {
        let shared = writer::start(store).map_err(|error| OpenError::Thread(Some(error)))?;
        Ok(Self(Arc::new(Handle(shared))))
    }

    /// Nothing is read at once: a store that is shared is read for the ids that this process owns.
    pub(crate) fn is_shared(&self) {
        self.lock().ledger.is_read();
    }

    /// These sessions are handed over: from now on their ends forget nothing.
    pub(crate) fn hand_over(&self, theirs: impl Fn(&str) -> bool) {
        self.lock().ledger.hand_over(theirs);
    }

    /// Nothing is known of these any more. Answers how many still run.
    pub(crate) fn handed_over(&self, theirs: impl Fn(&str) -> bool) -> usize {
        self.lock().ledger.handed_over(theirs)
    }

    /// Reads all that is remembered of these ids. `standing` says what an entry is.
    pub(crate) async fn read_where(
        &self,
        mine: impl Fn(&str) -> bool,
        mut standing: impl FnMut(&Record) -> Standing,
    ) -> Result<(), OpenError> {
        let mut after: Option<Arc<str>> = None;
        loop {
            let from = after.clone();
            let page = self.read(move |store| store.entries(from.as_deref(), PAGE));
            let page = page.await.ok_or(OpenError::Thread(None))?;
            let page = page.map_err(OpenError::Store)?;
            let last = page.last().map(|entry| Arc::clone(entry.id()));
            let whole = page.len() == PAGE;
            let found: Vec<_> = page
                .into_iter()
                .filter(|entry| mine(entry.id()))
                .map(|entry| known(entry, &mut standing))
                .collect();
            let mut state = self.lock();
            for (id, kind, revision, standing) in found {
                state.ledger.found(id, kind, revision, standing);
            }
            drop(state);
            // An id that cannot be read may be shown as another one.
            if !whole || last <= after {
                self.lock().ledger.is_read();
                return Ok(());
            }
            after = last;
        }
    }

    /// Whether all that is remembered has been read.
    pub(crate) fn is_read(&self) -> bool {
        self.lock().ledger.reading() == Reading::Done
    }

    /// The record of an id, as the store has it.
    pub(crate) async fn entry(&self, id: Arc<str>) -> Result<Option<Entry>, WriteError> {
        let read = self.read(move |store| store.entry(&id)).await;
        let entry = read.ok_or(WriteError::Down)?;
        entry.map_err(|error| WriteError::Store(Arc::new(error)))
    }

    /// What a session has saved last, durable or not.
    pub(crate) async fn state(
        &self,
        id: &Arc<str>,
        slot: &Arc<str>,
        revision: u64,
    ) -> Result<Option<SavedState>, OpenCheckpointError> {
        let found = self.lock().backlog.find(id, slot, revision);
        match found {
            Found::Nothing => return Ok(None),
            Found::State(state) => return Ok(Some(state)),
            Found::AsStored => {}
        }
        let (of, slot) = (Arc::clone(id), Arc::clone(slot));
        let read = self.read(move |store| store.state(&of, &slot)).await;
        let state = read.ok_or(OpenCheckpointError::Down)?;
        state.map_err(|cause| OpenCheckpointError::Store {
            id: Arc::clone(id),
            cause: Arc::new(cause),
        })
    }

    /// A launch is about to run.
    pub(crate) fn admit(
        &self,
        record: &Record,
        tag: u64,
        intent: Intent,
        revision: impl FnOnce(u64),
    ) -> Passage {
        let mut state = self.lock();
        match state.ledger.admit(&record.id, &record.kind, tag, intent) {
            Admission::Go => Passage::Go,
            Admission::Later => Passage::Later,
            Admission::Refused(why) => Passage::Refused(why),
            Admission::Remember(new) => {
                revision(new);
                let mut record = record.clone();
                record.revision = new;
                Passage::When(self.push(state, Change::Remember(record)))
            }
        }
    }

    /// A session has saved a state. `current` says whether it may, under the lock. Answers how many
    /// bytes wait if too much does.
    pub(crate) fn save<E>(
        &self,
        id: Arc<str>,
        revision: u64,
        state: SavedState,
        current: impl FnOnce() -> Result<(), E>,
        waits: Waits,
    ) -> Result<Result<Written, NotTaken>, E> {
        let change = Change::Save {
            id,
            revision,
            state,
        };
        let mut state = self.lock();
        current()?;
        if state.stage == Stage::Down {
            return Ok(Err(NotTaken::Down));
        }
        let (waiter, written) = match waits {
            Waits::Yes => {
                let (waiter, written) = waiter();
                (Some(waiter), written)
            }
            Waits::No => (None, Written::NOW),
        };
        let added = state.backlog.add(change, waiter);
        let waiting = state.backlog.bytes();
        drop(state);
        Ok(match added {
            Ok(()) => {
                self.0.0.wake();
                Ok(written)
            }
            Err(_) => Err(NotTaken::Full(waiting)),
        })
    }

    /// The session of this tag is gone.
    pub(crate) fn ended(&self, tag: u64, end: End) {
        let mut state = self.lock();
        let Some(change) = state.ledger.ended(tag, end) else {
            return;
        };
        // What is added once the thread has ended would wait for ever.
        let added = state.stage != Stage::Down && state.backlog.add(change, None).is_ok();
        drop(state);
        if added {
            self.0.0.wake();
        } else {
            tracing::error!("a session has ended and is not forgotten: its store is closed");
        }
    }

    pub(crate) fn all_ended(&self) {
        self.lock().ledger.all_ended();
    }

    /// Forgets a session that does not run, and waits until nothing of its id is left to be written.
    pub(crate) fn forget_kept(&self, id: &str) -> (Forgot, Written) {
        let mut state = self.lock();
        let change = state.ledger.forget_kept(id);
        self.gone(state, id, change)
    }

    /// The same, also for what cannot be read.
    pub(crate) fn discard(&self, id: &str) -> (Forgot, Written) {
        let mut state = self.lock();
        let change = state.ledger.discard(id);
        self.gone(state, id, change)
    }

    fn gone(
        &self,
        mut state: MutexGuard<'_, State>,
        id: &str,
        change: Option<Change>,
    ) -> (Forgot, Written) {
        if let Some(change) = change {
            return (Forgot::Now, self.push(state, change));
        }
        if state.stage == Stage::Down {
            return (Forgot::Nothing, down());
        }
        let (waiter, written) = waiter();
        let settled = state.backlog.settle(id, waiter).is_some();
        drop(state);
        let written = if settled { Written::NOW } else { written };
        (Forgot::Nothing, written)
    }

    /// Waits until nothing of an id is left to be written.
    pub(crate) fn settled(&self, id: &str) -> Written {
        let state = self.lock();
        self.gone(state, id, None).1
    }

    /// Waits until nothing is left to be written.
    pub(crate) fn flush(&self) -> Written {
        let mut state = self.lock();
        if state.stage == Stage::Down {
            return down();
        }
        let (waiter, written) = waiter();
        let settled = state.backlog.settle_all(waiter).is_some();
        drop(state);
        self.0.0.wake();
        if settled { Written::NOW } else { written }
    }

    /// Writes what waits and gives the store back. Waits for that.
    pub(crate) async fn close(&self) {
        let ended = self.end();
        close(&self.0.0);
        if let Some(ended) = ended {
            // An error says the same.
            drop(ended.await);
        }
    }

    fn end(&self) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        if state.stage == Stage::Down {
            return None;
        }
        let (end, ended) = oneshot::channel();
        state.ends.push(end);
        Some(ended)
    }

    pub(crate) fn look(&self, id: &str) -> Option<(u64, Standing)> {
        let state = self.lock();
        let (revision, standing) = state.ledger.look(id)?;
        Some((revision, standing.clone()))
    }

    pub(crate) fn kind(&self, id: &str) -> Option<Arc<str>> {
        self.lock().ledger.kind(id).cloned()
    }

    pub(crate) fn next_tag(&self) -> u64 {
        self.lock().ledger.next()
    }

    /// All ids with their kinds, and what they are doing.
    pub(crate) fn all(&self) -> Vec<(Arc<str>, Arc<str>, Standing)> {
        let state = self.lock();
        let all = state.ledger.all();
        all.map(|(id, kind, standing)| (Arc::clone(id), Arc::clone(kind), standing.clone()))
            .collect()
    }

    /// What was known of an id turns out not to be so.
    pub(crate) fn stands(&self, id: &str, revision: u64, standing: Standing) {
        self.lock().ledger.stands(id, revision, standing);
    }

    pub(crate) fn stats(&self) -> Stats {
        let state = self.lock();
        let mut stats = Stats {
            waiting: state.backlog.len(),
            waiting_bytes: state.backlog.bytes(),
            writes: state.writes.clone(),
            ..Stats::default()
        };
        for (_, _, standing) in state.ledger.all() {
            match standing {
                Standing::Running { .. } => stats.running += 1,
                Standing::Kept(_) => stats.kept += 1,
                Standing::SetAside(_) => stats.set_aside += 1,
            }
        }
        stats
    }

    fn push(&self, mut state: MutexGuard<'_, State>, change: Change) -> Written {
        if state.stage == Stage::Down {
            return down();
        }
        let (waiter, written) = waiter();
        let added = state.backlog.add(change, Some(waiter));
        drop(state);
        debug_assert!(added.is_ok(), "only a state is refused");
        self.0.0.wake();
        written
    }

    /// Reads on the thread of the store. None: it has ended.
    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn SessionStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Option<Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.ask(Box::new(move |store| drop(reply.send(read(store)))));
        answer.await.ok()
    }

    fn ask(&self, read: Read) {
        let mut state = self.lock();
        if state.stage == Stage::Down {
            drop(state);
            return drop(read);
        }
        state.reads.push_back(read);
        drop(state);
        self.0.0.wake();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock()
    }
}

/// Why a state is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// So many bytes wait.
    Full(usize),
    /// Nothing is written any more.
    Down,
}

/// Whether one waits until a state is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Waits {
    Yes,
    No,
}

/// Whether there was something to forget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forgot {
    Now,
    Nothing,
}

/// One who waits in vain.
fn down() -> Written {
    waiter().1
}

fn known(
    entry: Entry,
    standing: &mut impl FnMut(&Record) -> Standing,
) -> (Arc<str>, Arc<str>, u64, Standing) {
    match entry {
        Entry::Record(record) => {
            let standing = standing(&record);
            (record.id, record.kind, record.revision, standing)
        }
        Entry::Unreadable { id, cause } => (id, "".into(), 0, Standing::SetAside(cause.into())),
    }
}

/// A record that is to be written now.
pub(crate) fn new_record(id: Arc<str>, kind: Arc<str>, arguments: Arc<str>) -> Record {
    Record::new(id, kind, arguments, 0, clock::now())
}

/// Whether a session waits to be restored, or may be when its supervisor has ended.
pub(crate) const fn is_restored(standing: &Standing) -> bool {
    matches!(
        standing,
        Standing::Kept(Kept::Waiting | Kept::SupervisorEnded)
    )
}
