//! How histories are played: thousands of them, one again, or for their hash.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::frame::History;
use crate::oracle::Hash;
use crate::record::{Record, Trace};

fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn play<H: History>(seed: u64, trace: Trace) -> (Record, std::thread::Result<()>) {
    let mut history = H::new(seed, trace);
    let result = catch_unwind(AssertUnwindSafe(|| history.play()));
    (
        std::mem::replace(&mut history.world().record, Record::new(Trace::Off)),
        result,
    )
}

/// The hash of all that the engine does in one history.
pub(crate) fn hash<H: History>(seed: u64) -> Hash {
    let (record, result) = play::<H>(seed, Trace::Hash);
    if let Err(panic) = result {
        resume_unwind(panic);
    }
    record.hash
}

fn tell_of<H: History>(seed: u64) {
    let (record, result) = play::<H>(seed, Trace::On);
    println!("SIM_SEED={seed}\n{}", record.story.join("\n"));
    if let Err(panic) = result {
        println!("the history of SIM_SEED={seed} fails");
        resume_unwind(panic);
    }
}

/// Plays so many histories, or as many as `SIM_HISTORIES` says, or the one of `SIM_SEED`, which is
/// printed.
pub(crate) fn random_histories<H: History>(histories: u64) {
    const THREADS: u64 = 2;
    if let Some(seed) = env("SIM_SEED") {
        return tell_of::<H>(seed);
    }
    let histories = env("SIM_HISTORIES").unwrap_or(histories);
    let worker = |first: u64| {
        let mut seeds = (first..histories).step_by(THREADS as usize);
        seeds.find(|&seed| play::<H>(seed, Trace::Off).1.is_err())
    };
    let failed = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|n| scope.spawn(move || worker(n)))
            .collect();
        workers
            .into_iter()
            .find_map(|worker| worker.join().unwrap())
    });
    if let Some(seed) = failed {
        tell_of::<H>(seed);
        panic!("the history of seed {seed} failed, but not when it was repeated");
    }
}

pub(crate) fn the_same_seed_gives_the_same_history<H: History>() {
    for seed in 0..50 {
        let (first, _) = play::<H>(seed, Trace::On);
        let (second, _) = play::<H>(seed, Trace::On);
        assert_eq!(first.story, second.story);
    }
}
