//! Peers that die, hang and come back.

use std::time::{Duration, Instant};

use crate::Case;
use crate::node::{Node, connect, pair};

pub(crate) const CASES: &[Case] = &[
    ("kill_with_requests_in_flight", killed),
    ("a_peer_that_hangs_harms_no_other", hangs),
    (
        "a_peer_that_hangs_for_long_is_connected_anew",
        hangs_for_long,
    ),
    ("a_peer_that_hangs_costs_bounded_memory", bounded),
];

fn killed() {
    let (mut a, mut b) = pair();
    let slow = a.begin("flood b slow 200 200 1000 60000");
    // They are there when one of them is seen to be in flight behind the others.
    while !a.status().contains("in_flight: 200") {}
    let began = Instant::now();
    b.kill();
    let answer = a.end(slow);
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "long before their timeouts"
    );
    let told = "Unknown: the connection to node b has ended=200";
    assert!(answer.ends_with(told), "{answer}");
    a.down("b");
    let answer = a.ask("b", "echo", 10, 1_000);
    assert!(
        answer.starts_with("error NotSent: node b is not connected"),
        "{answer}"
    );
}

fn hangs() {
    let (mut a, mut b, mut c) = (Node::start("a"), Node::start("b"), Node::start("c"));
    connect(&mut [&mut a, &mut b, &mut c]);
    b.signal("STOP");
    let answer = a.ask("b", "echo", 10, 300);
    assert!(
        answer.starts_with("error Unknown: node b has not answered in time"),
        "{answer}"
    );
    a.echo("c");
    // After three pulses, it is not even asked.
    loop {
        let answer = a.ask("b", "echo", 10, 100);
        if answer.starts_with("error NotSent: node b has not answered anything for ") {
            break;
        }
        assert!(
            answer.starts_with("error Unknown: node b has not answered in time"),
            "{answer}"
        );
        a.echo("c");
    }
    b.signal("CONT");
    loop {
        let answer = a.ask("b", "echo", 10, 20_000);
        if answer.starts_with("reply ") {
            break;
        }
        assert!(answer.starts_with("error NotSent: "), "{answer}");
    }
    a.echo("c");
    b.echo("a");
}

fn hangs_for_long() {
    // Both ways: the one that hangs is dialled, and dials.
    for (stays, stops) in [("a", "b"), ("b", "a")] {
        let (mut one, mut other) = (Node::start(stays), Node::start(stops));
        connect(&mut [&mut one, &mut other]);
        other.signal("STOP");
        one.down(stops);
        let answer = one.ask(stops, "echo", 10, 1_000);
        assert!(answer.starts_with("error NotSent: "), "{answer}");
        other.signal("CONT");
        one.up(stops);
        other.up(stays);
        loop {
            // It may be connected twice until both have seen the end of the first one.
            let answer = one.ask(stops, "echo", 10, 20_000);
            if answer.starts_with("reply ") {
                break;
            }
        }
    }
}

fn bounded() {
    // With a pulse of 10 s: it is never found to be silent, only the places bound what is sent.
    let slow = ["pulse=10000"];
    let (mut a, mut b) = (Node::with("a", &slow), Node::with("b", &slow));
    connect(&mut [&mut a, &mut b]);
    a.echo("b");
    b.signal("STOP");
    // What is queued then stays queued; and so does what the allocator keeps.
    let answer = a.run("flood b echo 200 100 1000000 50");
    assert!(!answer.contains("done"), "{answer}");
    let before: u64 = a.run("rss").parse().expect("a number");
    // 1,000 MB, if all were sent. The callers give up soon.
    let answer = a.run("flood b echo 1000 100 1000000 50");
    let told = "NotSent: node b has not answered in time=1000";
    assert!(answer.ends_with(told), "{answer}");
    let after: u64 = a.run("rss").parse().expect("a number");
    assert!(
        after.saturating_sub(before) < 200 << 10,
        "from {before} to {after} KiB"
    );
    b.signal("CONT");
    a.echo_soon("b");
}
