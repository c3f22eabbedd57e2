//! Single rules of admission, with the times written out.

use std::sync::Arc;

use session_supervisor::engine::{
    Failure, Input, KILL_BOUND, Mark, Moment, Policy, Rejection, Request, SessionState, Settings,
    StartRate,
};

use super::world::{World, spec};
use crate::domain::Waiter;
use crate::rules::ms;
use crate::told::Told;

fn at(millis: u64) -> Moment {
    Moment::new(ms(millis))
}

fn rate(n: u32, millis: u64) -> Settings {
    Settings {
        start_rate: StartRate::new(n, ms(millis)),
        ..Settings::default()
    }
}

fn quota(max: usize) -> Settings {
    Settings {
        quota: Some(max),
        ..Settings::default()
    }
}

fn wait(rejection: &Rejection) -> u64 {
    match rejection {
        Rejection::StartRate { retry_after, .. } => u64::try_from(retry_after.as_millis()).unwrap(),
        Rejection::Quota { .. } => panic!("{rejection:?}"),
    }
}

fn of_group(group: &str, max: usize) -> Rejection {
    let group = Arc::from(group);
    Rejection::Quota { group, max }
}

#[test]
fn a_start_above_the_rate_is_told_when_it_would_succeed() {
    let mut world = World::new(rate(2, 100));
    world.run("a", None);
    world.goes_on_to(at(60));
    world.run("b", None);
    assert_eq!(wait(&world.rejected("c", None)), 40);
    world.goes_on_to(at(99));
    assert_eq!(wait(&world.rejected("c", None)), 1);
    world.goes_on_to(at(100));
    world.run("c", None);
    assert_eq!(wait(&world.rejected("d", None)), 60);
    world.goes_on_to(at(160));
    world.run("d", None);
}

#[test]
fn a_start_that_fails_has_counted_and_one_that_is_refused_has_not() {
    let mut world = World::new(Settings {
        max_sessions: 2,
        quota: Some(1),
        ..rate(2, 100)
    });
    assert!(world.start("a", Some("g")).is_none());
    world.start_fails("a");
    assert_eq!(world.state("a"), None);
    world.run("b", Some("g"));
    // The rate is used up by the two, and that is told last.
    assert_eq!(world.rejected("c", Some("g")), of_group("g", 1));
    assert_eq!(wait(&world.rejected("c", Some("h"))), 100);
    assert!(matches!(world.start("b", None), Some(Told::Running(_))));
    world.goes_on_to(at(100));
    // Whatever was refused takes nothing.
    world.run("c", Some("h"));
    for _ in 0..5 {
        assert!(matches!(
            world.start("d", Some("g")),
            Some(Told::MaxSessions(2))
        ));
    }
    world.end("c");
    for _ in 0..5 {
        assert_eq!(world.rejected("d", Some("g")), of_group("g", 1));
    }
    world.run("d", Some("h"));
    world.end("d");
    assert_eq!(wait(&world.rejected("e", None)), 100);
}

#[test]
fn restarts_are_neither_counted_nor_refused() {
    let mut world = World::new(Settings {
        park_trial: Some((ms(50), ms(50))),
        ..rate(2, 1_000)
    });
    world.run("a", None);
    world.park("b", None);
    assert_eq!(wait(&world.rejected("c", None)), 1_000);
    for _ in 0..5 {
        // By itself, and by hand.
        world.ends("a", Mark::Failed);
        world.is_released("a");
        world.runs("a");
        assert!(world.restart("a").is_none());
        world.ends("a", Mark::Orderly);
        world.is_released("a");
        world.runs("a");
    }
    // A trial, which fails, and a resumption.
    world.goes_on_to(at(50));
    assert_eq!(world.state("b"), Some(SessionState::Restarting));
    world.start_fails("b");
    assert_eq!(world.state("b"), Some(SessionState::Parked));
    assert!(world.restart("b").is_none());
    world.runs("b");
    assert_eq!(wait(&world.rejected("c", None)), 950);
    world.goes_on_to(at(1_000));
    world.run("c", None);
    world.run("d", None);
}

