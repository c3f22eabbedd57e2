//! Nodes that drain, and what all nodes tell of that and of others that die.

use crate::Case;
use crate::cluster::Cluster;
use crate::proxy::Wire;
use crate::scenarios::{IDS, all_run, count};

pub(crate) const CASES: &[Case] = &[
    (
        "a_node_that_drains_gives_all_away_and_stays_until_it_leaves",
        gives_all_away,
    ),
    (
        "a_drain_ends_at_its_deadline_and_a_second_one_joins_it",
        deadline,
    ),
    (
        "a_node_that_drains_alone_leaves_its_sessions_to_the_next",
        alone,
    ),
    (
        "a_session_that_does_not_end_keeps_its_shard_and_is_reported",
        stuck,
    ),
    ("a_drain_without_etcd_ends_with_the_lease", without_etcd),
    ("every_node_tells_of_a_node_that_is_killed", killed),
    ("a_connection_that_is_refused_is_told", refused),
];

fn start(names: &[&str], lease: u64) -> Cluster {
    let mut cluster = Cluster::start(1, names, lease);
    let first = names[0];
    let started = cluster.node(first).tell(&format!("starts r {IDS}"));
    assert_eq!(started, IDS.to_string());
    count(&mut cluster, 0, 1);
    cluster
}

fn numbers(text: &str) -> Vec<u32> {
    let numbers = text.split(' ').map(|number| number.parse().expect(text));
    numbers.collect()
}

/// How many shards of its own a node has, by what it was told.
fn owned(known: &str) -> u32 {
    numbers(known)[1]
}

fn gives_all_away() {
    let mut cluster = start(&["a", "b", "c"], 5);
    let b = cluster.node("b");
    let before = owned(&b.tell("known"));
    assert!(before > 0);
    let frozen = numbers(&b.tell("told is handed over in epoch"))[0];
    let counted = numbers(&b.tell("counted"));
    let drained = b.tell("drain 60 4");
    assert_eq!(drained, format!("{before} {before} 0 0 0"));
    // It is in the cluster as before, and owns nothing; the others have it all.
    let others = |known: &str| known.starts_with("3 0 0 0 ");
    cluster.node("b").until("known", others);
    assert_eq!(cluster.node("b").tell("stage"), "Draining");
    assert_eq!(cluster.node("b").tell("running"), "0");
    for name in ["a", "c"] {
        cluster
            .node(name)
            .until("owned", |owned| owned.ends_with(" 0 0"));
    }
    all_run(&mut cluster);
    count(&mut cluster, 1, 2);
    // It starts sessions, elsewhere.
    assert_eq!(cluster.node("b").tell("starts x 20"), "20");
    assert_eq!(cluster.node("b").tell("running"), "0");
    for name in ["a", "c"] {
        let leaving = cluster.node(name).tell("told node b has changed");
        assert_eq!(leaving, "1", "{name}");
    }
    let b = cluster.node("b");
    b.until("told this node has drained", |told| told == "1");
    let frozen = (frozen + before).to_string();
    assert_eq!(b.tell("told is handed over in epoch"), frozen);
    let hand_overs = counted[1] + before;
    assert_eq!(numbers(&b.tell("counted"))[1..], [hand_overs, 0]);
    let stats = b.tell("stats");
    let expected = format!("hand_overs: {hand_overs}, losses: 0");
    assert!(stats.contains(&expected), "{stats}");
    // Once more gets the same report.
    assert_eq!(cluster.node("b").tell("drain 1 1"), drained);
    let mut left = cluster.take("b");
    assert_eq!(left.tell("leave"), "ok");
    left.until("told this node has left", |told| told == "1");
    let after = left.tell("drain 1 1");
    assert!(after.starts_with(&before.to_string()), "{after}");
    drop(left);
    for name in ["a", "c"] {
        cluster
            .node(name)
            .until("told node b is gone", |told| told == "1");
        assert_eq!(cluster.node(name).tell("told was lost by node"), "0");
    }
    cluster.store.history.check();
}

fn deadline() {
    let mut cluster = start(&["a", "b"], 5);
    let before = owned(&cluster.node("b").tell("known"));
    // Of one at a time none would be the last within a year; the second order counts from then on.
    let first = cluster.node("b").ask("drain 30000000 1");
    cluster
        .node("b")
        .until("told this node drains", |told| told != "0");
    let second = cluster.node("b").tell("drain 0 1");
    assert_eq!(first.get(), second);
    assert_eq!(numbers(&second)[..4], [before, before, 0, 0], "{second}");
    assert_eq!(cluster.node("b").tell("running"), "0");
    all_run(&mut cluster);
    count(&mut cluster, 0, 2);
    let bad = cluster.node("a").tell("drain 1 0");
    assert_eq!(
        bad,
        "error bad drain: 0 shards at a time: it must be at least 1"
    );
    assert_eq!(cluster.node("a").tell("stage"), "Joined");
    cluster.store.history.check();
}

