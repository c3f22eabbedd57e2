//! Values of the user's that are dropped under a guard, where the log is told of a drop that
//! panicked.
//!
//! `unwind` catches the panic and knows no log.

use super::lines::Lines;
use super::log;
use super::unwind::guard;

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