#[test]
fn a_start_that_waits_is_decided_when_its_turn_comes() {
    for (released, admitted) in [(99, false), (100, true)] {
        let mut world = World::new(rate(1, 100));
        world.run("a", None);
        world.goes_on_to(at(10));
        world.stop("a");
        // Now it would be refused.
        let waits = world.ask_start("a", None, Policy::default());
        assert!(!world.answers.contains_key(&waits));
        world.goes_on_to(at(released));
        world.ends("a", Mark::Orderly);
        world.is_released("a");
        match world.answers.remove(&waits) {
            None => assert!(admitted),
            Some(Told::Rejected(rejection)) => {
                assert!(!admitted);
                assert_eq!(wait(&rejection), 1);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(world.state("a").is_some(), admitted);
    }
}

#[test]
fn callers_that_ensure_a_session_which_starts_are_not_refused() {
    let mut world = World::new(Settings {
        quota: Some(1),
        ..rate(1, 100)
    });
    assert!(world.start("a", Some("g")).is_none());
    let ensure = |ticket| Request::Ensure {
        spec: spec(Policy::default(), Some("g")),
        ticket,
    };
    let joins = world.ask("a", ensure);
    world.runs("a");
    assert!(matches!(world.answers[&joins], Told::Joined(_)));
    let finds = world.ask("a", ensure);
    assert!(matches!(world.answers[&finds], Told::Running(_)));
    let is_new = world.ask("b", ensure);
    assert!(matches!(world.answers[&is_new], Told::Rejected(_)));
}

#[test]
fn a_group_has_no_more_sessions_than_its_quota_says() {
    let mut world = World::new(quota(2));
    world.run("a", Some("g"));
    world.run("b", Some("g"));
    assert_eq!(world.rejected("c", Some("g")), of_group("g", 2));
    world.run("c", Some("f"));
    for id in ["d", "e", "f"] {
        world.run(id, None);
    }
    let groups: Vec<_> = world.engine.groups_after(None).collect();
    assert_eq!(groups, [(&Arc::from("f"), 1), (&Arc::from("g"), 2)]);
    let groups: Vec<_> = world.engine.groups_after(Some("f")).collect();
    assert_eq!(groups, [(&Arc::from("g"), 2)]);
    let info = world.engine.info("a").expect("it runs");
    assert_eq!(info.group.map(|group| &**group), Some("g"));
    // Its place is free at the exit.
    world.stop("a");
    assert_eq!(world.rejected("h", Some("g")), of_group("g", 2));
    world.ends("a", Mark::Orderly);
    world.run("h", Some("g"));
    assert_eq!(world.engine.count_group("g"), 2);
}

#[test]
fn with_a_quota_of_zero_only_sessions_without_a_group_are_started() {
    let mut world = World::new(quota(0));
    assert_eq!(world.rejected("a", Some("g")), of_group("g", 0));
    world.run("a", None);
    assert_eq!(world.engine.groups_after(None).count(), 0);
}

#[test]
fn a_session_that_restarts_keeps_its_place_in_its_group() {
    let mut world = World::new(quota(1));
    world.run("a", Some("g"));
    world.ends("a", Mark::Failed);
    assert_eq!(world.state("a"), Some(SessionState::Restarting));
    assert_eq!(world.rejected("b", Some("g")), of_group("g", 1));
    world.is_released("a");
    assert!(world.restart("a").is_none(), "it waits for that launch");
    world.runs("a");
    assert_eq!(world.rejected("b", Some("g")), of_group("g", 1));
}

#[test]
fn a_parked_session_has_no_place_in_its_group_and_needs_one_again() {
    let mut world = World::new(Settings {
        park_trial: Some((ms(100), ms(100))),
        ..quota(1)
    });
    world.park("a", Some("g"));
    assert_eq!(world.engine.count_group("g"), 0);
    world.run("b", Some("g"));
    match world.restart("a") {
        Some(Told::Rejected(rejection)) => assert_eq!(rejection, of_group("g", 1)),
        other => panic!("{other:?}"),
    }
    // Its trial waits for the next pause.
    world.goes_on_to(at(100));
    assert_eq!(world.state("a"), Some(SessionState::Parked));
    world.end("b");
    world.goes_on_to(at(200));
    assert_eq!(world.state("a"), Some(SessionState::Restarting));
    assert_eq!(world.rejected("b", Some("g")), of_group("g", 1));
}

/// What has ended has left its place, also if it is waited for in vain: then it takes one again, as
/// of all (D9, D17).
#[test]
fn a_session_that_is_stuck_after_its_end_takes_a_place_again() {
    let mut world = World::new(Settings {
        max_sessions: 1,
        ..quota(1)
    });
    world.run("a", Some("g"));
    world.ends("a", Mark::Orderly);
    world.run("b", Some("g"));
    let stop = world.stop("a");
    // Its grace comes first.
    world.goes_on_to(at(5_000).after(KILL_BOUND));
    assert!(matches!(world.answers[&stop], Told::Stuck));
    assert_eq!(world.state("a"), Some(SessionState::Stuck));
    assert_eq!(world.engine.counts().places(), 2);
    assert_eq!(world.engine.count_group("g"), 2);
    world.end("b");
    assert!(matches!(
        world.start("c", Some("g")),
        Some(Told::MaxSessions(1))
    ));
    world.is_released("a");
    assert_eq!(world.engine.count_group("g"), 0);
    world.run("c", Some("g"));
}

#[test]
fn a_place_in_line_is_one_of_the_group_and_of_the_rate() {
    let mut world = World::new(Settings {
        max_launches: 1,
        quota: Some(2),
        ..rate(3, 100)
    });
    assert!(world.start("a", Some("g")).is_none());
    let waits = world.ask_start("b", Some("g"), Policy::default());
    assert!(!world.lives.contains_key("b"), "it waits in line");
    assert_eq!(world.engine.count_group("g"), 2);
    assert_eq!(world.rejected("c", Some("g")), of_group("g", 2));
    assert!(world.start("c", None).is_none());
    assert_eq!(wait(&world.rejected("d", None)), 100);
    // Nobody waits for it any more, so it is not launched. Its place is free, and its start has
    // counted.
    Waiter::goes(waits);
    world.runs("a");
    assert_eq!(world.dropped, [waits]);
    assert_eq!(world.engine.count_group("g"), 1);
    assert_eq!(wait(&world.rejected("d", Some("g"))), 100);
}

#[test]
fn a_stop_of_the_supervisor_empties_the_groups() {
    let mut world = World::new(quota(3));
    world.run("a", Some("g"));
    world.park("b", Some("g"));
    assert!(world.start("c", Some("g")).is_none());
    let ticket = Waiter(world.callers);
    let within = None;
    world.feed(Input::StopSupervisor { within, ticket });
    world.goes_on_to(at(1));
    assert!(matches!(world.start("d", Some("g")), Some(Told::Down)));
    world.ends("a", Mark::Orderly);
    world.is_released("a");
    let key = world.lives["c"].0.key;
    let failure = Failure::Cancelled;
    world.feed(Input::StartFailed { key, failure });
    assert_eq!(world.engine.groups_after(None).count(), 0);
    assert!(world.engine.ended());
}
