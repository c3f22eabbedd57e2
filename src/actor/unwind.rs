//! Catching the panics of user code, as a text.
//!
//! Absent on purpose: catching our own. Nothing here hides a bug of the supervisor.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::Poll;

/// The text of a panic.
pub(crate) struct Panicked(pub(crate) String);

/// Runs user code.
pub(crate) fn guard<T>(code: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(code)).map_err(text)
}

/// Drops a value of the user's.
pub(crate) fn drop_guarded<T>(value: T) {
    tell(guard(|| drop(value)));
}

/// The subscriber may panic too, and this may be on the way out of a panic already.
fn tell(dropped: Result<(), Panicked>) {
    if let Err(Panicked(text)) = dropped {
        let tell = || {
            tracing::warn!(parent: None, panic = text, "a value of a session panicked in its drop");
        };
        drop(guard(tell));
    }
}

/// A value of the user's that is dropped under a guard, wherever that happens.
pub(crate) struct Guarded<T>(Option<T>);

impl<T> Guarded<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(Some(value))
    }

    pub(crate) const fn get_mut(&mut self) -> Option<&mut T> {
        self.0.as_mut()
    }

    pub(crate) const fn take(&mut self) -> Option<T> {
        self.0.take()
    }
}

impl<T> Drop for Guarded<T> {
    fn drop(&mut self) {
        if let Some(value) = self.0.take() {
            drop_guarded(value);
        }
    }
}

/// Makes a future of the user's and polls it to its end.
pub(crate) async fn guard_call<F: Future>(make: impl FnOnce() -> F) -> Result<F::Output, Panicked> {
    let future = pin!(guard(make)?);
    guard_future(future).await
}

/// As [`guard_call`], and drops the future under the same guard, also if it is cancelled.
pub(crate) async fn guard_call_and_drop<F: Future>(
    make: impl FnOnce() -> F,
) -> Result<F::Output, Panicked> {
    let future = pin!(Some(guard(make)?));
    let mut cleared = Cleared(future);
    poll_fn(|cx| {
        let Some(future) = cleared.0.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        match guard(|| future.poll(cx)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        }
    })
    .await
}

/// Drops what is pinned, and catches its panic.
struct Cleared<'a, F>(Pin<&'a mut Option<F>>);

impl<F> Drop for Cleared<'_, F> {
    fn drop(&mut self) {
        tell(guard(|| self.0.set(None)));
    }
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
