//! Values and futures of the user's that are dropped under a guard, where the log is told of a drop
//! that panicked.
//!
//! `unwind` catches the panic and knows no log.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use super::lines::Lines;
use super::log;
use super::unwind::{Panicked, guard};

/// Drops a value of the user's where no supervisor is known. Where one is, its log is told
/// ([`Lines::drop_guarded`]).
pub(crate) fn drop_guarded<T>(value: T) {
    if let Err(panicked) = guard(|| drop(value)) {
        log::tell_drop_panicked(panicked);
    }
}

/// A value of the user's that is dropped under a guard, wherever that happens.
pub(super) struct Guarded<'a, T> {
    value: Option<T>,
    lines: &'a Lines,
}

impl<'a, T> Guarded<'a, T> {
    pub(crate) const fn new(value: T, lines: &'a Lines) -> Self {
        Self {
            value: Some(value),
            lines,
        }
    }

    pub(crate) const fn get_mut(&mut self) -> Option<&mut T> {
        self.value.as_mut()
    }

    pub(crate) const fn take(&mut self) -> Option<T> {
        self.value.take()
    }
}

impl<T> Drop for Guarded<'_, T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            self.lines.drop_guarded(value);
        }
    }
}

/// A future of the user's, with its drop guarded.
///
/// It is made into a box of its own: however much it holds, the futures around it stay small. These are
/// moved more often, and ractor keeps room for two of them in the task of an idle actor.
pub(super) struct Boxed<'a, F>(Guarded<'a, Pin<Box<F>>>);

/// Makes a future of the user's. The argument, which may be large, is taken from where it lies.
pub(super) fn guard_make<'a, T, F: Future>(
    lines: &'a Lines,
    argument: T,
    make: impl FnOnce(T) -> F,
) -> Result<Boxed<'a, F>, Panicked> {
    let mut argument = Some(argument);
    let made = guard(|| Some(Box::pin(make(argument.take()?))))?;
    Ok(Boxed(Guarded { value: made, lines }))
}

/// Polls such a future to its end. What comes of it passes through `keep` before it is moved anywhere.
pub(super) async fn guard_end<F: Future, T>(
    made: Result<Boxed<'_, F>, Panicked>,
    keep: impl Fn(F::Output) -> T,
) -> Result<T, Panicked> {
    let mut made = made?;
    poll_fn(|cx| match made.0.get_mut() {
        None => Poll::Pending,
        Some(future) => match guard(|| future.as_mut().poll(cx).map(&keep)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        },
    })
    .await
}
