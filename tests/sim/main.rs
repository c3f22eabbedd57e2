//! Simulation of the engine: random histories of a supervisor, its sessions and its callers, each held
//! against a model after every step.
//!
//! `SIM_HISTORIES=n` runs more of them, `SIM_SEED=n` repeats one and prints it.
//!
//! Absent on purpose: ractor, tokio, a clock. The shell is tested by `tests/it`.

mod checks;
mod domain;
mod drops;
mod effects;
mod frame;
mod history;
mod limits;
mod line;
mod lists;
mod mass;
mod model;
mod oracle;
mod rng;
mod rules;
mod says;
mod sim;
mod tickets;
mod world;

use sim::Sim;

#[test]
fn random_histories() {
    frame::random_histories::<Sim>(100_000);
}

#[test]
fn nothing_else_is_done_than_before() {
    oracle::hold("sessions.txt", 10_000, frame::hash::<Sim>);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    frame::the_same_seed_gives_the_same_history::<Sim>();
}
