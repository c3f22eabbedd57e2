//! Single rules of sessions that expire, with the times written out.

use std::time::Duration;

use session_supervisor::engine::{
    Mark, Moment, Policy, Restart, SessionState, Settings, Shutdown, Span,
};

use super::World;
use super::model::Stage;
use crate::rules::ms;
use crate::told::Told;

fn at(millis: u64) -> Moment {
    Moment::new(ms(millis))
}

fn idle(timeout: u64) -> Policy {
    Policy {
        idle_timeout: Span::new(ms(timeout)),
        ..Policy::default()
    }
}

fn mortal(longest: u64) -> Policy {
    Policy {
        max_lifetime: Span::new(ms(longest)),
        ..Policy::default()
    }
}

fn world() -> World {
    World::new(Settings::default())
}

impl World {
    /// Time goes on to this moment, and every timer until then goes off when it is due. Answers how
    /// many did.
    fn goes_on_to(&mut self, millis: u64) -> usize {
        let mut fired = 0;
        while let Some(due) = self.engine.poll_timeout().filter(|due| *due <= at(millis)) {
            self.now = self.now.max(due);
            self.timeout();
            fired += 1;
        }
        self.now = at(millis);
        fired
    }

    fn stage(&self, id: &str) -> Option<Stage> {
        Some(self.sessions.get(id)?.stage)
    }
}

#[test]
fn it_is_ended_when_its_timeout_is_over_and_not_before() {
    let mut world = world();
    world.goes_on_to(7);
    world.run("a", idle(40));
    assert_eq!(world.engine.poll_timeout(), Some(at(47)));
    world.goes_on_to(46);
    assert_eq!(world.stage("a"), Some(Stage::Running));
    world.goes_on_to(47);
    assert_eq!(world.stage("a"), Some(Stage::Stopping));
    let info = world
        .engine
        .info("a")
        .expect("it has its id until it is gone");
    assert_eq!(info.state, SessionState::Stopping);
    world.end("a", Mark::Orderly);
    assert!(world.engine.info("a").is_none());
}

#[test]
fn a_thousand_messages_are_one_look() {
    let mut world = world();
    world.run("a", idle(40));
    for millis in 1..=39 {
        world.goes_on_to(millis);
        for _ in 0..25 {
            world.message("a");
            world.done("a");
        }
    }
    assert_eq!(world.goes_on_to(78), 1);
    assert_eq!(world.stage("a"), Some(Stage::Running));
    assert_eq!(world.engine.poll_timeout(), Some(at(79)));
    world.goes_on_to(79);
    assert_eq!(world.stage("a"), Some(Stage::Stopping));
}

#[test]
fn it_is_not_idle_while_a_callback_runs() {
    let mut world = world();
    world.run("a", idle(40));
    world.message("a");
    world.goes_on_to(1_000);
    assert_eq!(world.stage("a"), Some(Stage::Running));
    world.done("a");
    world.goes_on_to(1_039);
    assert_eq!(world.stage("a"), Some(Stage::Running));
    world.goes_on_to(1_040);
    assert_eq!(world.stage("a"), Some(Stage::Stopping));
}

#[test]
fn whatever_its_restart_kind_it_does_not_come_back() {
    for restart in [Restart::Permanent, Restart::Transient, Restart::Temporary] {
        for policy in [idle(40), mortal(40)] {
            for mark in [Mark::Orderly, Mark::Failed] {
                let mut world = world();
                world.run("a", Policy { restart, ..policy });
                world.goes_on_to(40);
                assert_eq!(world.stage("a"), Some(Stage::Stopping));
                world.end("a", mark);
                assert!(world.engine.info("a").is_none(), "{restart:?} {mark:?}");
                assert_eq!(world.engine.entries(), 0);
            }
        }
    }
}

#[test]
fn a_start_waits_until_it_is_gone() {
    let mut world = world();
    world.run("a", idle(40));
    world.goes_on_to(40);
    world.start("a", idle(40));
    assert_eq!(world.stage("a"), Some(Stage::Stopping));
    world.end("a", Mark::Orderly);
    assert_eq!(world.stage("a"), Some(Stage::Launching));
}

