//! Single rules of what is counted, with the times written out.

use std::time::Duration;

use session_supervisor::engine::{
    Counts, Failure, Histogram, Input, KILL_BOUND, Limit, Mark, Moment, OwnLimit, Policy, Recall,
    Restart, Settings, Shutdown, StartRate, Stats,
};

use crate::rules::ms;
use crate::sessions::admission::world::World;

fn at(millis: u64) -> Moment {
    Moment::new(ms(millis))
}

fn stats(world: &World) -> Stats {
    world.engine.meter().read()
}

/// The buckets that hold something, by their upper bounds; the last has none.
fn buckets(of: &Histogram) -> Vec<(Option<Duration>, u64)> {
    let bounds = of.bounds().iter().copied().map(Some).chain([None]);
    let all = bounds.zip(of.buckets().iter().copied());
    all.filter(|(_, count)| *count > 0).collect()
}

fn launch(world: &mut World, id: &str, policy: Policy) {
    let ticket = world.ask_start(id, None, policy);
    assert!(!world.answers.contains_key(&ticket), "{id} is not launched");
}

fn is_cancelled(world: &mut World, id: &str) {
    let key = world.lives[id].0.key;
    let failure = Failure::Cancelled;
    world.feed(Input::StartFailed { key, failure });
}

fn too_late(world: &mut World, id: &str) {
    let key = world.lives[id].0.key;
    let recall = Recall::TooLate;
    world.feed(Input::Started { key, recall });
}

fn within(millis: u64) -> Policy {
    Policy {
        start_timeout: ms(millis),
        shutdown: Shutdown::Timeout(ms(200)),
        ..Policy::default()
    }
}

#[test]
fn a_life_is_counted_with_its_times() {
    let mut world = World::new(Settings::default());
    launch(&mut world, "a", Policy::default());
    assert_eq!(stats(&world).sessions.starting, 1);
    assert_eq!(stats(&world).starts.total(), 0);
    world.now = at(3);
    world.runs("a");
    let now = stats(&world);
    assert_eq!((now.sessions.active, now.starts.started), (1, 1));
    assert_eq!(buckets(&now.start_duration), [(Some(ms(5)), 1)]);
    assert_eq!(now.start_duration.sum(), ms(3));
    world.now = at(1_003);
    world.stop("a");
    assert_eq!(stats(&world).sessions.stopping, 1);
    world.now = at(1_043);
    world.ends("a", Mark::Orderly);
    world.is_released("a");
    let now = stats(&world);
    assert_eq!(now.sessions, Counts::default());
    assert_eq!((now.exits.shutdown, now.exits.total()), (1, 1));
    assert_eq!(buckets(&now.stop_duration), [(Some(ms(50)), 1)]);
    assert_eq!(now.stop_duration.mean(), Some(ms(40)));
    assert_eq!(buckets(&now.lifetime), [(Some(ms(5_000)), 1)]);
    assert_eq!(now.lifetime.sum(), ms(1_040));
    assert_eq!((now.kills, now.restarts, now.parks), (0, 0, 0));
}

#[test]
fn a_start_that_times_out_counts_when_it_is_gone() {
    let mut world = World::new(Settings::default());
    launch(&mut world, "a", within(100));
    world.goes_on_to(at(100));
    assert_eq!(stats(&world).starts.total(), 0, "it may have succeeded");
    world.now = at(107);
    is_cancelled(&mut world, "a");
    let starts = stats(&world).starts;
    assert_eq!((starts.timed_out, starts.total()), (1, 1));
    assert_eq!(stats(&world).start_duration.count(), 0);
}

#[test]
fn a_start_that_is_stuck_counts_once() {
    let mut world = World::new(Settings::default());
    launch(&mut world, "a", within(100));
    world.goes_on_to(at(100).after(KILL_BOUND));
    assert_eq!(stats(&world).sessions.stuck, 1);
    assert_eq!(stats(&world).starts.timed_out, 1);
    // It succeeds after all, is killed, and has never started.
    world.runs("a");
    world.ends("a", Mark::Missing);
    world.is_released("a");
    let now = stats(&world);
    assert_eq!((now.starts.timed_out, now.starts.total()), (1, 1));
    assert_eq!((now.exits.total(), now.kills), (0, 1));
}

#[test]
fn a_start_that_succeeds_in_the_moment_of_its_timeout_has_started() {
    let mut world = World::new(Settings::default());
    launch(&mut world, "a", within(100));
    world.goes_on_to(at(100));
    world.runs("a");
    let now = stats(&world);
    assert_eq!((now.starts.started, now.starts.total()), (1, 1));
    assert_eq!(now.start_duration.sum(), ms(100));
}

