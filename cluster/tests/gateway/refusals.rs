//! What is refused: other cookies, clusters, protocols and settings, garbage, strangers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::Case;
use crate::node::{Node, connect, pair};

pub(crate) const CASES: &[Case] = &[
    ("another_cookie_is_refused", cookie),
    ("another_cluster_is_refused", cluster),
    ("other_settings_are_refused", settings),
    ("garbage_from_tcp_clients_harms_nobody", garbage),
    ("silent_tcp_clients_are_closed", idle),
    ("a_gateway_that_answers_garbage_is_refused", garbage_gateway),
    ("answers_of_garbage_are_errors", half_garbage),
    ("a_gateway_that_answers_nothing_is_refused", mute),
    ("a_gateway_of_another_version_is_refused", old),
    ("a_peer_that_sends_garbage_is_answered_so", sender),
    ("a_gateway_that_says_it_is_another_is_refused", liar),
    ("the_port_of_ractor_itself_is_closed", other_port),
];

/// `other` and `b` are told of each other, and `b` of a good `a` as well.
fn refused(settings: &[&str], text: &str) {
    // Both ways: the one that dials, and the one that is dialled.
    for other in ["0", "x"] {
        let mut good = [Node::start("a"), Node::start("b")];
        let [a, b] = &mut good;
        let mut other = Node::with(other, settings);
        let peers = [a.info(), b.info(), other.info()];
        for node in [&mut *a, b, &mut other] {
            node.set(&peers);
        }
        a.up("b");
        b.up("a");
        let name = other.name.clone();
        if text == "cookies" {
            // Only the side that dials can know to whom.
            let (dials, dialled, refuses) = match name.as_str() {
                "0" => (&mut other, "b", b),
                name => (b, name, &mut other),
            };
            dials.error(dialled, text);
            dials.logged("as it is if the cookies");
            refuses.logged("a connection has ended in its handshake");
            // It does not know whom it has refused, and says so of all that it waits for.
            let dialler = if name == "0" { "0" } else { "b" };
            refuses.error(dialler, "as it does if the cookies do not fit");
        } else {
            // Both sides tell both names and both values, whichever has found it first.
            let errors = [b.error(&name, text), other.error("b", text)];
            b.logged(text);
            for error in errors {
                assert!(error.contains(&format!("node {name} ")), "{error}");
                assert!(error.contains("node b "), "{error}");
            }
        }
        let [a, b] = &mut good;
        let answer = b.ask(&name, "echo", 10, 1_000);
        assert!(answer.starts_with("error NotSent"), "{answer}");
        let answer = other.ask("a", "echo", 10, 1_000);
        assert!(answer.starts_with("error NotSent"), "{answer}");
        a.echo("b");
        b.echo("a");
        other.lives();
    }
}

fn cookie() {
    refused(&["cookie=another"], "cookies");
}

fn cluster() {
    refused(&["cluster=c2"], "belongs to cluster");
}

fn settings() {
    refused(&["protocol=2"], "protocol version");
    refused(&["shards=64"], "shard count");
    refused(&["hash=2"], "hash version");
}

/// The next of a series of random numbers (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

fn garbage() {
    let (mut a, mut b) = pair();
    let before = resident(&mut b);
    let mut random = Random(1);
    for round in 0..200 {
        let mut stream = TcpStream::connect(&b.address).expect("it listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a socket");
        let length: u64 = match round % 5 {
            // The largest length that there is, and others that are not kept.
            0 => u64::MAX,
            1 => 5 << 20,
            2 => 100,
            3 => 1,
            _ => random.next() % 4_096,
        };
        drop(stream.write_all(&length.to_be_bytes()));
        let bytes: Vec<_> = (0..512).flat_map(|_| random.next().to_be_bytes()).collect();
        drop(stream.write_all(&bytes));
        if round % 5 < 2 {
            // It is closed because of its length alone.
            let mut rest = Vec::new();
            drop(stream.read_to_end(&mut rest));
        }
    }
    a.echo("b");
    b.echo("a");
    b.lives();
    let grown = resident(&mut b).saturating_sub(before);
    assert!(grown < 64 << 10, "{grown} KiB");
}

