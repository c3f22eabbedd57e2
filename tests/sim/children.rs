//! The static supervisor: a truth table, its model, its requests and the verdicts on what its
//! engine does.

mod checkpoints;
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

use crate::checkpoints::Saving;
use crate::variant::With;
use crate::{play, recorded};
use sim::Sim;

#[test]
fn random_histories() {
    play::random_histories::<Sim>(50_000);
}

#[test]
fn histories_with_children_that_save() {
    play::random_histories::<With<Saving, Sim>>(20_000);
}

#[test]
fn what_is_saved_is_passed_on_and_given_up_as_before() {
    recorded::hold(
        "saving_children.txt",
        3_000,
        play::hash::<With<Saving, Sim>>,
    );
}

#[test]
fn nothing_else_is_done_than_before() {
    recorded::hold("children.txt", 10_000, play::hash::<Sim>);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    play::the_same_seed_gives_the_same_history::<Sim>();
}

#[test]
fn a_history_is_made_shorter() {
    play::a_history_is_made_shorter::<Sim>("RestartWithOthers {");
}
