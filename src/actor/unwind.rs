//! Catching the panics of user code, as a text.
//!
//! Panics of the supervisor itself are not caught here, so no fault of it is hidden.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The text of a panic.
pub(crate) struct Panicked(pub(crate) String);

/// Runs user code.
pub(crate) fn guard<T>(code: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(code)).map_err(text)
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
