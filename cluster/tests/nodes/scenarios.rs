//! What becomes of the sessions when nodes, etcd and the network between them fail.

use std::time::Instant;

use crate::Case;
use crate::cluster::Cluster;
use crate::process::PATIENCE;
use crate::proxy::Wire;

pub(crate) const CASES: &[Case] = &[
    (
        "every_node_starts_finds_and_calls_every_session",
        from_everywhere,
    ),
    (
        "after_a_kill_of_a_node_its_sessions_run_elsewhere_with_what_they_saved",
        killed,
    ),
    ("a_node_that_was_killed_joins_again_at_once", restarted),
    (
        "a_node_that_slept_past_its_lease_acts_for_nobody_and_joins_anew",
        slept,
    ),
    (
        "without_etcd_nothing_is_admitted_and_all_comes_back_with_it",
        without_etcd,
    ),
    (
        "a_node_cut_off_from_etcd_acts_for_nobody_and_joins_anew",
        cut_off_from_etcd,
    ),
    (
        "a_node_cut_off_from_a_peer_keeps_what_it_owns",
        cut_off_from_a_peer,
    ),
    ("a_wire_that_carries_one_way_moves_nothing", one_way),
    ("a_rolling_restart_loses_no_session", rolling_restart),
    ("a_node_that_does_not_fit_is_refused", misfits),
];

pub(crate) const IDS: usize = 60;

pub(crate) fn ids() -> impl Iterator<Item = String> {
    (0..IDS).map(|n| format!("r{n}"))
}

/// The history of all is right, and every id runs, as every node says, in one epoch.
pub(crate) fn all_run(cluster: &mut Cluster) {
    for id in ids() {
        let seen = as_each_says(cluster, &id);
        assert_eq!(seen.len(), 1, "{id}: {seen:?}");
    }
    cluster.store.history.check();
}

/// Waits until the nodes say the same of every id.
fn agreed(cluster: &mut Cluster) {
    for id in ids() {
        let began = Instant::now();
        while as_each_says(cluster, &id).len() > 1 {
            assert!(began.elapsed() < PATIENCE, "the nodes differ about {id}");
        }
    }
}

/// In which epochs a session runs, as the nodes say.
fn as_each_says(cluster: &mut Cluster, id: &str) -> Vec<String> {
    let find = format!("find {id}");
    let found = cluster
        .nodes
        .iter_mut()
        .map(|node| node.until(&find, |found| found.starts_with("running")));
    let mut seen: Vec<_> = found.collect();
    seen.dedup();
    seen
}

pub(crate) fn count(cluster: &mut Cluster, by: usize, expected: u64) {
    let answers: Vec<_> = ids()
        .enumerate()
        .map(|(n, id)| {
            let node = (n + by) % cluster.nodes.len();
            (id.clone(), cluster.nodes[node].ask(&format!("count {id}")))
        })
        .collect();
    for (id, answer) in answers {
        assert_eq!(answer.get(), expected.to_string(), "{id}");
    }
}

fn from_everywhere() {
    let mut cluster = Cluster::start(1, &["a", "b", "c"], 5);
    assert_eq!(
        cluster.node("a").tell(&format!("starts r {IDS}")),
        IDS.to_string()
    );
    all_run(&mut cluster);
    for round in 0..3 {
        count(&mut cluster, round, round as u64 + 1);
    }
    // A second start is refused wherever it is asked, an ensure finds the session.
    for name in ["a", "b", "c"] {
        let refused = cluster.node(name).tell("start r0");
        assert!(refused.starts_with("error NotSent"), "{refused}");
        assert!(!cluster.node(name).tell("ensure r0").starts_with("error"));
    }
    let mut all: Vec<_> = ids().collect();
    all.sort();
    for page in ["7", "1000"] {
        let listed = cluster.node("b").tell(&format!("list {page}"));
        let listed: Vec<_> = listed
            .split(' ')
            .map(|row| row.split('@').next().unwrap())
            .collect();
        assert_eq!(listed, all);
    }
    cluster.node("c").tell("stop r0");
    assert_eq!(cluster.node("a").tell("find r0"), "none");
    let gone = cluster.node("b").tell("count r0");
    assert!(gone.starts_with("error NotSent"), "{gone}");
    cluster.store.history.check();
}

