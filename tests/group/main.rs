//! The decisions of a static supervisor: a truth table, and a simulation of random histories of a group,
//! its members and its callers, each held against a model after every step.
//!
//! `SIM_HISTORIES=n` runs more of them, `SIM_SEED=n` repeats one and prints it. The world, its rules and
//! the types are those of the session supervisor's simulation.
//!
//! Absent on purpose: ractor, tokio, a clock. The shell is tested by `tests/it`.

mod checks;
mod decisions;
#[path = "../sim/domain.rs"]
mod domain;
mod effects;
mod history;
#[path = "../sim/limits.rs"]
mod limits;
mod model;
#[path = "../sim/rng.rs"]
mod rng;
#[path = "../sim/rules.rs"]
#[expect(dead_code, reason = "the settings are a session supervisor's")]
mod rules;
mod says;
mod scenes;
mod sim;
mod tickets;
mod toy;
mod truth;
#[path = "../sim/world.rs"]
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use sim::{Sim, Trace};

const HISTORIES: u64 = 50_000;
const THREADS: u64 = 2;

fn env(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn play(seed: u64, trace: Trace) -> (Sim, std::thread::Result<()>) {
    let mut sim = Sim::new(seed, trace);
    let result = catch_unwind(AssertUnwindSafe(|| history::run(&mut sim)));
    (sim, result)
}

fn tell_of(seed: u64) {
    let (sim, result) = play(seed, Trace::On);
    println!("SIM_SEED={seed}\n{}", sim.story.join("\n"));
    if let Err(panic) = result {
        println!("the history of SIM_SEED={seed} fails");
        resume_unwind(panic);
    }
}

#[test]
fn random_histories() {
    if let Some(seed) = env("SIM_SEED") {
        tell_of(seed);
        return;
    }
    let histories = env("SIM_HISTORIES").unwrap_or(HISTORIES);
    let worker = |first: u64| {
        let seeds = (first..histories).step_by(THREADS as usize);
        seeds
            .into_iter()
            .find(|&seed| play(seed, Trace::Off).1.is_err())
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
        tell_of(seed);
        panic!("the history of seed {seed} failed, but not when it was repeated");
    }
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in 0..50 {
        let (first, _) = play(seed, Trace::On);
        let (second, _) = play(seed, Trace::On);
        assert_eq!(first.story, second.story);
    }
}
