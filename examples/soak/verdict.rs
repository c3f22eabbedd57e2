//! The first contradiction ends the run, from wherever it is seen.
//!
//! There is no way back. After a broken promise nothing that the model says can be trusted, and a
//! runtime that hangs could not carry an error out.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

static RUN: OnceLock<(u64, Instant)> = OnceLock::new();
static ROUND: AtomicUsize = AtomicUsize::new(0);

/// To be called once, before anything is judged.
pub(crate) fn begin(seed: u64) {
    RUN.get_or_init(|| (seed, Instant::now()));
    std::panic::set_hook(Box::new(|panic| {
        let payload = panic.payload();
        let planned = match payload.downcast_ref::<String>() {
            Some(text) => text.starts_with(PLANNED),
            None => (payload.downcast_ref::<&str>()).is_some_and(|text| text.starts_with(PLANNED)),
        };
        if !planned {
            contradiction(&format!("an unplanned panic: {panic}"));
        }
    }));
}

/// How the text of each panic begins that is a part of the load.
pub(crate) const PLANNED: &str = "soak: ";

pub(crate) fn enter_round(round: usize) {
    ROUND.store(round, Ordering::Relaxed);
}

pub(crate) fn round() -> usize {
    ROUND.load(Ordering::Relaxed)
}

pub(crate) fn elapsed() -> Duration {
    RUN.get()
        .map_or(Duration::ZERO, |(_, began)| began.elapsed())
}

/// Says what contradicts, and ends the process.
pub(crate) fn contradiction(what: &str) -> ! {
    static FIRST: Mutex<()> = Mutex::new(());
    let _only_one_speaks = FIRST.lock();
    let seed = RUN.get().map_or(0, |(seed, _)| *seed);
    let (round, after) = (round(), elapsed().as_secs_f64());
    let late = crate::stalls::worst();
    eprintln!(
        "contradiction: {what} (seed {seed}, round {round}, after {after:.1} s, the runtime was late \
         by {late:?})"
    );
    std::process::exit(1)
}

/// A contradiction unless it holds.
pub(crate) fn must(holds: bool, what: impl FnOnce() -> String) {
    if !holds {
        contradiction(&what());
    }
}
