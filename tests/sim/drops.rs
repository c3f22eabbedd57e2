//! Values of a user as the engine holds them: they notice when the engine itself drops the last of
//! them.
//!
//! Outside the engine a drop may run a user's code; inside, it would run under the driver's lock. A
//! ticket needs no such check: one that the engine drops is never answered, which `tickets`
//! notices.
//!
//! The simulation keeps values of its own (`SimSpec::kept`, `SimLife::kept`), since a value that
//! the model holds too would never be the last.

use std::cell::Cell;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

use session_supervisor::engine::Cause;

thread_local! {
    static INSIDE: Cell<bool> = const { Cell::new(false) };
}

/// Runs a step of the engine.
pub(crate) fn inside<T>(step: impl FnOnce() -> T) -> T {
    let _left = Left;
    INSIDE.set(true);
    step()
}

struct Left;

impl Drop for Left {
    fn drop(&mut self) {
        INSIDE.set(false);
    }
}

/// A part of a value that notices where it is dropped.
#[derive(Debug)]
pub(crate) struct Noticed(pub(crate) &'static str);

impl Drop for Noticed {
    fn drop(&mut self) {
        let what = self.0;
        // A second panic on the way out would end the process.
        assert!(
            !INSIDE.get() || std::thread::panicking(),
            "the engine drops {what} itself"
        );
    }
}

/// An error of a user.
#[derive(Debug)]
struct Mishap(
    &'static str,
    #[expect(dead_code, reason = "only its drop counts")] Noticed,
);

impl fmt::Display for Mishap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Mishap {}

/// The cause of a failure.
pub(crate) fn cause(text: &'static str) -> Cause {
    Arc::new(Box::new(Mishap(text, Noticed("a cause"))))
}