#[test]
fn a_start_that_succeeds_too_late_has_neither_started_nor_ended() {
    let mut world = World::new(Settings::default());
    launch(&mut world, "a", within(100));
    world.goes_on_to(at(40));
    world.stop("a");
    too_late(&mut world, "a");
    let starts = stats(&world).starts;
    assert_eq!((starts.stopped, starts.total()), (1, 1));
    world.goes_on_to(at(60));
    world.ends("a", Mark::Orderly);
    world.is_released("a");
    let now = stats(&world);
    assert_eq!((now.starts.total(), now.exits.total()), (1, 0));
    assert_eq!(now.stop_duration.count(), 0);
}

#[test]
fn a_stop_that_ends_with_a_kill_takes_as_long_as_both() {
    let mut world = World::new(Settings::default());
    launch(&mut world, "a", within(100));
    world.runs("a");
    world.goes_on_to(at(1_000));
    world.stop("a");
    // Its grace is over, and then its kill bound.
    world.goes_on_to(at(1_200).after(KILL_BOUND));
    let now = stats(&world);
    assert_eq!((now.kills, now.sessions.stuck), (1, 1));
    assert_eq!(now.exits.total(), 0);
    world.goes_on_to(at(9_000));
    world.ends("a", Mark::Missing);
    world.is_released("a");
    let now = stats(&world);
    assert_eq!((now.exits.killed, now.exits.total()), (1, 1));
    assert_eq!(now.stop_duration.sum(), ms(8_000));
    assert_eq!(buckets(&now.lifetime), [(Some(ms(10_000)), 1)]);
}

#[test]
fn a_session_is_parked_and_tried_and_its_pauses_are_counted() {
    let mut world = World::new(Settings {
        park_trial: Some((ms(100), ms(100))),
        ..Settings::default()
    });
    let policy = Policy {
        restart: Restart::Permanent,
        limit: OwnLimit::Own(Limit::new(1, ms(60_000)).unwrap()),
        ..Policy::default()
    };
    launch(&mut world, "a", policy);
    world.runs("a");
    world.ends("a", Mark::Failed);
    world.is_released("a");
    let now = stats(&world);
    assert_eq!((now.restarts, now.exits.failed, now.parks), (1, 1, 0));
    assert_eq!(now.restart_delay.count(), 1);
    world.runs("a");
    world.ends("a", Mark::Failed);
    world.is_released("a");
    let now = stats(&world);
    assert_eq!((now.restarts, now.exits.failed, now.parks), (1, 2, 1));
    assert_eq!(now.sessions.parked, 1);
    // A trial is a restart without a pause of that kind.
    world.goes_on_to(at(100));
    world.start_fails("a");
    let now = stats(&world);
    assert_eq!((now.restarts, now.restart_delay.count()), (2, 1));
    assert_eq!((now.starts.failed, now.parks), (1, 2));
    // By hand it is none.
    assert!(world.restart("a").is_none());
    world.runs("a");
    let now = stats(&world);
    assert_eq!((now.restarts, now.starts.started), (2, 3));
}

#[test]
fn what_is_refused_is_counted_by_its_reason() {
    let mut world = World::new(Settings {
        max_sessions: 2,
        quota: Some(1),
        start_rate: StartRate::new(2, ms(1_000)),
        ..Settings::default()
    });
    world.run("a", Some("g"));
    world.rejected("b", Some("g"));
    world.run("b", None);
    assert!(world.start("c", None).is_some());
    world.end("b");
    world.rejected("c", None);
    // A session that is there is not refused.
    assert!(world.start("a", Some("g")).is_some());
    let rejected = stats(&world).rejected;
    let counted = (rejected.quota, rejected.max_sessions, rejected.start_rate);
    assert_eq!(counted, (1, 1, 1));
    assert_eq!((rejected.claim_taken, rejected.total()), (0, 3));
}

#[test]
fn a_parked_session_that_finds_no_place_is_refused() {
    let mut world = World::new(Settings {
        max_sessions: 1,
        ..Settings::default()
    });
    world.park("a", None);
    world.run("b", None);
    assert!(world.restart("a").is_some());
    let rejected = stats(&world).rejected;
    assert_eq!((rejected.max_sessions, rejected.total()), (1, 1));
    world.end("b");
    assert!(world.restart("a").is_none(), "now there is one");
    assert_eq!(stats(&world).rejected.total(), 1);
}