fn alone() {
    let mut cluster = start(&["a"], 3);
    let drained = cluster.node("a").tell("drain 30 16");
    assert_eq!(drained, "64 64 0 0 0");
    cluster
        .node("a")
        .until("known", |known| known.starts_with("1 0 64 0 "));
    let refused = cluster.node("a").tell("ensure r1");
    assert!(refused.starts_with("error NotSent"), "{refused}");
    // The next one finds all that was saved.
    cluster.add("b");
    cluster.node("b").until("owned", |owned| owned == "64 0 0");
    all_run(&mut cluster);
    count(&mut cluster, 0, 2);
    cluster.store.history.check();
}

fn stuck() {
    let mut cluster = start(&["a", "b"], 3);
    for n in 0..10 {
        let started = cluster.node("a").tell(&format!("stone s{n}"));
        assert!(!started.starts_with("error"), "{started}");
    }
    let listed = cluster.node("a").tell("list 1000");
    let of_b = listed.split(' ').filter_map(|row| row.strip_suffix("@b"));
    let stone = of_b.into_iter().find(|id| id.starts_with('s'));
    let stone = stone.expect("one of ten is there").to_owned();
    assert_eq!(cluster.node("b").tell(&format!("cast {stone}")), "ok");
    let b = cluster.node("b");
    let before = owned(&b.tell("known"));
    let drained = b.tell("drain 1 16");
    assert_eq!(
        numbers(&drained)[..4],
        [before, before - 1, 0, 1],
        "{drained}"
    );
    let one = "1 shards have sessions that do not end";
    b.until(&format!("told {one}"), |told| told != "0");
    // It goes on owning that shard, so that the session does not run twice.
    b.until("known", |known| known.starts_with("2 1 0 1 "));
    let there = cluster.node("a").tell(&format!("find {stone}"));
    assert!(there.starts_with("error NotSent"), "{there}");
    cluster.take("b").signal("-KILL");
    let a = cluster.node("a");
    a.until(&format!("find {stone}"), |found| {
        found.starts_with("running")
    });
    a.until("owned", |owned| owned == "64 0 0");
    all_run(&mut cluster);
    count(&mut cluster, 0, 2);
    cluster.store.history.check();
}

fn without_etcd() {
    let mut cluster = start(&["a", "b"], 3);
    let before = owned(&cluster.node("b").tell("known"));
    cluster.to_etcd("b", Wire::Cut);
    let drained = cluster.node("b").tell("drain 60 64");
    let ends = numbers(&drained);
    assert_eq!(
        (ends[0], ends[1] + ends[2], ends[3]),
        (before, before, 0),
        "{drained}"
    );
    let b = cluster.node("b");
    assert_eq!(b.tell("running"), "0");
    b.until("told this node admits nothing", |told| told == "1");
    cluster.to_etcd("b", Wire::Whole);
    // It joins again, and owns nothing.
    cluster
        .node("b")
        .until("told this node has joined again", |told| told != "0");
    cluster
        .node("b")
        .until("stage", |stage| stage == "Draining");
    cluster.node("a").until("owned", |owned| owned == "64 0 0");
    all_run(&mut cluster);
    count(&mut cluster, 1, 2);
    assert_eq!(owned(&cluster.node("b").tell("known")), 0);
    cluster.store.history.check();
}

fn killed() {
    let mut cluster = start(&["a", "b", "c"], 3);
    let lost = owned(&cluster.node("b").tell("known"));
    for name in ["a", "c"] {
        let node = cluster.node(name);
        node.until("known", |known| known.ends_with(" 2"));
    }
    let killed = cluster.take("b");
    killed.signal("-KILL");
    killed.gone();
    all_run(&mut cluster);
    cluster.settled();
    for name in ["a", "c"] {
        let node = cluster.node(name);
        node.until("known", |known| {
            known.starts_with("2 ") && known.ends_with(" 0 0 1")
        });
        let told = node.tell("told was lost by node b");
        assert_eq!(told, lost.to_string(), "{name}: {}", node.tell("events"));
        assert_ne!(node.tell("told node b cannot be asked"), "0", "{name}");
        assert_eq!(node.tell("told node b is gone"), "1", "{name}");
        node.until("told sessions are restored", |told| told != "0");
        let owned = owned(&node.tell("known"));
        let [claims, hand_overs, losses] = numbers(&node.tell("counted"))[..] else {
            panic!("three numbers");
        };
        // One that was claimed and not wanted any more went back at once.
        assert!(
            owned + hand_overs <= claims,
            "{owned} {hand_overs} {claims}"
        );
        assert_eq!(losses, 0, "{name}");
        let stats = node.tell("stats");
        let expected = format!("claims: {claims}, hand_overs: {hand_overs}, losses: {losses}");
        assert!(stats.contains(&expected), "{name}: {stats}");
    }
    cluster.store.history.check();
}

fn refused() {
    let mut cluster = Cluster::start(1, &["a"], 3);
    cluster.knock("a", b"this is no frame of a gateway");
    let a = cluster.node("a");
    a.until("told a connection from 127.0.0.1", |told| told != "0");
    let events = a.tell("events");
    assert!(
        events.contains("was refused: it has ended in its handshake"),
        "{events}"
    );
}
