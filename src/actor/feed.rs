//! The feed: what has happened to the sessions of one supervisor, for those who follow that.
//!
//! Events are put in by the holder of the driver's lock, so that they are in the order of what
//! happened. Readers take them out under the feed's own lock, and are woken in tasks of their own
//! when no lock is held: no reader delays the supervisor, or another reader.
//!
//! Nothing is kept while nobody listens, and an event that nobody would read is not made.
//!
//! A feed carries [`Event`]s; the crate in `cluster/` has one of its own events ([`Numbered`]).

mod reader;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::mem::take;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::runtime::Handle;

use super::turns::turns;
use super::unwind::guard;
use crate::engine::{Meter, Ring};
use crate::event::Event;

pub use reader::Reader;

/// How many events are kept for readers that are slow.
pub(crate) const KEPT: usize = 16_384;

/// How often the task that wakes readers lets others go first. On a busy machine events come
/// together meanwhile, and a reader is woken once for all of them; on an idle one it takes no time.
const TURNS: u32 = 8;

/// If the worker is blocked that keeps this task meanwhile, readers are woken from another one after this
/// time. To make way for others instead may wake a worker that is idle at each of the turns.
const LATE: Duration = Duration::from_millis(5);

/// What a feed carries.
pub trait Numbered: Debug + Send + Sync + 'static {
    /// What counts the events that readers have lost.
    type Meter: Debug + Send + Sync + 'static;

    /// It has this number in its feed.
    fn set_revision(&mut self, revision: u64);

    /// The number that it was given.
    fn revision(&self) -> u64;

    /// A reader has lost so many.
    fn lose(meter: &Self::Meter, lost: u64);
}

impl Numbered for Event {
    type Meter = Meter;

    fn set_revision(&mut self, revision: u64) {
        self.revision = revision;
    }

    fn revision(&self) -> u64 {
        self.revision
    }

    fn lose(meter: &Meter, lost: u64) {
        meter.lose_events(lost);
    }
}

/// What has happened, in order, for those who listen.
#[derive(Debug)]
pub struct Feed<E: Numbered = Event> {
    inner: Mutex<Inner<E>>,
    listened: AtomicBool,
    runtime: Handle,
    meter: Arc<E::Meter>,
}

#[derive(Debug)]
struct Inner<E> {
    ring: Ring<Arc<E>>,
    stage: Stage,
    listeners: usize,
    /// How many there were so far.
    numbers: u64,
    /// Who waits for the next event.
    waiting: Vec<(u64, Waker)>,
    waking: Waking,
}

/// Whether events can still come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    Over,
}

/// Whether a task that wakes readers was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waking {
    No,
    Asked,
}

/// What a reader finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Events.
    Some,
    /// Nothing so far.
    Nothing,
    /// How many are lost.
    Lost(u64),
    /// The feed is over, and all of it was read.
    Over,
}

impl<E: Numbered> Feed<E> {
    /// The feed of a supervisor. `meter`: where it counts what readers have lost.
    #[must_use]
    pub fn new(runtime: Handle, meter: Arc<E::Meter>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                ring: Ring::after(first_revision(), KEPT),
                stage: Stage::Open,
                listeners: 0,
                numbers: 0,
                waiting: Vec::new(),
                waking: Waking::No,
            }),
            listened: AtomicBool::new(false),
            runtime,
            meter,
        }
    }

    /// Whether somebody listens. One that begins to does so under the driver's lock.
    pub(super) fn is_listened(&self) -> bool {
        self.listened.load(Ordering::Relaxed)
    }

    /// Puts events in. [`wake`](Self::wake) has to follow when no lock is held.
    pub fn publish(&self, events: impl IntoIterator<Item = E>) {
        let mut inner = self.lock();
        if inner.listeners > 0 && inner.stage == Stage::Open {
            for event in events {
                inner.put(event);
            }
        }
    }

    /// The last event. [`wake`](Self::wake) has to follow.
    pub fn end(&self, last: E) {
        let mut inner = self.lock();
        if inner.stage == Stage::Open {
            inner.put(last);
            inner.stage = Stage::Over;
        }
    }

    /// Has those woken who wait, in a while. No lock may be held. Answers whether this has made a task,
    /// which lies in the slot of this thread.
    pub fn wake(self: &Arc<Self>) -> bool {
        let mut inner = self.lock();
        if inner.waiting.is_empty() || inner.waking == Waking::Asked {
            return false;
        }
        inner.waking = Waking::Asked;
        drop(inner);
        let alarm = Alarm(Arc::clone(self));
        drop(self.runtime.spawn(async move {
            turns(TURNS, LATE).await;
            drop(alarm);
        }));
        true
    }

    /// Begins to listen. The caller holds the driver's lock, so that no event is under way.
    #[must_use]
    pub fn listen(self: &Arc<Self>) -> Listener<E> {
        let mut inner = self.lock();
        let after = inner.ring.pin();
        self.enter(&mut inner, after, Kept::Pinned(after))
    }

    /// The same for one that knows what has happened up to this revision, if all that followed is
    /// kept.
    #[must_use]
    pub fn listen_from(self: &Arc<Self>, revision: u64) -> Option<Listener<E>> {
        let mut inner = self.lock();
        if inner.listeners == 0 || !inner.ring.holds(revision) {
            return None;
        }
        Some(self.enter(&mut inner, revision, Kept::AsUsual))
    }

    fn enter(self: &Arc<Self>, inner: &mut Inner<E>, after: u64, kept: Kept) -> Listener<E> {
        inner.listeners += 1;
        inner.numbers += 1;
        self.listened.store(true, Ordering::Relaxed);
        Listener {
            feed: Arc::clone(self),
            number: inner.numbers,
            after,
            kept,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<E>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<E: Numbered> Inner<E> {
    /// The oldest event makes room for it. Its memory is used again if all have read it: it was
    /// allocated among what sessions of long ago needed, so to free it and to allocate anew would
    /// cost more than to make the event.
    fn put(&mut self, mut event: E) {
        self.ring.push(|revision, oldest| {
            event.set_revision(revision);
            if let Some(mut oldest) = oldest
                && let Some(place) = Arc::get_mut(&mut oldest)
            {
                *place = event;
                return oldest;
            }
            Arc::new(event)
        });
    }
}

/// Wakes those who wait when it is dropped: in its task, or where a runtime that is shutting down
/// refuses that.
struct Alarm<E: Numbered>(Arc<Feed<E>>);

impl<E: Numbered> Drop for Alarm<E> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.waking = Waking::No;
        let waiting = take(&mut inner.waiting);
        drop(inner);
        // A waker may be any code. One that blocks its thread delays no other.
        for (_, waker) in waiting {
            let call = Call(Some(waker));
            drop(self.0.runtime.spawn(async move { drop(call) }));
        }
    }
}

