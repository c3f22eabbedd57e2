//! Catching the panics of user code, as a text.
//!
//! Panics of the supervisor itself are not caught here, so no fault of it is hidden.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
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

/// A future of the user's, with its drop guarded.
///
/// It is made into a box of its own: however much it holds, the futures around it stay small. These
/// are moved more often, and ractor keeps room for two of them in the task of an idle actor.
pub(crate) struct Boxed<F>(Option<Pin<Box<F>>>);

impl<F> Drop for Boxed<F> {
    fn drop(&mut self) {
        drop_guarded(self.0.take());
    }
}

/// Makes a future of the user's. The argument, which may be large, is taken from where it lies.
pub(crate) fn guard_make<T, F: Future>(
    argument: T,
    make: impl FnOnce(T) -> F,
) -> Result<Boxed<F>, Panicked> {
    let mut argument = Some(argument);
    guard(|| Some(Box::pin(make(argument.take()?)))).map(Boxed)
}

/// Polls such a future to its end. What comes of it passes through `keep` before it is moved
/// anywhere.
pub(crate) async fn guard_end<F: Future, T>(
    made: Result<Boxed<F>, Panicked>,
    keep: impl Fn(F::Output) -> T,
) -> Result<T, Panicked> {
    let mut made = made?;
    poll_fn(|cx| match &mut made.0 {
        None => Poll::Pending,
        Some(future) => match guard(|| future.as_mut().poll(cx).map(&keep)) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
            Err(panicked) => Poll::Ready(Err(panicked)),
        },
    })
    .await
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
