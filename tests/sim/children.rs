//! The static supervisor: a truth table, its model, its requests and the verdicts on what its engine does.

mod checks;
mod decisions;
mod effects;
mod history;
mod kept;
mod model;
mod says;
mod scenes;
mod sim;
mod specs;
mod stops;
mod tickets;
mod toy;
mod truth;

use crate::{frame, oracle};
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
