//! What a node does with requests that are slow, that panic, that are too many or too large.

use crate::Case;
use crate::node::{Node, connect, pair};

pub(crate) const CASES: &[Case] = &[
    ("a_request_ends_at_its_deadline", deadline),
    ("a_panic_is_answered", panics),
    ("beyond_the_limit_nobody_serves_now", limit),
    (
        "messages_without_an_answer_keep_no_look_up_waiting",
        looks_on,
    ),
    ("a_huge_frame_is_not_sent", huge),
];

fn deadline() {
    let (mut a, mut b) = pair();
    let answer = a.ask("b", "slow", 10, 5_000);
    // The peer's own answer: the caller has not even waited for all of its time.
    assert!(answer.contains("kind: TimedOut"), "{answer}");
    // No other request waits for it.
    let slow = a.begin("ask b slow 10 5000");
    a.echo("b");
    assert!(a.end(slow).contains("kind: TimedOut"));
    b.lives();
    // No time at all.
    let answer = a.ask("b", "slow", 10, 0);
    let in_vain = answer.starts_with("error ") && answer.contains("in time");
    // Or the peer was quicker to say so.
    assert!(in_vain || answer.contains("kind: TimedOut"), "{answer}");
    a.echo("b");
}

fn panics() {
    let (mut a, mut b) = pair();
    for _ in 0..3 {
        let answer = a.ask("b", "panic", 10, 20_000);
        assert!(
            answer.contains("kind: Panicked, text: \"on purpose\""),
            "{answer}"
        );
    }
    a.echo("b");
    b.lives();
}

fn limit() {
    let (mut a, mut b) = (Node::start("a"), Node::with("b", &["serving=10"]));
    connect(&mut [&mut a, &mut b]);
    // If an echo has a place when they come, nine of them have the others, and one place stays free.
    let is_reached = (0..10).any(|_| {
        let slow = a.begin("flood b slow 20 20 10 5000");
        let is_refused = (0..1_000).any(|_| {
            let answer = a.ask("b", "echo", 10, 20_000);
            let is_refused = answer.contains("NobodyNow { retry_after_ms: 100 }");
            assert!(is_refused || answer.starts_with("reply "), "{answer}");
            is_refused
        });
        let slow = a.end(slow);
        let in_vain = slow.contains("kind: TimedOut") || slow.contains("in time");
        assert!(in_vain, "{slow}");
        is_refused
    });
    assert!(is_reached);
    // Signs of life are answered at any load, so it is still up, and not silent.
    a.echo("b");
    assert!(a.status().contains("state: Up"));
}

fn looks_on() {
    let found = |node: &mut Node| {
        let answer = node.run("look b 20000");
        assert_eq!(answer, "answer Done(Found(None))");
    };
    // All places of the one that asks are taken, and others wait for them. Then so many bytes are on their
    // way as there can be.
    for flood in ["20 20 10", "40 40 1000000"] {
        let settings = ["in_flight=10", "waiting=10"];
        let settings = if flood.starts_with("20") {
            &settings[..]
        } else {
            &[]
        };
        let (mut a, mut b) = (Node::with("a", settings), Node::start("b"));
        connect(&mut [&mut a, &mut b]);
        a.begin(&format!("flood b slow {flood} 600000"));
        while a.status().contains("waiting: 0") {}
        found(&mut a);
    }
    // All places of the one that is asked are taken, by another one.
    let (mut a, mut b) = (Node::start("a"), Node::with("b", &["serving=10"]));
    let mut c = Node::start("c");
    connect(&mut [&mut a, &mut b, &mut c]);
    // So many that a place which the other one leaves is taken again.
    c.begin("flood b slow 300000 20 10 600000");
    while !a.ask("b", "slow", 10, 1_000).contains("NobodyNow") {}
    found(&mut a);
}

fn huge() {
    let (mut a, mut b) = pair();
    for bytes in [1 << 20, 10 << 20] {
        let answer = a.ask("b", "echo", bytes, 20_000);
        assert!(answer.starts_with("error NotSent: no frame"), "{answer}");
        assert!(answer.contains("more than 1048576"), "{answer}");
        let size = answer.split_once("the frame has ").expect("a size").1;
        let size: usize = size
            .split_once(' ')
            .expect("a size")
            .0
            .parse()
            .expect("a number");
        assert!((bytes + 20..bytes + 60).contains(&size), "{answer}");
    }
    let answer = a.ask("b", "huge", 10, 20_000);
    assert!(answer.contains("kind: AnswerTooLarge"), "{answer}");
    a.echo("b");
    b.echo("a");
}
