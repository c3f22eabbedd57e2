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
