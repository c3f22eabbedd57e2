//! How histories are played: thousands of them, one again, or for their hash.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::frame::History;
use crate::oracle::Hash;
use crate::record::{Record, Trace};
use crate::rng::{Draws, Rng};
use crate::shrink::shrink;

fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// A history that was played.
struct Played {
    record: Record,
    drawn: Draws,
    result: std::thread::Result<()>,
}

fn play<H: History>(rng: Rng, trace: Trace) -> Played {
    let mut history = H::new(rng, trace);
    let result = catch_unwind(AssertUnwindSafe(|| history.play()));
    let world = history.world();
    Played {
        record: std::mem::replace(&mut world.record, Record::new(Trace::Off)),
        drawn: world.rng.drawn(),
        result,
    }
}

/// The hash of all that the engine does in one history.
pub(crate) fn hash<H: History>(seed: u64) -> Hash {
    let played = play::<H>(Rng::new(seed), Trace::Hash);
    if let Err(panic) = played.result {
        resume_unwind(panic);
    }
    played.record.hash
}

fn tell_of<H: History>(seed: u64) {
    let Played {
        record,
        drawn,
        result,
    } = play::<H>(Rng::kept(seed), Trace::On);
    println!("SIM_SEED={seed}\n{}", record.story.join("\n"));
    if let Err(panic) = result {
        let kind = kind(&*panic);
        let short = quietly(|| {
            shrink(drawn, |draws| {
                let result = play::<H>(Rng::again(draws.clone()), Trace::Off).result;
                result.is_err_and(|panic| self::kind(&*panic) == kind)
            })
        });
        println!("the history of SIM_SEED={seed} fails; the shortest that fails in the same way:");
        let played = play::<H>(Rng::again(short), Trace::On);
        println!("{}", played.record.story.join("\n"));
        resume_unwind(panic);
    }
}

/// What a panic says, without the numbers in it.
fn kind(panic: &(dyn Any + Send)) -> String {
    let text = match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text,
        (None, Some(text)) => *text,
        (None, None) => "",
    };
    let first = text.lines().next().unwrap_or_default();
    first.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// Runs something of which panics are a part.
fn quietly<T>(run: impl FnOnce() -> T) -> T {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| ()));
    let result = run();
    std::panic::set_hook(hook);
    result
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
        seeds.find(|&seed| play::<H>(Rng::new(seed), Trace::Off).result.is_err())
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
        let first = play::<H>(Rng::kept(seed), Trace::On);
        let second = play::<H>(Rng::new(seed), Trace::On);
        assert_eq!(first.record.story, second.record.story);
        let third = play::<H>(Rng::again(first.drawn), Trace::On);
        assert_eq!(first.record.story, third.record.story);
    }
}

/// A history in which something happens is made as short as that allows.
pub(crate) fn a_history_is_made_shorter<H: History>(what: &str) {
    let happens = |played: &Played| {
        let story = &played.record.story;
        played.result.is_ok() && story.iter().any(|line| line.contains(what))
    };
    let mut seeds = (0..1_000).map(|seed| play::<H>(Rng::kept(seed), Trace::On));
    let long = seeds.find(happens).expect("it happens in some history");
    let many = long.record.story.len();
    let short = shrink(long.drawn, |draws| {
        happens(&play::<H>(Rng::again(draws.clone()), Trace::On))
    });
    let short = play::<H>(Rng::again(short), Trace::On);
    let few = short.record.story.len();
    assert!(few * 2 < many, "{few} lines of {many} are left");
}
