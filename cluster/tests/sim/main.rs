//! Several nodes and a store, simulated: clocks that drift, processes that are paused, killed and cut off,
//! requests and answers that are lost, late and doubled, and a planner that changes its mind. After every
//! step it is checked that no two nodes serve one shard; at the end, that every shard is served again.
//!
//! There is no runtime and no real time. A seed repeats a history:
//!
//! ```sh
//! SIM_HISTORIES=20000 cargo test --release -p session-supervisor-cluster --test sim -- --nocapture
//! SIM_SEED=4711 cargo test -p session-supervisor-cluster --test sim random -- --nocapture
//! ```

mod checks;
mod effects;
mod faults;
mod node;
mod random;
mod shell;
mod store;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use world::{Flavour, World};

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().expect(name))
}

/// Plays histories, and answers what they have seen.
fn histories(flavour: Flavour, default: u64) -> world::Seen {
    let seeds = match number("SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SIM_HISTORIES").unwrap_or(default),
    };
    let (mut longest, mut seen) = (0, world::Seen::default());
    for seed in seeds {
        let played = catch_unwind(AssertUnwindSafe(|| World::play(seed, flavour)));
        match played {
            Ok((took, this)) => {
                longest = longest.max(took);
                seen.add(&this);
            }
            Err(panic) => {
                println!("{flavour:?}: SIM_SEED={seed}");
                resume_unwind(panic);
            }
        }
    }
    println!("{flavour:?}: served again after {longest} ms at most; {seen:?}");
    seen
}

#[test]
fn random_histories() {
    let seen = histories(Flavour::WithinTheMargin, 150);
    assert!(number("SIM_SEED").is_some() || seen.least() > 0);
}

#[test]
fn random_histories_with_keys_that_somebody_deletes() {
    let seen = histories(Flavour::Deleting, 50);
    assert!(number("SIM_SEED").is_some() || seen.kills > 0);
}

/// The checks see two owners when there are two: the promise needs clocks within the margin.
#[test]
fn a_clock_outside_the_margin_makes_two_owners_and_is_seen() {
    let has_two = |seed: &u64| {
        let played = catch_unwind(AssertUnwindSafe(|| {
            World::play(*seed, Flavour::OutsideTheMargin)
        }));
        let panic = played
            .err()
            .and_then(|panic| panic.downcast::<String>().ok());
        panic.is_some_and(|text| text.starts_with("two owners"))
    };
    let first = (0..200).find(has_two);
    println!("a history with two owners: {first:?}");
    assert!(first.is_some());
}