fn killed() {
    let mut cluster = Cluster::start(1, &["a", "b", "c"], 3);
    assert_eq!(
        cluster.node("a").tell(&format!("starts r {IDS}")),
        IDS.to_string()
    );
    count(&mut cluster, 0, 1);
    let killed = cluster.take("b");
    killed.signal("-KILL");
    killed.gone();
    all_run(&mut cluster);
    cluster.settled();
    count(&mut cluster, 1, 2);
    cluster.store.history.check();
    // Its name is free as soon as its lease is over, which it is.
    cluster.add("b");
    cluster.settled();
    all_run(&mut cluster);
    count(&mut cluster, 2, 3);
    cluster.store.history.check();
}

/// Its name is in use until its lease is over, which the new process waits for.
fn restarted() {
    let mut cluster = Cluster::start(1, &["a", "b"], 3);
    assert_eq!(
        cluster.node("a").tell(&format!("starts r {IDS}")),
        IDS.to_string()
    );
    count(&mut cluster, 0, 1);
    let killed = cluster.take("b");
    killed.signal("-KILL");
    killed.gone();
    cluster.add("b");
    cluster.settled();
    all_run(&mut cluster);
    count(&mut cluster, 1, 2);
    cluster.store.history.check();
}

fn slept() {
    let mut cluster = Cluster::start(1, &["a", "b", "c"], 3);
    assert_eq!(
        cluster.node("a").tell(&format!("starts r {IDS}")),
        IDS.to_string()
    );
    count(&mut cluster, 0, 1);
    let mut slept = cluster.take("b");
    slept.signal("-STOP");
    all_run(&mut cluster);
    cluster.settled();
    // What waits in its pipe is the first thing that it does when it goes on.
    let early: Vec<_> = ids().map(|id| slept.ask(&format!("count {id}"))).collect();
    slept.signal("-CONT");
    for answer in early {
        // It was counted by the owner, or refused: never by a node that is none.
        let answer = answer.get();
        assert!(answer == "2" || answer.starts_with("error"), "{answer}");
    }
    slept.until("stage", |stage| stage == "Joined");
    cluster.nodes.push(slept);
    cluster.settled();
    all_run(&mut cluster);
    cluster.store.history.check();
}

fn without_etcd() {
    let mut cluster = Cluster::start(1, &["a", "b"], 3);
    assert_eq!(
        cluster.node("a").tell(&format!("starts r {IDS}")),
        IDS.to_string()
    );
    count(&mut cluster, 0, 1);
    cluster.etcd.pause(0);
    // Their leases end at different moments, and until then the one still serves what the other asks.
    for name in ["a", "b"] {
        cluster
            .node(name)
            .until("running", |running| running == "0");
    }
    for name in ["a", "b"] {
        let refused = cluster.node(name).tell("ensure r1");
        assert!(refused.starts_with("error NotSent"), "{refused}");
    }
    cluster.etcd.resume(0);
    cluster.settled();
    // Two nodes once differed here about one id, in a complete run on a busy machine. The lease of a
    // node's former life may end after etcd is back, and then its shards move once more.
    agreed(&mut cluster);
    all_run(&mut cluster);
    count(&mut cluster, 1, 2);
    cluster.store.history.check();
}

fn cut_off_from_etcd() {
    let mut cluster = Cluster::start(1, &["a", "b", "c"], 3);
    assert_eq!(
        cluster.node("a").tell(&format!("starts r {IDS}")),
        IDS.to_string()
    );
    count(&mut cluster, 0, 1);
    cluster.to_etcd("b", Wire::Cut);
    let mut cut = cluster.take("b");
    cut.until("running", |running| running == "0");
    all_run(&mut cluster);
    cluster.settled();
    count(&mut cluster, 1, 2);
    // It may still ask others. What it owned itself it refuses, or leaves to the owner.
    let answers: Vec<_> = ids().map(|id| cut.ask(&format!("find {id}"))).collect();
    for answer in answers {
        let answer = answer.get();
        assert!(
            answer.starts_with("running") || answer.starts_with("error NotSent"),
            "{answer}"
        );
    }
    cluster.to_etcd("b", Wire::Whole);
    cluster.nodes.push(cut);
    cluster.settled();
    all_run(&mut cluster);
    count(&mut cluster, 2, 3);
    cluster.store.history.check();
}

