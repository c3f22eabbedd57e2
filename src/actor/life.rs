//! One launch, as the shell keeps it: its actor, its mark, how much of it is left, and who waits.
//!
//! Invariants:
//! 1. the caller is taken once; the taker (the launch or a cancellation) answers it and thereby
//!    decides their race;
//! 2. each [`Hold`] is released once, and the last release reports that nothing is left. The launch
//!    releases its hold after its report, so no end is reported before the start.

mod asked;
mod bits;
mod checkpoint;
mod claim;
mod end;
mod in_use;
mod kept;
mod orphans;
mod ready;
mod span;
mod watched;

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use ractor::{ActorCell, ActorStatus};

use super::checkpoint::Carried;
use super::drop_queue::DropQueue;
use super::exit::error_text;
use super::found::Found;
use crate::engine::{self, Cause, Ending, GaveUp, Key, Mark, ShutdownReport, Use};
use crate::info::ChildFailure;
use bits::{CANCELLED, FAILED, GAVE_UP, HELD, LINK_FAILED, ORDERLY};
use claim::Claim;
use end::{Known, Tree};
use in_use::InUse;
pub(in crate::actor) use in_use::Watched;
use kept::Kept;
pub(crate) use watched::{AfterCallback, Told};

/// What there can be of a launch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Hold {
    /// The task that starts the session, until it has reported.
    Launch = 1 << 3,
    /// The state and the actor's own value, wherever they are dropped.
    State = 1 << 4,
    /// The actor's task.
    Task = 1 << 5,
    /// The children of a supervisor, and their names.
    Tree = 1 << 6,
}

/// A caller `C` waits for the launch. If its actor is a supervisor, there is a `T` to hold of that.
#[derive(Debug)]
pub(crate) struct Life<C, T> {
    key: Key,
    actor: OnceLock<ActorCell>,
    bits: AtomicU16,
    /// When its callbacks ran, if its rules ask for that.
    pub(super) in_use: InUse,
    inner: Mutex<Inner<C, T>>,
}

#[derive(Debug)]
struct Inner<C, T> {
    claim: Claim<C>,
    /// The launch's, while it waits for a cancellation or for what is left of a failure.
    waker: Option<Waker>,
    end: Known<T>,
}

/// Whether something of a launch is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    /// Only the state, in an event or in its last drop.
    State,
    More,
}

impl<C: fmt::Debug, T: Clone + fmt::Debug> engine::Life for Arc<Life<C, T>> {
    type Found = Found<T>;
    type Checkpoint = Carried;

    fn new(key: Key, checkpoint: Option<Carried>) -> Self {
        let left = checkpoint.map(|carried| carried.hand_over(key.launch));
        let (end, bits) = Known::new(left);
        Self::new(Life {
            key,
            actor: OnceLock::new(),
            bits: AtomicU16::new(Hold::Launch as u16 | bits),
            in_use: InUse::default(),
            inner: Mutex::new(Inner {
                claim: Claim::Open(None),
                waker: None,
                end,
            }),
        })
    }

    fn leave(&self) -> Option<Carried> {
        self.leave_checkpoint()
    }

    fn found(&self) -> Option<Found<T>> {
        let cell = self.cell()?.clone();
        let tree = self.tree();
        Some(Found { cell, tree })
    }

    fn actor(&self) -> Option<u64> {
        self.actor.get().map(|cell| cell.get_id().pid())
    }

    fn mark(&self) -> Mark {
        Life::mark(self)
    }

    fn error_text(&self) -> Option<Arc<str>> {
        self.of_end(|end| end.text.clone())
    }

    fn failure(&self) -> (Option<Cause>, Option<Arc<str>>) {
        let failure = self.of_end(|end| {
            let cause = end.cause.as_mut().and_then(Kept::take);
            Some((cause, end.text.clone()))
        });
        failure.unwrap_or_default()
    }

    fn report(&self) -> Option<ShutdownReport> {
        self.of_end(|end| match end.tree {
            Tree::Over(report) => report,
            Tree::None | Tree::Held(_) => None,
        })
    }

    fn is_outlived(&self) -> bool {
        self.holds(Hold::Tree) && !self.holds(Hold::Task) && !self.holds(Hold::Launch)
    }

    fn ending(&self) -> Ending {
        // A callback has failed. ractor does not show it yet, but this life is over.
        if Life::mark(self) == Mark::Failed {
            return Ending::Yes;
        }
        self.shown()
    }

    fn used(&self) -> Use {
        self.in_use.last()
    }
}

impl<C, T: Clone> Life<C, T> {
    pub(crate) const fn key(&self) -> Key {
        self.key
    }

    /// The actor, as soon as its `pre_start` has begun.
    pub(crate) fn cell(&self) -> Option<&ActorCell> {
        self.actor.get()
    }

    /// Called once, at the beginning of `pre_start`.
    pub(crate) fn set_cell(&self, cell: ActorCell) {
        drop(self.actor.set(cell));
    }

    pub(crate) fn mark(&self) -> Mark {
        let bits = self.bits.load(Ordering::Acquire);
        if bits & LINK_FAILED == LINK_FAILED {
            Mark::LinkFailed
        } else if bits & FAILED != 0 {
            Mark::Failed
        } else if bits & GAVE_UP != 0 {
            Mark::GaveUp
        } else if bits & ORDERLY != 0 {
            Mark::Orderly
        } else {
            Mark::Missing
        }
    }

    pub(crate) fn mark_orderly(&self) {
        self.bits.fetch_or(ORDERLY, Ordering::AcqRel);
    }

