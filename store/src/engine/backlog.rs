//! What is still to be written, of all ids: what goes into the next write, who waits for it, and what
//! becomes of it when a write fails.
//!
//! Invariants:
//! 1. there is one write under way at most; what comes meanwhile waits for the next one;
//! 2. of what a session saves the last state of each slot is kept, so what waits is bounded by what
//!    is remembered, and by [`MAX_BYTES`];
//! 3. a waiter is answered once, when what it waits for, or what replaced it, is written or was not;
//! 4. a write that fails is tried again, with two exceptions: a new record, since its caller is told that
//!    it is not remembered, and a write that is fenced, since the part is another owner's;
//! 5. changes of one id are written in the order in which they came.

mod settling;

use std::collections::VecDeque;
use std::mem::take;
use std::sync::Arc;

use super::awaits::{Awaits, Outcome};
use super::by_shard::ByShard;
use super::pending::Pending;
use crate::record::{Change, Decided, SavedState};

/// How many ids are written at once.
const MAX_IDS: usize = 1_024;

/// A write with more bytes than this takes no further ids.
const WRITE_BYTES: usize = 8 * 1024 * 1024;

/// How many bytes may wait, as when the disk is full: 256 MiB.
const MAX_BYTES: usize = 256 * 1024 * 1024;

/// What is still to be written. `W` is where an outcome is sent.
#[derive(Debug)]
pub struct Backlog<W> {
    waiting: ByShard<Item<W>>,
    /// The keys of `waiting`, each once, in the order in which they are to be written.
    order: VecDeque<Arc<str>>,
    under_way: Vec<(Arc<str>, Item<W>)>,
    /// How many wait for what is in `waiting`.
    awaiting: usize,
    /// The waiters for everything that was added before them, each with the number of items added by then.
    all: Vec<(u64, W)>,
    /// How many items have been added so far.
    come: u64,
    bytes: usize,
    max_bytes: usize,
    /// How many ids the next write may have. After a failure of unknown scope each is tried alone, so
    /// that one which a store cannot write holds up no other.
    most: usize,
}

/// What a failure tells of other writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// They would fail too: the disk is full, or the file is locked.
    Store,
    /// Nothing.
    Unknown,
    /// A later owner has some of the ids, so that nothing of this write was made.
    Fenced,
}

#[derive(Debug)]
struct Item<W> {
    pending: Pending,
    waiters: Vec<(Awaits, W)>,
    /// Its number among all items that were added.
    place: u64,
}

/// A state that is not taken, since too much waits to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused;

/// What is known of a saved state without asking the store.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// There is none.
    Nothing,
    /// This is the last one.
    State(SavedState),
    /// What the store has is the last one.
    AsStored,
}

impl<W> Default for Backlog<W> {
    fn default() -> Self {
        Self::bounded(MAX_BYTES)
    }
}

impl<W> Backlog<W> {
    /// An empty backlog, in which at most `max_bytes` bytes wait.
    #[must_use]
    pub fn bounded(max_bytes: usize) -> Self {
        Self {
            waiting: ByShard::default(),
            order: VecDeque::new(),
            under_way: Vec::new(),
            awaiting: 0,
            all: Vec::new(),
            come: 0,
            bytes: 0,
            max_bytes,
            most: MAX_IDS,
        }
    }

    /// Adds a change, and the waiter for it.
    ///
    /// # Errors
    ///
    /// [`Refused`], with the waiter. Only a state is refused.
    pub fn add(
        &mut self,
        decided: impl Into<Decided>,
        waiter: Option<W>,
    ) -> Result<(), (Refused, Option<W>)> {
        let decided = decided.into();
        let awaits = match &decided.change {
            Change::Remember(record) => Awaits::Record(record.revision),
            Change::Save {
                state, revision, ..
            } => {
                if self.bytes.saturating_add(state.bytes.len()) > self.max_bytes {
                    return Err((Refused, waiter));
                }
                Awaits::State(Arc::clone(&state.slot), *revision)
            }
            Change::Wake { revision, .. } => Awaits::Awake(*revision),
            Change::Forget { .. } | Change::Rest { .. } | Change::Discard { .. } => Awaits::Settled,
        };
        self.awaiting += usize::from(waiter.is_some());
        let item = self.item(&Arc::clone(decided.change.id()));
        let before = item.pending.bytes();
        item.pending.add(decided);
        item.waiters.extend(waiter.map(|waiter| (awaits, waiter)));
        let after = item.pending.bytes();
        self.bytes = self.bytes + after - before;
        Ok(())
    }

    /// Into how many parts the ids are divided, so that one is found without a look at the others.
    pub fn divide(&mut self, of: u32) {
        self.waiting.divide(of);
    }