/// The epochs of all sessions, as a node sees them.
pub(crate) fn epochs(cluster: &mut Cluster, name: &str) -> Vec<String> {
    ids()
        .map(|id| {
            cluster
                .node(name)
                .until(&format!("find {id}"), |found| found.starts_with("running"))
        })
        .collect()
}

fn cut_off_from_a_peer() {
    let mut cluster = Cluster::start(1, &["a", "b", "c"], 3);
    assert_eq!(
        cluster.node("a").tell(&format!("starts r {IDS}")),
        IDS.to_string()
    );
    let before = epochs(&mut cluster, "c");
    cluster.to_peers("b", Wire::Cut);
    // b owns what it did, says c; for a nobody does what b owns.
    let answers: Vec<_> = ids()
        .map(|id| cluster.node("a").ask(&format!("find {id}")))
        .collect();
    let answers: Vec<_> = answers
        .into_iter()
        .map(crate::process::Answer::get)
        .collect();
    assert!(
        answers.iter().any(|answer| answer.starts_with("running")),
        "{answers:?}"
    );
    assert!(
        answers.iter().any(|answer| answer.starts_with("error")),
        "{answers:?}"
    );
    assert_eq!(epochs(&mut cluster, "c"), before);
    cluster.to_peers("b", Wire::Whole);
    assert_eq!(epochs(&mut cluster, "a"), before);
    all_run(&mut cluster);
}

fn one_way() {
    let mut cluster = Cluster::start(1, &["a", "b"], 3);
    assert_eq!(
        cluster.node("a").tell(&format!("starts r {IDS}")),
        IDS.to_string()
    );
    let before = epochs(&mut cluster, "b");
    cluster.to_peers("b", Wire::OneWay);
    // What b owns and is asked is done, and nobody hears of it.
    let answers: Vec<_> = ids()
        .map(|id| cluster.node("a").ask(&format!("count {id}")))
        .collect();
    let answers: Vec<_> = answers
        .into_iter()
        .map(crate::process::Answer::get)
        .collect();
    assert!(answers.iter().any(|answer| answer == "1"), "{answers:?}");
    assert!(
        answers.iter().any(|answer| answer.starts_with("error")),
        "{answers:?}"
    );
    cluster.to_peers("b", Wire::Whole);
    assert_eq!(epochs(&mut cluster, "a"), before);
    assert_eq!(epochs(&mut cluster, "b"), before);
    all_run(&mut cluster);
}

fn rolling_restart() {
    let mut cluster = Cluster::start(3, &["a", "b", "c"], 5);
    assert_eq!(
        cluster.node("a").tell(&format!("starts r {IDS}")),
        IDS.to_string()
    );
    for (round, name) in ["a", "b", "c"].into_iter().enumerate() {
        let mut leaving = cluster.take(name);
        assert_eq!(leaving.tell("leave"), "ok");
        drop(leaving);
        cluster.settled();
        all_run(&mut cluster);
        cluster.add(name);
        cluster.settled();
        all_run(&mut cluster);
        count(&mut cluster, round, round as u64 + 1);
    }
    cluster.store.history.check();
}

fn misfits() {
    let mut cluster = Cluster::start(1, &["a"], 2);
    let (_other, joined) = cluster.spawn("x", 65);
    let answer = joined.get();
    assert!(
        answer.contains("has 64 for") && answer.contains("this node has 65"),
        "{answer}"
    );
    let (_same, joined) = cluster.spawn("a", 64);
    let answer = joined.get();
    assert!(
        answer.contains("a node of the name a is in the cluster"),
        "{answer}"
    );
    let games = [("CLUSTER_OF_TEST", "games")];
    let (_other, joined) = cluster.spawn_with("x", 64, &games);
    let answer = joined.get();
    assert!(
        answer.contains("is the cluster \"test\", and this node is one of \"games\""),
        "{answer}"
    );
    let (_bad, joined) = cluster.spawn("A B", 64);
    let answer = joined.get();
    assert!(answer.contains("\"A B\" is not a node name"), "{answer}");
}
