//! The decisions of a static supervisor: a truth table, and a simulation of random histories of a group,
//! its children and its callers, each held against a model after every step.
//!
//! `SIM_HISTORIES=n` runs more of them, `SIM_SEED=n` repeats one and prints it. The world, its rules and
//! the types are those of the session supervisor's simulation.
//!
//! Absent on purpose: ractor, tokio, a clock. The shell is tested by `tests/it`.

mod checks;
mod decisions;
#[path = "../sim/domain.rs"]
mod domain;
#[path = "../sim/drops.rs"]
mod drops;
mod effects;
#[path = "../sim/frame.rs"]
mod frame;
mod history;
mod kept;
#[path = "../sim/limits.rs"]
mod limits;
mod model;
#[path = "../sim/oracle.rs"]
mod oracle;
#[path = "../sim/rng.rs"]
mod rng;
#[path = "../sim/rules.rs"]
#[expect(dead_code, reason = "the settings are a session supervisor's")]
mod rules;
mod says;
mod scenes;
mod sim;
mod specs;
mod stops;
mod tickets;
mod toy;
mod truth;
#[path = "../sim/world.rs"]
mod world;

use sim::Sim;

#[test]
fn random_histories() {
    frame::random_histories::<Sim>(50_000);
}

#[test]
fn nothing_else_is_done_than_before() {
    oracle::hold("children.txt", 10_000, frame::hash::<Sim>);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    frame::the_same_seed_gives_the_same_history::<Sim>();
}