    /// It is a supervisor that has reached its restart limit. The failure is there before the mark tells
    /// of it.
    pub(super) fn mark_gave_up(&self, failure: Option<ChildFailure>, drops: &DropQueue) {
        if let Some(failure) = failure {
            self.keep(Arc::new(Box::new(GaveUp(Some(failure.into())))), drops);
        }
        self.bits.fetch_or(GAVE_UP, Ordering::AcqRel);
    }

    /// A callback has failed. The cause is there before the mark tells of it.
    pub(super) fn mark_failed(&self, cause: Cause, drops: &DropQueue) {
        self.keep(cause, drops);
        self.bits.fetch_or(FAILED, Ordering::AcqRel);
    }

    /// `post_stop` went through, and the callback before it handled such a failure.
    pub(super) fn mark_link_failed(&self, cause: Cause, drops: &DropQueue) {
        self.keep(cause, drops);
        self.bits.fetch_or(LINK_FAILED, Ordering::AcqRel);
    }

    /// The text is made here, in the task of the session, since it is the user's code that says it.
    fn keep(&self, cause: Cause, drops: &DropQueue) {
        let text = error_text(&**cause);
        let kept = Kept::new(cause, drops);
        let mut inner = self.lock();
        let end = inner.end.or_nothing(&self.bits);
        end.text = Some(text);
        let before = end.cause.replace(kept);
        drop(inner);
        drop(before);
    }

    /// The cause of a failure, if nobody has taken it.
    pub(super) fn take_cause(&self) -> Option<Cause> {
        self.of_end(|end| end.cause.as_mut()?.take())
    }

    /// The launch has failed with an error of this text.
    pub(super) fn start_failed(&self, text: Arc<str>) {
        self.lock().end.or_nothing(&self.bits).text = Some(text);
    }

    /// Whether ractor shows that the actor is ending.
    fn shown(&self) -> Ending {
        match self.actor.get() {
            Some(cell) if cell.get_status() >= ActorStatus::Draining => Ending::Yes,
            _ => Ending::No,
        }
    }

    pub(crate) fn holds(&self, hold: Hold) -> bool {
        self.bits.load(Ordering::Acquire) & hold as u16 != 0
    }

    pub(crate) fn hold(&self, hold: Hold) {
        self.bits.fetch_or(hold as u16, Ordering::AcqRel);
    }

    /// What is left after that.
    #[inline]
    pub(crate) fn release(&self, hold: Hold) -> Left {
        let before = self.bits.fetch_and(!(hold as u16), Ordering::AcqRel);
        let left = before & HELD & !(hold as u16);
        if left & Hold::Launch as u16 != 0 {
            self.wake();
        }
        match left {
            0 => Left::Nothing,
            left if left == Hold::State as u16 => Left::State,
            _ => Left::More,
        }
    }

    /// Waits until nothing but the launch itself is left.
    pub(crate) async fn alone(&self) {
        self.until(|life, _| life.bits.load(Ordering::Acquire) & HELD == Hold::Launch as u16)
            .await;
    }

    /// As [`alone`](Self::alone), or until stuck children are all that is left beside it.
    pub(crate) async fn alone_or_outlived(&self) {
        self.until(|life, inner| {
            let held = life.bits.load(Ordering::Acquire) & HELD;
            let outlived = inner.end.get().is_some_and(|end| end.outlived);
            let tree = Hold::Launch as u16 | Hold::Tree as u16;
            held == Hold::Launch as u16 || (outlived && held == tree)
        })
        .await;
    }

    #[inline]
    pub(crate) fn set_caller(&self, caller: C) {
        self.lock().claim = Claim::Open(Some(caller));
    }

    /// The launch's side of the race. `None`: it was cancelled before.
    #[inline]
    pub(crate) fn claim(&self) -> Option<Option<C>> {
        let mut inner = self.lock();
        let taken = inner.claim.take(Claim::Reported);
        // It would keep the memory of the launch's task as long as the session lives.
        let waker = inner.waker.take();
        drop(inner);
        drop(waker);
        taken
    }

    /// The cancellation's side of the race. `None`: the launch was first.
    pub(crate) fn cancel(&self) -> Option<Option<C>> {
        let taken = self.lock().claim.take(Claim::Cancelled);
        if taken.is_some() {
            self.bits.fetch_or(CANCELLED, Ordering::AcqRel);
            self.wake();
        }
        taken
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.bits.load(Ordering::Acquire) & CANCELLED != 0
    }

    /// Polls the launch to its end; `None` as soon as it is cancelled.
    pub(crate) async fn unless_cancelled<O>(
        &self,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<O>,
    ) -> Option<O> {
        poll_fn(|context| {
            if self.is_cancelled() {
                return Poll::Ready(None);
            }
            match poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                // Most are done with their first poll, and need not be woken.
                Poll::Pending => self
                    .poll_until(context, |_, inner| matches!(inner.claim, Claim::Cancelled))
                    .map(|()| None),
            }
        })
        .await
    }

    /// Waits for one of the two changes after which the launch is woken. For the launch alone.
    async fn until(&self, over: impl Fn(&Self, &Inner<C, T>) -> bool) {
        poll_fn(|context| self.poll_until(context, &over)).await;
    }

    fn poll_until(
        &self,
        context: &Context<'_>,
        over: impl Fn(&Self, &Inner<C, T>) -> bool,
    ) -> Poll<()> {
        let mut inner = self.lock();
        if over(self, &inner) {
            return Poll::Ready(());
        }
        match &mut inner.waker {
            Some(waker) => waker.clone_from(context.waker()),
            waker @ None => *waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }

    fn wake(&self) {
        let waker = self.lock().waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<C, T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
