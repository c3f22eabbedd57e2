//! Values whose drops panic or block: states, errors, and what a spec has captured.

use std::fmt;
use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use crate::verdict::PLANNED;

/// What the drop of a value does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Burden {
    None,
    Panics,
    /// It blocks its thread for so many milliseconds.
    Blocks(u64),
}

/// A value with such a drop.
#[derive(Debug)]
pub(crate) struct Weight(Burden);

impl Weight {
    pub(crate) const fn new(burden: Burden) -> Self {
        Self(burden)
    }

    /// The same for a value that a caller may drop itself. No caller drops what panics.
    pub(crate) const fn harmless(burden: Burden) -> Self {
        match burden {
            Burden::Panics => Self(Burden::None),
            other => Self(other),
        }
    }
}

impl Drop for Weight {
    fn drop(&mut self) {
        match self.0 {
            Burden::None => {}
            // A second panic while unwinding would end any program.
            Burden::Panics if std::thread::panicking() => {}
            Burden::Panics => panic!("{PLANNED}a drop panics"),
            Burden::Blocks(ms) => std::thread::sleep(Duration::from_millis(ms)),
        }
    }
}

/// Drops an answer, which may hold the last of such a value.
pub(crate) fn let_go<T>(answer: T) {
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
        let_go(self.0.take());
    }
}

/// An error with such a drop.
#[derive(Debug)]
pub(crate) struct Grievance {
    _weight: Weight,
}

impl Grievance {
    pub(crate) const fn new(burden: Burden) -> Self {
        Self {
            _weight: Weight::new(burden),
        }
    }
}

impl fmt::Display for Grievance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("told to fail")
    }
}

impl std::error::Error for Grievance {}