fn resident(node: &mut Node) -> u64 {
    node.run("rss").parse().expect("a number")
}

fn idle() {
    let (mut a, mut b) = pair();
    // More than there may be; and they say nothing.
    let mut streams: Vec<_> = (0..200)
        .map(|_| TcpStream::connect(&b.address).expect("it listens"))
        .collect();
    a.echo("b");
    // All are closed by the other side, the last ones at once.
    for stream in &mut streams {
        stream
            .set_read_timeout(Some(Duration::from_secs(30)))
            .expect("a socket");
        let mut rest = Vec::new();
        let closed = stream.read_to_end(&mut rest);
        let reset = |error: &std::io::Error| error.kind() == std::io::ErrorKind::ConnectionReset;
        assert!(
            closed.as_ref().is_ok() || closed.as_ref().is_err_and(reset),
            "{closed:?}"
        );
    }
    // There is a place for a node again.
    let mut c = Node::start("c");
    connect(&mut [&mut a, &mut b, &mut c]);
    c.echo("b");
}

/// `b` is strange, and `a` a node like any other.
fn strange(what: &str) -> (Node, Node) {
    let (mut a, b) = (
        Node::start("a"),
        Node::with("b", &[&format!("strange={what}")]),
    );
    a.set(&[b.info()]);
    (a, b)
}

fn garbage_gateway() {
    let (mut a, _b) = strange("garbage");
    a.error("b", "garbage");
    let answer = a.ask("b", "echo", 10, 1_000);
    assert!(answer.starts_with("error NotSent"), "{answer}");
    let mut c = Node::start("c");
    connect(&mut [&mut a, &mut c]);
    a.echo("c");
}

fn half_garbage() {
    let (mut a, _b) = strange("half");
    a.up("b");
    for _ in 0..50 {
        let answer = a.ask("b", "echo", 10, 20_000);
        assert!(answer.starts_with("error Unknown: no frame"), "{answer}");
    }
    a.lives();
}

fn mute() {
    let (mut a, _b) = strange("mute");
    let error = a.error("b", "has not answered");
    assert!(error.contains("gateway"), "{error}");
}

fn old() {
    let (mut a, _b) = strange("old");
    a.error("b", "version 2");
}

fn sender() {
    let (mut a, mut b) = strange("sender");
    let answer = b.end(1);
    assert_eq!(answer.matches("BadRequest").count(), 1, "{answer}");
    assert!(answer.contains("\"BadRequest\": 299"), "{answer}");
    assert!(answer.contains("\"TooLarge\": 1"), "{answer}");
    a.logged("a request of a peer is refused");
    let mut c = Node::start("c");
    connect(&mut [&mut a, &mut c]);
    c.echo("a");
}

fn liar() {
    let (mut a, _b) = strange("liar");
    a.error("b", "node b answers in incarnation 7, and not in 1");
    let answer = a.ask("b", "echo", 10, 1_000);
    assert!(answer.starts_with("error NotSent"), "{answer}");
}

fn other_port() {
    let (mut a, mut b) = (Node::start("a"), Node::start("b"));
    let ports = b.run("ports");
    let ours = b.address.split_once(':').expect("a port").1.to_owned();
    let others: Vec<_> = ports.split(' ').filter(|port| *port != ours).collect();
    assert_eq!(others.len(), 1, "{ports}");
    a.set(&[format!("b=127.0.0.1:{}#1", others[0])]);
    b.set(&[a.info()]);
    a.error("b", "handshake");
    b.logged("it was not accepted by the gateway");
    let answer = a.ask("b", "echo", 10, 1_000);
    assert!(answer.starts_with("error NotSent"), "{answer}");
    connect(&mut [&mut a, &mut b]);
    a.echo("b");
}