    /// Whether nothing is left to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.under_way.is_empty()
    }

    /// How many ids wait to be written.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    /// How many bytes wait.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether somebody waits for the next write.
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        // Counted, since it is asked at each save while the disk is full.
        debug_assert_eq!(
            self.awaiting,
            self.waiting
                .values()
                .map(|item| item.waiters.len())
                .sum::<usize>()
        );
        !self.all.is_empty() || self.awaiting > 0
    }

    /// Begins a write. None: nothing is to be written, or a write is under way.
    pub fn begin(&mut self) -> Option<Vec<Decided>> {
        if !self.under_way.is_empty() {
            return None;
        }
        self.awaited_first();
        let (mut changes, mut bytes) = (Vec::new(), 0);
        while self.under_way.len() < self.most && bytes < WRITE_BYTES {
            let Some(id) = self.order.pop_front() else {
                break;
            };
            let Some((id, item)) = self.waiting.remove(&id) else {
                continue;
            };
            self.awaiting -= item.waiters.len();
            changes.extend(item.pending.changes(&id));
            bytes += item.pending.bytes();
            self.under_way.push((id, item));
        }
        (!self.under_way.is_empty()).then_some(changes)
    }

    /// The write is durable. Answers who is to be told what.
    pub fn written(&mut self) -> Vec<(W, Outcome)> {
        let mut told = Vec::new();
        for (_, item) in take(&mut self.under_way) {
            self.bytes -= item.pending.bytes();
            for (awaits, waiter) in item.waiters {
                told.push((waiter, awaits.outcome(&item.pending)));
            }
        }
        self.most = self.most.saturating_mul(2).min(MAX_IDS);
        self.tell_all(Outcome::Written, &mut told);
        told
    }

    /// The write failed. Answers who is to be told what.
    pub fn failed(&mut self, scope: Scope) -> Vec<(W, Outcome)> {
        if scope == Scope::Fenced {
            return self.fenced();
        }
        let mut told = Vec::new();
        for (id, item) in take(&mut self.under_way) {
            for (awaits, waiter) in item.waiters {
                let outcome = match awaits.outcome(&item.pending) {
                    Outcome::Written => Outcome::Failed,
                    outcome => outcome,
                };
                told.push((waiter, outcome));
            }
            let mut pending = item.pending;
            self.bytes -= pending.bytes();
            pending.withdraw();
            if let Some(later) = self.waiting.get_mut(&id) {
                self.bytes -= later.pending.bytes();
                later.pending = pending.then(&id, take(&mut later.pending));
                self.bytes += later.pending.bytes();
            } else if !pending.is_empty() {
                self.bytes += pending.bytes();
                self.item(&id).pending = pending;
            }
        }
        if scope == Scope::Unknown {
            self.most = 1;
        }
        self.tell_all(Outcome::Failed, &mut told);
        told
    }

    /// Of several ids it is not known which is another owner's, so each is tried alone, and nobody is
    /// told before that. What is another's is given up.
    fn fenced(&mut self) -> Vec<(W, Outcome)> {
        let mut told = Vec::new();
        let under_way = take(&mut self.under_way);
        self.most = 1;
        if under_way.len() > 1 {
            for (id, item) in under_way {
                self.put_back(id, item);
            }
            return told;
        }
        for (_, item) in under_way {
            self.bytes -= item.pending.bytes();
            let waiters = item.waiters.into_iter();
            told.extend(waiters.map(|(_, waiter)| (waiter, Outcome::Failed)));
        }
        self.tell_all(Outcome::Failed, &mut told);
        told
    }

    fn put_back(&mut self, id: Arc<str>, item: Item<W>) {
        self.awaiting += item.waiters.len();
        let Some((_, later)) = self.waiting.remove(&id) else {
            self.order.push_back(Arc::clone(&id));
            self.waiting.insert(id, item);
            return;
        };
        self.bytes -= item.pending.bytes() + later.pending.bytes();
        let pending = item.pending.then(&id, later.pending);
        self.bytes += pending.bytes();
        let mut waiters = item.waiters;
        waiters.extend(later.waiters);
        let item = Item {
            pending,
            waiters,
            place: item.place,
        };
        self.waiting.insert(id, item);
    }

    /// Nothing is written any more. Answers all who wait.
    pub fn give_up(&mut self) -> Vec<W> {
        let all = take(&mut self.all).into_iter();
        let mut told: Vec<_> = all.map(|(_, waiter)| waiter).collect();
        let under_way = take(&mut self.under_way).into_iter();
        let items = under_way.map(|(_, item)| item);
        for item in items.chain(take(&mut self.waiting).into_values()) {
            told.extend(item.waiters.into_iter().map(|(_, waiter)| waiter));
        }
        self.order.clear();
        (self.bytes, self.awaiting) = (0, 0);
        told
    }

    /// What is known of a saved state that is not in the store yet.
    #[must_use]
    pub fn find(&self, id: &str, slot: &str, revision: u64) -> Found {
        let under_way = self.under_way.iter().find(|(known, _)| &**known == id);
        let items = [self.waiting.get(id), under_way.map(|(_, item)| item)];
        for item in items.into_iter().flatten() {
            let pending = &item.pending;
            if let Some(state) = pending.saved(slot, revision) {
                return Found::State(state.clone());
            }
            if pending.remembers(revision) || pending.forgets(revision) {
                return Found::Nothing;
            }
        }
        Found::AsStored
    }

    /// While each is tried alone, one that somebody waits for comes first.
    fn awaited_first(&mut self) {
        let awaited = |id: &Arc<str>| {
            let item = self.waiting.get(id);
            item.is_some_and(|item| !item.waiters.is_empty())
        };
        if self.most == 1
            && let Some(at) = self.order.iter().position(awaited)
            && let Some(id) = self.order.remove(at)
        {
            self.order.push_front(id);
        }
    }

    /// After a write. A failure is told to all who wait.
    fn tell_all(&mut self, outcome: Outcome, told: &mut Vec<(W, Outcome)>) {
        if self.all.is_empty() {
            return;
        }
        let first = self.waiting.values().map(|item| item.place).min();
        for (come, waiter) in take(&mut self.all) {
            if outcome == Outcome::Failed || first.is_none_or(|first| first > come) {
                told.push((waiter, outcome));
            } else {
                self.all.push((come, waiter));
            }
        }
    }

    fn item(&mut self, id: &Arc<str>) -> &mut Item<W> {
        let (order, come) = (&mut self.order, &mut self.come);
        self.waiting.get_or_insert_with(id, || {
            order.push_back(Arc::clone(id));
            *come += 1;
            Item {
                pending: Pending::default(),
                waiters: Vec::new(),
                place: *come,
            }
        })
    }
}
