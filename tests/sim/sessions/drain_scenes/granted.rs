//! More time for a session that asks.

use std::time::Duration;

use session_supervisor::engine::{ChildKind, Mark, MoreTimeAnswer, Policy, Shutdown};

use super::{SLOW, Scene, secs};

#[test]
fn a_session_that_asks_has_more_time_than_its_rule_up_to_the_cap() {
    let mut scene = Scene::of(1, Shutdown::Timeout(secs(5)));
    assert_eq!(scene.ask_for("a", 9), MoreTimeAnswer::NotDraining);
    scene.drain(60, 0, 30);
    scene.to(4);
    assert_eq!(scene.ask_for("a", 20), MoreTimeAnswer::Has(secs(20)));
    // It has that much already.
    assert_eq!(scene.ask_for("a", 2), MoreTimeAnswer::Has(secs(2)));
    assert_eq!(scene.ask_for("b", 2), MoreTimeAnswer::NotFound);
    scene.to(23);
    scene.did(&["0: drain a 5s"]);
    // 30 s after its own time, and no more.
    assert_eq!(scene.ask_for("a", 100), MoreTimeAnswer::Has(secs(12)));
    scene.to(34);
    scene.did(&[]);
    scene.to(35);
    scene.did(&["35: kill a"]);
    assert_eq!(scene.ask_for("a", 1), MoreTimeAnswer::Has(Duration::ZERO));
}

#[test]
fn the_deadline_moves_for_it_and_not_beyond_the_cap() {
    let mut scene = Scene::of(2, SLOW);
    scene.drain(10, 0, 30);
    scene.to(8);
    assert_eq!(scene.ask_for("a", 10), MoreTimeAnswer::Has(secs(10)));
    scene.to(17);
    scene.did(&["0: drain a 10s", "0: drain b 10s"]);
    assert_eq!(scene.ask_for("a", 100), MoreTimeAnswer::Has(secs(23)));
    scene.to(40);
    scene.did(&["40: kill a", "40: kill b"]);
}

#[test]
fn others_lose_no_time_by_what_one_is_granted() {
    let mut scene = Scene::of(3, Shutdown::Timeout(secs(5)));
    scene.drain(60, 1, 30);
    scene.to(4);
    // Of 60 s it has 20, and of the 90 s that the drain may take at most it has 30.
    assert_eq!(scene.ask_for("a", 100), MoreTimeAnswer::Has(secs(26)));
    scene.to(30);
    scene.did(&["0: drain a 5s", "30: kill a"]);
    scene.ends("a", Mark::Missing);
    // The others have 20 s each, as before.
    scene.did(&["30: drain b 5s"]);
    assert_eq!(scene.ask_for("b", 20), MoreTimeAnswer::Has(secs(20)));
    scene.ends("b", Mark::Orderly);
    scene.ends("c", Mark::Orderly);
    scene.did(&[
        "30: drain c 5s",
        "30: over: a Killed 30s, b Stopped 0ns, c Stopped 0ns",
    ]);
}

#[test]
fn a_tree_is_granted_nothing() {
    let mut scene = Scene::new(&[Policy {
        kind: ChildKind::Supervisor,
        shutdown: SLOW,
        ..Policy::default()
    }]);
    scene.drain(10, 0, 100);
    assert_eq!(scene.ask_for("a", 60), MoreTimeAnswer::Has(secs(10)));
    scene.to(10);
    scene.did(&["0: drain a 10s", "10: kill a"]);
}
