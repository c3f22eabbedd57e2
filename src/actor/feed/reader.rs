//! Reading a feed event by event, as every subscription does.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::{Found, Listener, Numbered};
use crate::error::{Lagged, TryNextError};

/// How many events are taken at a time, so that the feed's lock is not taken for each.
const BATCH: usize = 128;

/// One who reads a feed. What a subscription promises of its calls is promised here.
pub struct Reader<E: Numbered> {
    listener: Listener<E>,
    /// Taken, and not told.
    taken: VecDeque<Arc<E>>,
    revision: u64,
    turn: Turn,
}

/// Whether others have their turn before more is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Mine,
    Others,
}

impl<E: Numbered> fmt::Debug for Reader<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("revision", &self.revision)
            .finish_non_exhaustive()
    }
}

impl<E: Numbered> Reader<E> {
    /// Reads on from where the listener is.
    #[must_use]
    pub fn of(listener: Listener<E>) -> Self {
        Self {
            revision: listener.after(),
            listener,
            taken: VecDeque::new(),
            turn: Turn::Mine,
        }
    }

    /// The revision up to which it has told what happened.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Waits for the next event. `None` after the last one.
    ///
    /// # Errors
    ///
    /// [`Lagged`] if events are lost. The next call goes on with the oldest one that is left.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropped, it has taken nothing.
    pub async fn next(&mut self) -> Option<Result<Arc<E>, Lagged>> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The next event, if it has happened. Waits for nothing.
    ///
    /// # Errors
    ///
    /// `Empty` if nothing has happened, `Lagged` as in [`next`](Self::next), `Ended` after the last
    /// event.
    pub fn try_next(&mut self) -> Result<Arc<E>, TryNextError> {
        match self.take(None) {
            Found::Some => self.told().ok_or(TryNextError::Empty),
            Found::Nothing => Err(TryNextError::Empty),
            Found::Lost(lost) => Err(Lagged { lost }.into()),
            Found::Over => Err(TryNextError::Ended),
        }
    }

    /// As [`next`](Self::next). After a number of events it lets other tasks go first: it wakes the
    /// caller and is pending.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Arc<E>, Lagged>>> {
        if self.taken.is_empty() && self.turn == Turn::Others {
            self.turn = Turn::Mine;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.take(Some(context)) {
            Found::Some => match self.told() {
                Some(event) => Poll::Ready(Some(Ok(event))),
                None => Poll::Pending,
            },
            Found::Nothing => Poll::Pending,
            Found::Lost(lost) => Poll::Ready(Some(Err(Lagged { lost }))),
            Found::Over => Poll::Ready(None),
        }
    }

    fn told(&mut self) -> Option<Arc<E>> {
        let event = self.taken.pop_front()?;
        self.revision = event.revision();
        Some(event)
    }

    fn take(&mut self, context: Option<&Context<'_>>) -> Found {
        if !self.taken.is_empty() {
            return Found::Some;
        }
        let waker = context.map(Context::waker);
        let found = self.listener.read(BATCH, &mut self.taken, waker);
        if self.taken.len() == BATCH {
            self.turn = Turn::Others;
        }
        if let Found::Lost(_) = found {
            self.revision = self.listener.after();
        }
        found
    }

    /// Keeps every event from here on until it is read, however slow that is.
    pub fn keep_all(&mut self) {
        self.listener.keep_all();
    }
}
