//! The way to the store for all others: what is known of each id, and what is still to be written,
//! under one lock, so that no decision falls between the two.

use std::sync::{Arc, MutexGuard};

use tokio::sync::oneshot;

use crate::clock;
use crate::engine::{
    Admission, Ahead, Claimed, End, Found, Intent, Kept, NoStart, Outcome, Reading, Standing,
};
use crate::error::{NotRestored, OpenCheckpointError, OpenError, WriteError};
use crate::loaded::{Loaded, Waiting, is_restored};
use crate::part::Part;
use crate::record::{Change, Entry, Record, SavedState};
use crate::session_store::{SessionStore, StoreError};
use crate::stats::Stats;
use crate::writer::{self, Read, Shared, Stage, State, Waiter};

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

    /// Binds the store to a cluster.
    pub(crate) async fn bind(&self, cluster: String) -> Result<(), OpenError> {
        let bound = self.read(move |store| store.bind(&cluster)).await;
        bound
            .ok_or(OpenError::Thread(None))?
            .map_err(OpenError::Bind)
    }

    /// Reads all that is remembered of some parts. `standing` says what a record is; it runs on the thread
    /// of the store, so that it blocks no task. Answers also the parts that have a later owner. The ids are
    /// unknown until [`take_over`](Self::take_over).
    pub(crate) async fn load(
        &self,
        parts: Vec<Part>,
        standing: impl Fn(&Record) -> Standing + Send + 'static,
    ) -> Result<(Vec<Loaded>, Vec<(Part, StoreError)>), OpenError> {
        let read = self.read(move |store| {
            let (mut found, mut held) = (Vec::new(), 0);
            let refused = store.load_many(&parts, &mut |entry| {
                found.push(Loaded::of(entry, &standing, &mut held));
            })?;
            Ok((found, refused))
        });
        let read = read.await.ok_or(OpenError::Thread(None))?;
        read.map_err(OpenError::Store)
    }

    /// These parts are this process's from now on, and this was read of them. Answers what waits to be
    /// restored, what was used last first.
    pub(crate) fn take_over(
        &self,
        parts: &[Part],
        found: impl IntoIterator<Item = Loaded>,
    ) -> Vec<Waiting> {
        let mut waiting = Vec::new();
        let mut state = self.lock();
        for part in parts {
            state.take_over(*part);
        }
        for loaded in found {
            match loaded {
                Loaded::Record(record, standing, whole) => {
                    let waits = is_restored(&standing);
                    state.ledger.found(&record, standing);
                    if waits {
                        waiting.push(Waiting::of(record, whole));
                    }
                }
                Loaded::Unreadable(id, why) => state.ledger.found_unreadable(id, why),
            }
        }
        drop(state);
        waiting.sort_unstable_by(|a, b| b.used.cmp(&a.used).then_with(|| a.id.cmp(&b.id)));
        waiting
    }

    /// The sessions of this part are handed over: from now on their ends forget nothing.
    pub(crate) fn hand_over(&self, part: Part) {
        let mut state = self.lock();
        state.ledger.hand_over(part);
        state.ahead.forget_part(part);
    }

    /// Nothing is known of these any more. Answers how many still run.
    pub(crate) fn handed_over(&self, part: Part) -> usize {
        let mut state = self.lock();
        state.ahead.forget_part(part);
        state.ledger.handed_over(part)
    }

    /// Whether all that is remembered has been read.
    pub(crate) fn is_read(&self) -> bool {
        self.lock().ledger.reading() == Reading::Done
    }

    /// Reads the saved states of sessions that wait to be restored, all in one call of the store. A state
    /// that this does not read is read when its session asks for it.
    pub(crate) async fn read_ahead(&self, ids: Vec<Arc<str>>) {
        let shared = Arc::clone(&self.0.0);
        let read = self.read(move |store| {
            let asked: Vec<&str> = ids.iter().map(|id| &**id).collect();
            let mut found = Vec::with_capacity(ids.len());
            let read = store.states(&asked, Ahead::SLOT, &mut |place, state| {
                found.push((place, state));
            });
            // On this thread: nothing is written between the two, and a change that has come meanwhile is seen.
            let mut state = shared.lock();
            for (place, saved) in found {
                if let Some(id) = ids.get(place) {
                    state.put_ahead(id, saved);
                }
            }
            drop(state);
            read
        });
        if let Some(Err(error)) = read.await {
            let why = writer::chain(&error);
            tracing::debug!("states are read one by one: {why}");
        }
    }

    /// The start of the session is over, so the state that was read ahead for it is not needed any more.
    pub(crate) fn is_started(&self, id: &str) {
        self.lock().ahead.forget(id);
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
        if let Some(state) = self.known(id, slot, revision) {
            return Ok(state);
        }
        let (of, slot) = (Arc::clone(id), Arc::clone(slot));
        let read = self.read(move |store| store.state(&of, &slot)).await;
        let state = read.ok_or(OpenCheckpointError::Down)?;
        state.map_err(|cause| OpenCheckpointError::Store {
            id: Arc::clone(id),
            cause: Arc::new(cause),
        })
    }

    /// The same, as far as it is known without asking the store.
    fn known(&self, id: &str, slot: &str, revision: u64) -> Option<Option<SavedState>> {
        let mut state = self.lock();
        match state.backlog.find(id, slot, revision) {
            Found::Nothing => Some(None),
            Found::State(state) => Some(Some(state)),
            Found::AsStored => state.ahead.take(id, slot, revision),
        }
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
        match state.ledger.admit(record, tag, intent) {
            Admission::Go => Passage::Go,
            Admission::Later => Passage::Later,
            Admission::Refused(why) => Passage::Refused(why),
            Admission::Remember(new) => {
                revision(new);
                let mut record = record.clone();
                record.revision = new;
                Passage::When(self.push(state, Change::Remember(record)))
            }
            Admission::Wake(revision) => {
                let id = Arc::clone(&record.id);
                Passage::When(self.push(state, Change::Wake { id, revision }))
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
        // The store would ignore it, and the caller that waits would be told that it is durable.
        let known = state.ledger.look(change.id());
        if known.is_none_or(|(known, _)| known != revision) {
            return Ok(Err(NotTaken::Gone));
        }
        let (waiter, written) = match waits {
            Waits::Yes => {
                let (waiter, written) = waiter();
                (Some(waiter), written)
            }
            Waits::No => (None, Written::NOW),
        };
        let added = state.add(change, waiter);
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

    /// The session of this tag and this id is gone.
    pub(crate) fn ended(&self, tag: u64, id: &str, end: End) {
        let mut state = self.lock();
        let Some(change) = state.ledger.ended(tag, id, end) else {
            return;
        };
        // What is added once the thread has ended would wait for ever.
        let added = state.stage != Stage::Down && state.add(change, None).is_ok();
        drop(state);
        if added {
            self.0.0.wake();
        } else {
            tracing::error!("the end of a session is not written: its store is closed");
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
        state: MutexGuard<'_, State>,
        id: &str,
        change: Option<Change>,
    ) -> (Forgot, Written) {
        if let Some(change) = change {
            return (Forgot::Now, self.push(state, change));
        }
        if let Some((_, Standing::Running { .. })) = state.ledger.look(id) {
            return (Forgot::Running, Written::NOW);
        }
        drop(state);
        (Forgot::Nothing, self.settled(id))
    }

    /// Waits until nothing of an id is left to be written.
    pub(crate) fn settled(&self, id: &str) -> Written {
        let mut state = self.lock();
        if state.stage == Stage::Down {
            return down();
        }
        let (waiter, written) = waiter();
        let settled = state.backlog.settle(id, waiter).is_some();
        drop(state);
        self.0.0.wake();
        if settled { Written::NOW } else { written }
    }

    /// Waits until nothing of a part is left to be written.
    pub(crate) fn settled_part(&self, part: Part) -> Vec<Written> {
        let mut state = self.lock();
        if state.stage == Stage::Down {
            return vec![down()];
        }
        let mut all = Vec::new();
        state.backlog.settle_part(part, || {
            let (waiter, written) = waiter();
            all.push(written);
            waiter
        });
        drop(state);
        self.0.0.wake();
        all
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

    /// Writes what waits and gives the store back. Waits for that, and says whether all was written.
    pub(crate) async fn close(&self) -> Result<(), WriteError> {
        let ended = self.end();
        close(&self.0.0);
        match ended {
            Some(ended) => ended.await.unwrap_or(Err(WriteError::Down)),
            None => Err(WriteError::Down),
        }
    }

    /// Waits until the store is closed, or its thread has ended in another way. It keeps neither open.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let ended = self.end();
        async move {
            if let Some(ended) = ended {
                drop(ended.await);
            }
        }
    }

    /// Whether the store is open: it was not closed, and its thread runs.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().stage == Stage::Open
    }

    fn end(&self) -> Option<oneshot::Receiver<Result<(), WriteError>>> {
        let mut state = self.lock();
        if state.stage == Stage::Down {
            return None;
        }
        let (end, ended) = oneshot::channel();
        state.ends.push(end);
        Some(ended)
    }

    /// Whether another session has one of these claims, and does not run.
    pub(crate) fn claimed(&self, record: &Record) -> Option<Claimed> {
        let claimed = self.lock().ledger.claimed(&record.id, &record.claims)?;
        let runs = matches!(claimed.standing, Standing::Running { .. });
        (!runs).then_some(claimed)
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

    /// What of a part is not restored: what is set aside, with its cause, and how many rest.
    pub(crate) fn not_restored(&self, part: Part) -> (Vec<NotRestored>, usize) {
        let state = self.lock();
        let (mut set_aside, mut resting) = (Vec::new(), 0);
        for (id, standing) in state.ledger.of_part(part) {
            match standing {
                Standing::SetAside(why) => set_aside.push(NotRestored {
                    id: Arc::clone(id),
                    why: why.to_string(),
                }),
                Standing::Kept(Kept::Resting) => resting += 1,
                _ => {}
            }
        }
        (set_aside, resting)
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
        let added = state.add(change, Some(waiter));
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
    /// How many bytes wait.
    Full(usize),
    /// The session is not remembered any more.
    Gone,
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
    /// It runs, so it is not to be forgotten.
    Running,
    Nothing,
}

/// One who waits in vain.
fn down() -> Written {
    waiter().1
}

/// A record that is to be written now.
pub(crate) fn new_record(id: Arc<str>, kind: Arc<str>, arguments: Arc<str>) -> Record {
    Record::new(id, kind, arguments, 0, clock::now())
}
