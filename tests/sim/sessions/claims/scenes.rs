//! Claims, step by step: what keeps them, what frees them, and in which order a start is refused.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor::engine::{
    Failure, Input, KILL_BOUND, Limit, Mark, OnRestartLimit, OwnLimit, Policy, Request, Restart,
    SessionState, Settings, Shutdown, Span, Taken,
};

use super::of;
use super::scene::Scene;
use crate::domain::Waiter;
use crate::drops::cause;
use crate::rules::ms;
use crate::told::Told;

const SECOND: Duration = Duration::from_secs(1);

/// Parks at its first crash.
fn parks() -> Policy {
    Policy {
        limit: OwnLimit::Own(Limit::new(0, 5 * SECOND).unwrap()),
        ..Policy::default()
    }
}

const BOTH: [&str; 2] = ["x", "y"];

fn plain() -> Policy {
    Policy::default()
}

#[test]
fn they_are_kept_from_the_start_over_restarts_to_the_release() {
    let mut scene = Scene::plain();
    scene.start("a", &BOTH, tireless());
    scene.keeps(Some(SessionState::Starting));
    scene.launched("a");
    scene.keeps(Some(SessionState::Running));
    scene.ends("a", Mark::Failed);
    scene.keeps(Some(SessionState::Restarting));
    scene.released("a");
    scene.keeps(Some(SessionState::Restarting));
    scene.launch_failed("a", Failure::Failed(cause("no start")));
    // In the pause before the next attempt.
    scene.keeps(Some(SessionState::Restarting));
    scene.later(ms(10));
    scene.launched("a");
    scene.keeps(Some(SessionState::Running));
    scene.ask("a", |ticket| Request::Restart { ticket });
    scene.keeps(Some(SessionState::Stopping));
    scene.end("a", Mark::Orderly);
    scene.keeps(Some(SessionState::Restarting));
    scene.launched("a");
    let stop = scene.stop("a");
    scene.keeps(Some(SessionState::Stopping));
    scene.ends("a", Mark::Orderly);
    // It is out of the list, and not released.
    scene.keeps(None);
    assert!(scene.told(stop).is_none());
    scene.released("a");
    scene.has_freed();
    assert!(matches!(scene.told(stop), Some(Told::Ended(_))));
}

#[test]
fn they_are_kept_while_it_is_parked_and_tried_again() {
    let mut scene = Scene::new(Settings {
        park_trial: Some((SECOND, SECOND)),
        ..Settings::default()
    });
    scene.run("a", &BOTH, parks());
    scene.ends("a", Mark::Failed);
    scene.keeps(Some(SessionState::Parked));
    scene.released("a");
    scene.keeps(Some(SessionState::Parked));
    scene.later(SECOND);
    // On trial.
    scene.keeps(Some(SessionState::Restarting));
    scene.launch_failed("a", Failure::Failed(cause("no start")));
    scene.keeps(Some(SessionState::Parked));
    scene.stop("a");
    scene.has_freed();
}

#[test]
fn they_are_kept_in_line_and_free_if_nobody_waits_there() {
    let mut scene = Scene::new(Settings {
        max_launches: 1,
        ..Settings::default()
    });
    scene.start("slow", &[], plain());
    let waits = scene.start("a", &BOTH, plain());
    assert_eq!(scene.state("a"), Some(SessionState::Starting));
    assert!(!scene.is_launched("a"), "it is in line");
    let refused = scene.start("b", &["y"], plain());
    assert!(matches!(scene.told(refused), Some(Told::ClaimTaken(_))));
    Waiter::goes(waits);
    scene.launched("slow");
    assert_eq!(scene.state("a"), None);
    assert_eq!(scene.said(), []);
}

#[test]
fn they_are_kept_while_it_is_stuck() {
    let brutal = Policy {
        shutdown: Shutdown::BrutalKill,
        ..plain()
    };
    let mut scene = Scene::plain();
    scene.run("a", &BOTH, brutal);
    let stop = scene.stop("a");
    scene.later(KILL_BOUND);
    assert!(matches!(scene.told(stop), Some(Told::Stuck)));
    scene.keeps(Some(SessionState::Stuck));
    scene.end("a", Mark::Missing);
    scene.has_freed();
    // A launch that does not end after its timeout.
    scene.start("a", &BOTH, plain());
    scene.later(plain().start_timeout);
    scene.keeps(Some(SessionState::Stopping));
    scene.later(KILL_BOUND);
    scene.keeps(Some(SessionState::Stuck));
    scene.launch_failed("a", Failure::Cancelled);
    scene.has_freed();
}

