//! Catching the panics of user code, as a text.
//!
//! Panics of the supervisor itself are not caught here, so no fault of it is hidden.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;

use tokio::runtime::Handle;
use tracing::dispatcher::{self, Dispatch};

use super::lines::Lines;
use super::log;

/// The text of a panic.
pub(crate) struct Panicked(pub(crate) String);

/// Runs user code.
pub(crate) fn guard<T>(code: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(code)).map_err(text)
}

/// Drops a value of the user's where no supervisor is known. Where one is, its log is told
/// ([`Lines::drop_guarded`]).
pub(crate) fn drop_guarded<T>(value: T) {
    if let Err(panicked) = guard(|| drop(value)) {
        drop_panicked(panicked);
    }
}

/// Tells the present log of such a drop that has panicked.
pub(crate) fn drop_panicked(Panicked(text): Panicked) {
    // A subscriber is the user's code too: it may block, and this thread may be one of a runtime's.
    let log = guard(|| dispatcher::get_default(Clone::clone)).unwrap_or_else(|_| Dispatch::none());
    let tell = move || {
        drop(guard(|| {
            dispatcher::with_default(&log, || log::drop_panicked(&text))
        }))
    };
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(tell)),
        Err(_) => tell(),
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

/// Polls a future once, and answers what came of that.
pub(crate) async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Polls a future of the user's to its end.
pub(crate) async fn guard_future<F: Future + ?Sized>(
    mut future: Pin<&mut F>,
) -> Result<F::Output, Panicked> {
    poll_fn(|cx| match guard(|| future.as_mut().poll(cx)) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(panicked) => Poll::Ready(Err(panicked)),
    })
    .await
}

fn text(payload: Box<dyn Any + Send>) -> Panicked {
    let text = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => match payload.downcast::<&'static str>() {
            Ok(text) => (*text).to_owned(),
            Err(payload) => {
                // The payload is a value of the user's too, and may panic in its own drop.
                if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
                    std::mem::forget(second);
                }
                "panicked with a value that is no text".to_owned()
            }
        },
    };
    Panicked(text)
}
