//! Values whose drops panic or block: states, errors, and what a spec has captured.

use std::fmt;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use crate::verdict::PLANNED;

/// What the drop of a value does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DropKind {
    None,
    Panics,
    /// It blocks its thread for so many milliseconds.
    Blocks(u64),
}

/// A value with such a drop.
#[derive(Debug)]
pub(crate) struct Weight(DropKind);

impl Weight {
    pub(crate) const fn new(drop_kind: DropKind) -> Self {
        Self(drop_kind)
    }

    /// The same for a value that a caller may drop itself. No caller drops what panics.
    pub(crate) const fn harmless(drop_kind: DropKind) -> Self {
        match drop_kind {
            DropKind::Panics => Self(DropKind::None),
            other => Self(other),
        }
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        match self.0 {
            DropKind::None => {}
            // A second panic while unwinding would end any program.
            DropKind::Panics if std::thread::panicking() => {}
            DropKind::Panics => panic!("{PLANNED}a drop panics"),
            DropKind::Blocks(ms) => std::thread::sleep(Duration::from_millis(ms)),
        }
    }
}

/// Drops an answer, which may hold the last of such a value.
pub(crate) fn drop_answer<T>(answer: T) {
    let dropped = std::panic::catch_unwind(AssertUnwindSafe(|| drop(answer)));
    // The panic is told by its hook if it was not planned.
    drop(dropped);
}

/// What a supervisor told of sessions: it may hold the last of such a value.
#[derive(Debug)]
pub(crate) struct Careful<T>(Option<T>);

impl<T> Careful<T> {
    pub(crate) const fn new(told: T) -> Self {
        Self(Some(told))
    }
}

impl<T> Deref for Careful<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("it is there until the drop")
    }
}

impl<T> Drop for Careful<T> {
    fn drop(&mut self) {
        drop_answer(self.0.take());
    }
}

/// An error with such a drop.
#[derive(Debug)]
pub(crate) struct PlannedError {
    _weight: Weight,
}

impl PlannedError {
    pub(crate) const fn new(drop_kind: DropKind) -> Self {
        Self {
            _weight: Weight::new(drop_kind),
        }
    }
}

impl fmt::Display for PlannedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("told to fail")
    }
}

impl std::error::Error for PlannedError {}