/// Wakes one reader when it is dropped.
struct Call(Option<Waker>);

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(waker) = self.0.take() {
            drop(guard(|| waker.wake()));
        }
    }
}

/// One who listens.
#[derive(Debug)]
pub struct Listener<E: Numbered = Event> {
    feed: Arc<Feed<E>>,
    number: u64,
    /// The revision up to which it has read.
    after: u64,
    kept: Kept,
}

/// How one begins to listen.
#[derive(Debug)]
pub(crate) enum Listens {
    /// Where it wished to go on.
    Resumed(Listener),
    /// From now on, and all is kept until it has a list.
    Anew(Listener),
}

/// What is kept for a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    AsUsual,
    /// All that came after this revision.
    Pinned(u64),
    /// The same without a bound; what was read is not kept.
    All(u64),
}

impl Kept {
    /// It has read up to here. What it needs no more has been handed out, so nothing is dropped.
    fn moves<E>(&mut self, ring: &mut Ring<Arc<E>>, to: u64) {
        if let Self::All(pin) = self {
            ring.move_pin(std::mem::replace(pin, to), to);
        }
    }
}

impl<E: Numbered> Listener<E> {
    /// The revision up to which it has read.
    #[must_use]
    pub const fn after(&self) -> u64 {
        self.after
    }

    /// It keeps up from now on: no more is kept for it than for others.
    pub fn unpin(&mut self) {
        match std::mem::replace(&mut self.kept, Kept::AsUsual) {
            Kept::AsUsual => {}
            Kept::Pinned(pin) => self.feed.lock().ring.unpin(pin),
            Kept::All(pin) => self.feed.lock().ring.keep_no_more(pin),
        }
    }

    /// All that it has not read is kept from now on, however much that is. What is lost already
    /// stays lost.
    pub(crate) fn keep_all(&mut self) {
        let mut inner = self.feed.lock();
        inner.ring.keep_all(self.after);
        drop(inner);
        self.unpin();
        self.kept = Kept::All(self.after);
    }

    /// Reads on, at most so many. If nothing is there, the waker is kept and called when something
    /// is.
    pub(crate) fn read(
        &mut self,
        most: usize,
        into: &mut VecDeque<Arc<E>>,
        waker: Option<&Waker>,
    ) -> Found {
        // It may be any code, so it is cloned before the lock is taken, and dropped after it.
        let waker = waker.cloned();
        let mut inner = self.feed.lock();
        if let Err(lost) = inner.ring.read(self.after, most, into) {
            self.after += lost;
            self.kept.moves(&mut inner.ring, self.after);
            E::lose(&self.feed.meter, lost);
            return Found::Lost(lost);
        }
        if let Some(last) = into.back() {
            self.after = last.revision();
            self.kept.moves(&mut inner.ring, self.after);
            return Found::Some;
        }
        if inner.stage == Stage::Over {
            return Found::Over;
        }
        let before = inner.unwait(self.number);
        if let Some(waker) = waker {
            inner.waiting.push((self.number, waker));
        }
        drop(inner);
        drop(guard(|| drop(before)));
        Found::Nothing
    }
}

impl<E> Inner<E> {
    fn unwait(&mut self, number: u64) -> Option<Waker> {
        let at = self
            .waiting
            .iter()
            .position(|(other, _)| *other == number)?;
        Some(self.waiting.swap_remove(at).1)
    }
}

impl<E: Numbered> Drop for Listener<E> {
    fn drop(&mut self) {
        self.unpin();
        let mut inner = self.feed.lock();
        let waker = inner.unwait(self.number);
        inner.listeners -= 1;
        let mut left = VecDeque::new();
        if inner.listeners == 0 && inner.stage == Stage::Open {
            self.feed.listened.store(false, Ordering::Relaxed);
            left = inner.ring.abandon();
        }
        drop(inner);
        drop(left);
        drop(guard(|| drop(waker)));
    }
}

/// Where the revisions of a supervisor begin: somewhere at random, so that a revision of another
/// supervisor, or of this one before its restart, is none of its own. They fit into 53 bits, as numbers
/// of JavaScript do.
fn first_revision() -> u64 {
    RandomState::new().build_hasher().finish() >> 12
}
