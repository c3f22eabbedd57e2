//! TLS between nodes: certificates that are good, expired, or missing.
//!
//! `certs` holds an authority of its own, a certificate that is good until 2126, one that has expired, one
//! of another authority, and how they were made.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use session_supervisor_cluster::Tls;

use crate::Case;
use crate::node::{Node, connect};

pub(crate) const CASES: &[Case] = &[
    ("tls_connects", good),
    ("an_expired_certificate_is_refused", expired),
    ("a_certificate_of_another_authority_is_refused", foreign),
    ("a_peer_without_tls_is_refused", plain),
    ("a_slow_handshake_holds_up_nobody", slow),
];

/// A node with this certificate, which checks those of others.
pub(crate) fn of(certificate: &str) -> Tls {
    let (certificate, key) = match certificate {
        "good" => (
            include_str!("certs/good.pem"),
            include_str!("certs/good.key"),
        ),
        "expired" => (
            include_str!("certs/expired.pem"),
            include_str!("certs/expired.key"),
        ),
        "foreign" => (
            include_str!("certs/foreign.pem"),
            include_str!("certs/foreign.key"),
        ),
        other => panic!("no certificate {other}"),
    };
    Tls::from_pem(certificate, key, include_str!("certs/authority.pem")).expect("TLS")
}

fn good() {
    let (mut a, mut b) = (
        Node::with("a", &["tls=good"]),
        Node::with("b", &["tls=good"]),
    );
    connect(&mut [&mut a, &mut b]);
    a.echo("b");
    b.echo("a");
    let answer = a.run("flood b echo 2000 64 1000 60000");
    assert!(answer.ends_with(" done=2000"), "{answer}");
}

fn expired() {
    // Of the node that is dialled: the one that dials tells it.
    let (mut a, mut b) = (
        Node::with("a", &["tls=good"]),
        Node::with("b", &["tls=expired"]),
    );
    let peers = [a.info(), b.info()];
    a.set(&peers);
    b.set(&peers);
    let error = a.error("b", "xpired");
    assert!(error.contains(&b.address), "{error}");
    // Of the node that dials: the one that is dialled refuses it.
    let mut c = Node::with("c", &["tls=good"]);
    b.set(&[c.info()]);
    b.error("c", "certificates do not fit");
    c.logged("certificate");
    let answer = b.ask("c", "echo", 10, 1_000);
    assert!(answer.starts_with("error NotSent"), "{answer}");
    // It does not know whom it has refused, and says so of all that it waits for.
    c.set(&[b.info()]);
    c.error("b", "was refused: no TLS");
    c.lives();
}

fn foreign() {
    let (mut a, mut b) = (
        Node::with("a", &["tls=good"]),
        Node::with("b", &["tls=foreign"]),
    );
    let peers = [a.info(), b.info()];
    a.set(&peers);
    b.set(&peers);
    a.error("b", "UnknownIssuer");
    b.error("a", "was refused: no TLS");
    let answer = a.ask("b", "echo", 10, 1_000);
    assert!(answer.starts_with("error NotSent"), "{answer}");
    // The good ones go on.
    let mut c = Node::with("c", &["tls=good"]);
    connect(&mut [&mut a, &mut c]);
    a.echo("c");
    b.lives();
}

fn plain() {
    // It dials those that speak TLS.
    let (mut a, mut b) = (Node::start("a"), Node::with("b", &["tls=good"]));
    let (peers, mut c) = ([a.info(), b.info()], Node::with("c", &["tls=good"]));
    a.set(&peers);
    b.set(&peers);
    a.error("b", "handshake");
    b.error("a", "was refused: no TLS");
    connect(&mut [&mut b, &mut c]);
    b.echo("c");
    // It is dialled by them.
    let mut d = Node::start("d");
    c.set(&[b.info(), d.info()]);
    d.set(&[c.info()]);
    c.error("d", &d.address.clone());
    let answer = c.ask("d", "echo", 10, 1_000);
    assert!(answer.starts_with("error NotSent"), "{answer}");
    c.echo("b");
    a.lives();
    d.lives();
}

fn slow() {
    let (mut a, mut b) = (
        Node::with("a", &["tls=good"]),
        Node::with("b", &["tls=good"]),
    );
    let mut idle: Vec<_> = (0..20)
        .map(|_| TcpStream::connect(&b.address).expect("it listens"))
        .collect();
    connect(&mut [&mut a, &mut b]);
    a.echo("b");
    let last = idle.last_mut().expect("some");
    last.set_read_timeout(Some(Duration::from_secs(30)))
        .expect("a socket");
    drop(last.write_all(b"no hello at all"));
    let mut rest = Vec::new();
    drop(last.read_to_end(&mut rest));
    a.echo("b");
}
