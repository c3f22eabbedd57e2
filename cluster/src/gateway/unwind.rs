//! A future whose panics become values.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Ends with what the future returns, or with the text of its panic. A panic in its drop is caught too.
pub(super) struct Caught<T> {
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T> Caught<T> {
    /// Calls `make` for the future, and catches its panic as well.
    pub(super) fn of<F>(make: F) -> Result<Self, String>
    where
        F: FnOnce() -> Pin<Box<dyn Future<Output = T> + Send>>,
    {
        let future = catch_unwind(AssertUnwindSafe(make)).map_err(text)?;
        Ok(Self {
            future: Some(future),
        })
    }

    fn end(&mut self) {
        let future = self.future.take();
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(future))) {
            text(payload);
        }
    }
}

impl<T> Future for Caught<T> {
    type Output = Result<T, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(future) = self.future.as_mut() else {
            return Poll::Ready(Err("it has ended before".to_owned()));
        };
        let ended = match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(value)) => Ok(value),
            Err(payload) => Err(text(payload)),
        };
        self.end();
        Poll::Ready(ended)
    }
}

impl<T> Drop for Caught<T> {
    fn drop(&mut self) {
        self.end();
    }
}

/// What a panic says. Its payload is a user's value, whose drop can panic in turn.
fn text(payload: Box<dyn Any + Send>) -> String {
    let text = match payload.downcast_ref::<&str>() {
        Some(text) => (*text).to_owned(),
        None => match payload.downcast_ref::<String>() {
            Some(text) => text.clone(),
            None => "a value that is no text".to_owned(),
        },
    };
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        // It could go on for ever.
        std::mem::forget(again);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::Caught;

    struct Bad;

    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("in the drop");
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_value() {
        let good = Caught::of(|| Box::pin(async { 7 })).expect("it is made");
        assert_eq!(good.await, Ok(7));
        let bad = Caught::of(|| {
            Box::pin(async {
                let _bad = Bad;
                tokio::task::yield_now().await;
            })
        });
        assert_eq!(
            bad.expect("it is made").await,
            Err("in the drop".to_owned())
        );
        let dropped = Caught::of(|| {
            let bad = Bad;
            Box::pin(async move { drop(bad) })
        });
        drop(dropped.expect("it is made"));
        let payload = Caught::<()>::of(|| Box::pin(async { std::panic::panic_any(Bad) }));
        let told = payload.expect("it is made").await.expect_err("it panics");
        assert_eq!(told, "a value that is no text");
        let made = Caught::<()>::of(|| panic!("at once"));
        assert_eq!(made.err(), Some("at once".to_owned()));
    }
}