/// Restarted without end.
fn tireless() -> Policy {
    Policy {
        limit: OwnLimit::Unlimited,
        ..plain()
    }
}

#[test]
fn however_it_goes_they_are_free() {
    type Road = fn(&mut Scene);
    let roads: [(&str, Road); 9] = [
        ("a first start that fails", |scene| {
            scene.start("a", &BOTH, plain());
            scene.launch_failed("a", Failure::Failed(cause("no start")));
        }),
        ("a first start that is ignored", |scene| {
            scene.start("a", &BOTH, plain());
            scene.launch_failed("a", Failure::Ignored);
        }),
        ("a start that times out", |scene| {
            scene.start("a", &BOTH, plain());
            scene.later(plain().start_timeout);
            scene.launch_failed("a", Failure::Cancelled);
        }),
        ("a restart that is ignored", |scene| {
            scene.run("a", &BOTH, tireless());
            scene.end("a", Mark::Failed);
            scene.launch_failed("a", Failure::Ignored);
        }),
        ("an end by itself", |scene| {
            scene.run("a", &BOTH, plain());
            scene.end("a", Mark::Orderly);
        }),
        ("the crash of a temporary one", |scene| {
            let restart = Restart::Temporary;
            scene.run("a", &BOTH, Policy { restart, ..plain() });
            scene.end("a", Mark::Failed);
        }),
        ("an idle end", |scene| {
            let idle_timeout = Span::new(ms(40));
            let policy = Policy {
                idle_timeout,
                ..plain()
            };
            scene.run("a", &BOTH, policy);
            scene.later(ms(40));
            scene.end("a", Mark::Orderly);
        }),
        ("a stop in a pause", |scene| {
            scene.run("a", &BOTH, tireless());
            scene.end("a", Mark::Failed);
            scene.launch_failed("a", Failure::Failed(cause("no start")));
            scene.stop("a");
        }),
        ("a stop of a launch", |scene| {
            scene.start("a", &BOTH, plain());
            scene.stop("a");
            scene.keeps(Some(SessionState::Stopping));
            scene.launch_failed("a", Failure::Cancelled);
        }),
    ];
    for (name, road) in roads {
        println!("{name}");
        let mut scene = Scene::plain();
        road(&mut scene);
        scene.has_freed();
    }
}

#[test]
fn a_session_that_is_removed_or_discarded_has_none_left() {
    let mut scene = Scene::new(Settings {
        on_limit: OnRestartLimit::Remove,
        ..Settings::default()
    });
    scene.run("a", &BOTH, parks());
    scene.ends("a", Mark::Failed);
    scene.keeps(None);
    scene.released("a");
    scene.has_freed();
    // Discarded for another that is parked, before its own release.
    let mut scene = Scene::new(Settings {
        max_parked: 1,
        ..Settings::default()
    });
    scene.run("a", &BOTH, parks());
    scene.ends("a", Mark::Failed);
    scene.keeps(Some(SessionState::Parked));
    scene.run("b", &["z"], parks());
    scene.end("b", Mark::Failed);
    scene.keeps(None);
    scene.released("a");
    scene.has_freed();
    assert_eq!(scene.holder("z").as_deref(), Some("b"));
}

#[test]
fn the_end_of_the_supervisor_frees_all_but_what_is_stuck() {
    let mut scene = Scene::plain();
    scene.run("a", &BOTH, plain());
    scene.run("b", &["z"], parks());
    scene.end("b", Mark::Failed);
    let ticket = scene.caller();
    let within = None;
    scene.feed(Input::StopSupervisor { within, ticket });
    scene.later(ms(0));
    // The sweep has ended what was parked.
    assert_eq!(scene.said(), [("x", "a"), ("y", "a")]);
    scene.end("a", Mark::Orderly);
    assert_eq!(scene.said(), []);
    assert!(scene.has_ended());
}

