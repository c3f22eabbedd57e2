//! What works: finding each other, asking, many requests at once, new incarnations.

use crate::Case;
use crate::node::{Node, connect, pair};

pub(crate) const CASES: &[Case] = &[
    ("two_nodes_find_and_ask_each_other", two_nodes),
    ("three_nodes_are_a_full_mesh", three_nodes),
    ("ten_thousand_requests_at_once", ten_thousand),
    ("a_new_incarnation_is_found", new_incarnation),
    (
        "a_new_incarnation_is_found_while_the_old_one_hangs",
        new_incarnation_beside_the_old,
    ),
    ("both_dial_at_once", both_dial),
    ("a_node_that_is_not_there_yet_is_found_later", later),
];

fn two_nodes() {
    let (mut a, mut b) = pair();
    a.echo("b");
    b.echo("a");
    assert_eq!(a.ask("b", "from", 0, 20_000), "a");
    assert_eq!(b.ask("a", "from", 0, 20_000), "b");
    // The largest that fits, and nothing.
    let most = (1 << 20) - 64;
    assert!(
        a.ask("b", "echo", most, 20_000)
            .starts_with(&format!("reply {most} "))
    );
    assert!(a.ask("b", "echo", 0, 20_000).starts_with("reply 0 "));
    let status = a.status();
    assert!(
        status.contains("state: Up") && status.contains("in_flight: 0"),
        "{status}"
    );
    let unknown = a.ask("x", "echo", 1, 1_000);
    assert!(
        unknown.starts_with("error NotSent: node x is not known"),
        "{unknown}"
    );
    // Both are told that the other is gone.
    a.set(&[]);
    b.down("a");
    let gone = b.ask("a", "echo", 1, 1_000);
    assert!(
        gone.starts_with("error NotSent: node a is not connected"),
        "{gone}"
    );
}

fn three_nodes() {
    let (mut a, mut b, mut c) = (Node::start("a"), Node::start("b"), Node::start("c"));
    connect(&mut [&mut a, &mut b, &mut c]);
    for (node, others) in [
        (&mut a, ["b", "c"]),
        (&mut b, ["a", "c"]),
        (&mut c, ["a", "b"]),
    ] {
        others.iter().for_each(|other| node.echo(other));
    }
}

fn ten_thousand() {
    // On a busy machine a sign of life may take its time among so many.
    let pulse = &["pulse=2000"];
    let (mut a, mut b) = (Node::with("a", pulse), Node::with("b", pulse));
    connect(&mut [&mut a, &mut b]);
    let there = a.begin("flood b echo 10000 256 100 60000");
    let back = b.begin("flood a echo 10000 256 100 60000");
    let answers = [a.end(there), b.end(back)];
    for answer in answers {
        assert!(answer.ends_with(" done=10000"), "{answer}");
    }
    // More than may be in flight, and than may wait.
    let answer = a.run("flood b echo 6000 6000 100 60000");
    let refused = "NotSent: 4096 requests to node b wait already=";
    let counts: Vec<_> = answer
        .split_once(' ')
        .expect("counts")
        .1
        .split("; ")
        .collect();
    let sum: u64 = counts
        .iter()
        .map(|count| {
            let (what, count) = count.rsplit_once('=').expect("a count");
            assert!(what == "done" || refused.starts_with(what), "{answer}");
            count.parse::<u64>().expect("a number")
        })
        .sum();
    assert_eq!(sum, 6_000);
    let status = a.status();
    assert!(status.contains("in_flight: 0, waiting: 0"), "{status}");
}

fn new_incarnation() {
    let (mut a, mut b) = pair();
    for incarnation in 2..5 {
        b.kill();
        a.down("b");
        b = Node::with("b", &[&format!("incarnation={incarnation}")]);
        connect(&mut [&mut a, &mut b]);
        a.echo("b");
        b.echo("a");
    }
    let status = a.status();
    assert!(status.contains("incarnation: Incarnation(4)"), "{status}");
}

fn new_incarnation_beside_the_old() {
    // Both ways: the node that comes anew is the one that is dialled, and the one that dials.
    for (stays, anew) in [("a", "b"), ("b", "a")] {
        let (mut one, mut old) = (Node::start(stays), Node::start(anew));
        connect(&mut [&mut one, &mut old]);
        old.signal("STOP");
        let mut new = Node::with(anew, &["incarnation=2"]);
        connect(&mut [&mut one, &mut new]);
        one.echo(anew);
        new.echo(stays);
        // The old one wakes up, and does no harm.
        old.signal("CONT");
        old.down(stays);
        one.echo(anew);
        new.echo(stays);
    }
}

fn both_dial() {
    for _ in 0..5 {
        let (mut a, mut b) = (Node::start("a"), Node::start("b"));
        let (to_a, to_b) = (a.info(), b.info());
        // b is told of a node c at the address of a, so that it dials that too.
        let c = format!("c={}#1", a.address);
        let first = a.begin(&format!("set {to_b}"));
        let second = b.begin(&format!("set {to_a} {c}"));
        a.end(first);
        b.end(second);
        a.up("b");
        b.up("a");
        let error = b.error("c", "answers at its address");
        assert!(error.contains("node a in incarnation 1 answers"), "{error}");
        // One of the two connections is given up, and for a moment it may be the one in use.
        a.echo_soon("b");
        b.echo_soon("a");
    }
}

fn later() {
    let mut a = Node::start("a");
    // A port on which nothing listens.
    a.set(&["b=127.0.0.1:1#1".to_owned()]);
    a.error("b", "refused");
    let mut b = Node::start("b");
    // Only a is told: b learns of a later, and the connection waits for that.
    a.set(&[b.info()]);
    a.up("b");
    a.echo("b");
    b.set(&[a.info()]);
    b.up("a");
    b.echo("a");
}