#[test]
fn what_does_not_end_in_the_time_of_its_rule_is_killed() {
    let second = Duration::from_secs(1);
    let cases = [
        (Shutdown::Timeout(second), 1_040),
        (Shutdown::Drain(second), 1_040),
        // These leave no time.
        (Shutdown::BrutalKill, 5_040),
        (Shutdown::Timeout(Duration::ZERO), 5_040),
        (Shutdown::Drain(Duration::ZERO), 5_040),
    ];
    for (shutdown, killed) in cases {
        let mut world = world();
        let policy = Policy {
            shutdown,
            ..idle(40)
        };
        world.run("a", policy);
        world.goes_on_to(killed - 1);
        assert_eq!(world.stage("a"), Some(Stage::Stopping), "{shutdown:?}");
        world.goes_on_to(killed);
        assert_eq!(world.stage("a"), None, "{shutdown:?}");
    }
    let mut world = world();
    let policy = Policy {
        shutdown: Shutdown::Infinity,
        ..idle(40)
    };
    world.run("a", policy);
    world.goes_on_to(40);
    assert_eq!(world.engine.poll_timeout(), None);
}

#[test]
fn a_lease_holds_over_a_restart_and_the_time_counts_from_its_return() {
    let mut world = world();
    world.run("a", idle(40));
    world.goes_on_to(30);
    let (one, _) = world.lease("a");
    let (two, told) = world.lease("a");
    assert!(matches!(told, Told::Leased), "{told:?}");
    assert_eq!(
        world.goes_on_to(1_000),
        1,
        "one look, and none while it is leased"
    );
    world.end("a", Mark::Failed);
    world.launched("a");
    world.done("a");
    world.goes_on_to(2_000);
    world.lease_ends(one);
    world.lease_ends(one);
    world.goes_on_to(3_000);
    assert_eq!(world.stage("a"), Some(Stage::Running));
    world.lease_ends(two);
    world.goes_on_to(3_039);
    assert_eq!(world.stage("a"), Some(Stage::Running));
    world.goes_on_to(3_040);
    assert_eq!(world.stage("a"), Some(Stage::Stopping));
}

#[test]
fn a_lease_is_refused_where_nothing_goes_on() {
    let mut world = world();
    let (_, told) = world.lease("a");
    assert!(matches!(told, Told::NotFound), "{told:?}");
    world.run("a", idle(40));
    world.goes_on_to(40);
    let (_, told) = world.lease("a");
    assert!(matches!(told, Told::Stopping), "{told:?}");
    world.end("a", Mark::Orderly);
    let (_, told) = world.lease("a");
    assert!(matches!(told, Told::NotFound), "{told:?}");
    // A session of the same id, and in the same place.
    world.run("a", idle(40));
    let (lease, told) = world.lease("a");
    assert!(matches!(told, Told::Leased), "{told:?}");
    world.stop("a");
    world.end("a", Mark::Orderly);
    world.run("a", idle(40));
    world.lease_ends(lease);
    let (_, told) = world.lease("a");
    assert!(matches!(told, Told::Leased), "{told:?}");
    world.lease_ends(lease);
    world.goes_on_to(1_000);
    assert_eq!(
        world.stage("a"),
        Some(Stage::Running),
        "the old lease is void"
    );
}

#[test]
fn a_lifetime_is_between_nine_tenths_and_all_and_counts_anew_after_a_restart() {
    let mut ends = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let settings = Settings {
            seed,
            ..Settings::default()
        };
        let mut world = World::new(settings);
        world.run("a", mortal(1_000));
        let (_, told) = world.lease("a");
        assert!(matches!(told, Told::Leased), "{told:?}");
        let end = world.engine.poll_timeout().expect("it has an end");
        assert!((at(900)..=at(1_000)).contains(&end), "{end:?}");
        ends.insert(end);
        world.goes_on_to(500);
        world.end("a", Mark::Failed);
        world.launched("a");
        let end = world.engine.poll_timeout().expect("it has an end");
        assert!((at(1_400)..=at(1_500)).contains(&end), "{end:?}");
        ends.insert(end);
        world.goes_on_to(1_500);
        assert_eq!(world.stage("a"), Some(Stage::Stopping), "leased or not");
    }
    assert!(
        ends.len() > 90,
        "sessions that started together do not end together"
    );
}

#[test]
fn the_earlier_of_the_two_ends_it() {
    let both = Policy {
        idle_timeout: Span::new(ms(40)),
        ..mortal(100)
    };
    let mut world = world();
    world.run("a", both);
    for millis in [30, 60, 89] {
        world.goes_on_to(millis);
        world.message("a");
        world.done("a");
    }
    assert_eq!(world.stage("a"), Some(Stage::Running));
    world.goes_on_to(100);
    assert_eq!(world.stage("a"), Some(Stage::Stopping));
    world.end("a", Mark::Orderly);
    world.run("a", both);
    world.goes_on_to(140);
    assert_eq!(world.stage("a"), Some(Stage::Stopping));
}