#[test]
fn they_are_taken_together_or_not_at_all() {
    let mut scene = Scene::plain();
    scene.run("a", &["y"], plain());
    let refused = scene.start("b", &["x", "y", "z"], plain());
    let (claim, holder) = (of("y"), Arc::from("a"));
    let right = Taken { claim, holder };
    let told = scene.told(refused);
    assert!(
        matches!(told, Some(Told::ClaimTaken(taken)) if *taken == right),
        "{told:?}"
    );
    assert_eq!(scene.state("b"), None);
    assert_eq!((scene.holder("x"), scene.holder("z")), (None, None));
    scene.run("c", &["x", "z"], plain());
    scene.stop("a");
    scene.end("a", Mark::Orderly);
    assert_eq!(scene.holder("y"), None);
    assert_eq!(scene.holder("x").as_deref(), Some("c"));
}

#[test]
fn a_known_id_is_told_before_a_claim_and_a_claim_before_the_limit() {
    let mut scene = Scene::new(Settings {
        max_sessions: 1,
        ..Settings::default()
    });
    scene.run("a", &["x"], plain());
    let told = |scene: &mut Scene, id: &str, values: &[&str]| {
        let caller = scene.start(id, values, plain());
        scene.told(caller).cloned()
    };
    let known = told(&mut scene, "a", &["x"]);
    assert!(matches!(known, Some(Told::Running(_))), "{known:?}");
    let taken = told(&mut scene, "b", &["x"]);
    assert!(matches!(taken, Some(Told::ClaimTaken(_))), "{taken:?}");
    let full = told(&mut scene, "b", &["y"]);
    assert!(matches!(full, Some(Told::MaxSessions(1))), "{full:?}");
    let mut scene = Scene::plain();
    scene.run("a", &["x"], parks());
    scene.end("a", Mark::Failed);
    let parked = told(&mut scene, "a", &["x"]);
    assert!(matches!(parked, Some(Told::Parked)), "{parked:?}");
}

#[test]
fn a_start_that_waits_for_its_id_is_decided_in_its_turn() {
    let mut scene = Scene::plain();
    scene.run("a", &["x"], plain());
    scene.run("b", &["y"], plain());
    scene.stop("a");
    let both = scene.start("a", &BOTH, plain());
    let own = scene.start("a", &["x", "z"], plain());
    assert!(scene.told(both).is_none(), "it waits");
    scene.end("a", Mark::Orderly);
    let told = scene.told(both);
    assert!(
        matches!(told, Some(Told::ClaimTaken(taken)) if &*taken.holder == "b"),
        "{told:?}"
    );
    // The next one has its turn at once.
    assert!(scene.told(own).is_none());
    assert_eq!(scene.state("a"), Some(SessionState::Starting));
    assert_eq!(scene.holder("x").as_deref(), Some("a"));
    assert_eq!(scene.holder("z").as_deref(), Some("a"));
}

#[test]
fn a_call_that_finds_its_session_passes_over_its_own_claims() {
    let mut scene = Scene::plain();
    scene.run("b", &["y"], plain());
    scene.start("a", &["x"], plain());
    let joins = scene.ensure("a", &["y"]);
    scene.launched("a");
    let finds = scene.ensure("a", &["y"]);
    assert!(matches!(scene.told(joins), Some(Told::Joined(_))));
    assert!(matches!(scene.told(finds), Some(Told::Running(_))));
    assert_eq!(scene.holder("y").as_deref(), Some("b"));
    assert_eq!(scene.claims("a"), [of("x")]);
}

/// The end of the holder may be unread, so the start waits for its turn.
#[test]
fn a_start_is_not_refused_before_its_turn() {
    let mut scene = Scene::plain();
    scene.run("a", &["x"], plain());
    assert!(!scene.start_at_once("b", &["x"]), "its claim is taken");
    assert!(scene.start_at_once("c", &["y"]), "its claim is free");
    assert_eq!(scene.state("b"), None);
    assert_eq!(scene.said(), [("x", "a"), ("y", "c")]);
}
