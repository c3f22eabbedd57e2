//! A value that hurts when it is dropped, and what is known of its drops.

use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

/// What a drop does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Panics,
    /// It blocks its thread until it is released.
    Blocks,
}

/// How long anything may take; reached only if it never comes.
pub(crate) const LONG: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Known {
    made: bool,
    alive: usize,
    dropping: usize,
    released: bool,
    overdue: bool,
}

/// A case that fails is to fail, not to end the process.
fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All traps of one case.
#[derive(Clone, Debug)]
pub(crate) struct Harm(Arc<(Kind, Mutex<Known>, Condvar)>);

impl Harm {
    pub(crate) fn new(kind: Kind) -> Self {
        static QUIET: Once = Once::new();
        QUIET.call_once(|| {
            let hook = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |info| {
                let meant = info.payload().is::<Trap>()
                    || info
                        .payload()
                        .downcast_ref::<&str>()
                        .is_some_and(|text| text.starts_with("meant"));
                if !meant {
                    hook(info);
                }
            }));
        });
        Self(Arc::new((kind, Mutex::default(), Condvar::new())))
    }

    pub(crate) fn trap(&self) -> Trap {
        let mut known = lock(&self.0.1);
        known.alive += 1;
        known.made = true;
        drop(known);
        Trap(self.clone())
    }

    /// Whether there was a trap so far.
    pub(crate) fn is_made(&self) -> bool {
        lock(&self.0.1).made
    }

    /// What a drop does, or other code of the user's in its place.
    pub(crate) fn strike(&self) {
        let (kind, known, changed) = &*self.0;
        let mut known = lock(known);
        known.dropping += 1;
        changed.notify_all();
        if *kind == Kind::Panics {
            drop(known);
            panic!("meant: it panics");
        }
        let held = |known: &mut Known| !known.released;
        let (mut known, timeout) = changed
            .wait_timeout_while(known, LONG, held)
            .unwrap_or_else(PoisonError::into_inner);
        known.overdue |= timeout.timed_out();
    }

    /// Waits until so many drops have begun. For a thread that is no worker of the runtime.
    pub(crate) fn wait_for(&self, drops: usize, what: &str) {
        let (_, known, changed) = &*self.0;
        let fewer = |known: &mut Known| known.dropping < drops;
        let known = lock(known);
        let (known, timeout) = changed
            .wait_timeout_while(known, LONG, fewer)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "{what}: {known:?}");
    }

    /// What blocks goes on.
    pub(crate) fn release(&self) {
        let (_, known, changed) = &*self.0;
        lock(known).released = true;
        changed.notify_all();
    }

    /// Waits until no trap is left, and checks that none had to wait for ever.
    pub(crate) fn all_dropped(&self, what: &str) {
        let (_, known, changed) = &*self.0;
        let left = |known: &mut Known| known.alive > 0;
        let known = lock(known);
        let (known, timeout) = changed
            .wait_timeout_while(known, LONG, left)
            .unwrap_or_else(PoisonError::into_inner);
        assert!(!timeout.timed_out(), "{what}: something is kept: {known:?}");
        assert!(!known.overdue, "{what}: it was never released");
    }
}

/// Hurts when it is dropped. It can be an error too.
pub(crate) struct Trap(Harm);

impl Drop for Trap {
    fn drop(&mut self) {
        struct Gone<'a>(&'a Harm);
        impl Drop for Gone<'_> {
            fn drop(&mut self) {
                let (_, known, changed) = &*self.0.0;
                lock(known).alive -= 1;
                changed.notify_all();
            }
        }
        let _gone = Gone(&self.0);
        self.0.strike();
    }
}

impl fmt::Debug for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trap")
    }
}

impl fmt::Display for Trap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a trap")
    }
}

impl std::error::Error for Trap {}
