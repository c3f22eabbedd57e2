//! The session supervisor: its model, its requests and the verdicts on what its engine does.

mod admission;
mod checkpoints;
mod checks;
mod claims;
mod crowds;
mod drain_scenes;
mod drained;
mod drains;
mod effects;
mod expiry;
mod followed;
mod foretold;
mod history;
mod line;
mod lists;
mod mass;
mod model;
mod over;
mod says;
mod sim;
mod stats;
mod tickets;
mod unread;
mod watched;

use crate::checkpoints::Saving;
use crate::variant::With;
use crate::{play, recorded};
use admission::Admission;
use claims::Claiming;
use drains::Drained;
use followed::{Followed, FollowedAndWatched};
use sim::Sim;
use watched::Watched;

#[test]
fn random_histories() {
    play::random_histories::<Sim>(100_000);
}

#[test]
fn histories_with_callers_that_change_nothing() {
    play::random_histories::<Watched>(50_000);
}

#[test]
fn histories_that_are_followed() {
    play::random_histories::<Followed>(50_000);
}

#[test]
fn histories_that_are_followed_with_callers_that_wait() {
    play::random_histories::<FollowedAndWatched>(50_000);
}

#[test]
fn histories_with_a_start_rate_and_quotas() {
    play::random_histories::<With<Admission, Sim>>(50_000);
}

#[test]
fn histories_with_claims() {
    play::random_histories::<With<Claiming, Sim>>(50_000);
}

#[test]
fn histories_with_sessions_that_save() {
    play::random_histories::<With<Saving, Sim>>(30_000);
}

#[test]
fn what_is_saved_is_passed_on_and_given_up_as_before() {
    recorded::hold(
        "saving_sessions.txt",
        3_000,
        play::hash::<With<Saving, Sim>>,
    );
}

#[test]
fn histories_of_supervisors_that_drain() {
    play::random_histories::<Drained>(100_000);
}

#[test]
fn drains_do_nothing_else_than_before() {
    recorded::hold("drains.txt", 3_000, play::hash::<Drained>);
}

#[test]
fn nothing_else_is_done_than_before() {
    recorded::hold("sessions.txt", 10_000, play::hash::<Sim>);
}

#[test]
fn nothing_else_is_done_than_before_with_claims() {
    recorded::hold("claims.txt", 3_000, play::hash::<With<Claiming, Sim>>);
}

#[test]
fn nothing_else_is_admitted_than_before() {
    recorded::hold("admission.txt", 3_000, play::hash::<With<Admission, Sim>>);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    play::the_same_seed_gives_the_same_history::<Sim>();
}

#[test]
fn a_history_is_made_shorter() {
    play::a_history_is_made_shorter::<Sim>("Park {");
}
