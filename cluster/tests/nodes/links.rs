//! Nodes that speak TLS with each other, and nodes that do not fit in: another certificate, another
//! cookie, no TLS.

use session_supervisor_cluster::Tls;

use crate::Case;
use crate::cluster::{Cluster, Setting};

pub(crate) const CASES: &[Case] = &[
    ("nodes_over_tls_do_all_that_others_do", over_tls),
    (
        "a_certificate_that_no_peer_accepts_is_refused_at_the_join",
        bad_certificates,
    ),
    ("a_node_without_tls_is_seen_and_harms_nobody", without_tls),
    (
        "a_node_with_another_cookie_is_seen_and_harms_nobody",
        cookie,
    ),
];

const TLS: &[Setting] = &[("TLS_OF_TEST", "good")];

/// Of a node of this process.
pub(crate) fn tls(certificate: &str) -> Tls {
    let (certificate, key) = match certificate {
        "good" => (
            include_str!("../gateway/certs/good.pem"),
            include_str!("../gateway/certs/good.key"),
        ),
        "expired" => (
            include_str!("../gateway/certs/expired.pem"),
            include_str!("../gateway/certs/expired.key"),
        ),
        "foreign" => (
            include_str!("../gateway/certs/foreign.pem"),
            include_str!("../gateway/certs/foreign.key"),
        ),
        other => panic!("no certificate {other}"),
    };
    let authority = include_str!("../gateway/certs/authority.pem");
    Tls::from_pem(certificate, key, authority).expect("TLS")
}

fn ids() -> impl Iterator<Item = String> {
    (0..40).map(|n| format!("r{n}"))
}

/// Each node reaches every session.
fn all_are_reached(cluster: &mut Cluster, counts: u64) {
    for node in 0..cluster.nodes.len() {
        let answers: Vec<_> = ids()
            .map(|id| cluster.nodes[node].ask(&format!("count {id}")))
            .collect();
        for (id, answer) in ids().zip(answers) {
            let expected = counts + node as u64 + 1;
            assert_eq!(answer.get(), expected.to_string(), "{id}");
        }
    }
    cluster.store.history.check();
}

fn over_tls() {
    let mut cluster = Cluster::start_with(1, &["a", "b"], 3, TLS);
    assert_eq!(cluster.node("b").tell("starts r 40"), "40");
    all_are_reached(&mut cluster, 0);
    // One comes, and one is killed.
    cluster.add("c");
    cluster.settled();
    all_are_reached(&mut cluster, 2);
    let killed = cluster.take("a");
    killed.signal("-KILL");
    killed.gone();
    cluster.settled();
    for id in ids() {
        let found = |found: &str| found.starts_with("running");
        cluster.node("b").until(&format!("find {id}"), found);
    }
    all_are_reached(&mut cluster, 5);
}

fn bad_certificates() {
    let mut cluster = Cluster::start_with(1, &["a"], 3, TLS);
    for (certificate, text) in [("expired", "expired"), ("foreign", "UnknownIssuer")] {
        let (_node, joined) = cluster.spawn_with("b", 64, &[("TLS_OF_TEST", certificate)]);
        let answer = joined.get();
        assert!(
            answer.contains("no peer accepts the certificate of this node"),
            "{answer}"
        );
        assert!(answer.contains(text), "{answer}");
    }
    let nodes = cluster.node("a").tell("status");
    assert!(!nodes.contains("node b"), "{nodes}");
}

/// `x` joins and is connected with nobody. All say so, and when it has left all is as it was.
fn is_seen(cluster: &mut Cluster, settings: &[Setting], text: &str) {
    assert_eq!(cluster.node("a").tell("starts r 40"), "40");
    let (mut other, joined) = cluster.spawn_with("x", 64, settings);
    assert_eq!(joined.get(), "ok");
    // The nodes of lower names dial it, and know whom they have dialled.
    for name in ["a", "b"] {
        let seen =
            |status: &str| status.contains("node x is not connected") && status.contains(text);
        cluster.node(name).until("status", seen);
    }
    other.until("status", |status| {
        ["a", "b"].iter().all(|name| {
            let of = format!("node {name} is not connected: a connection from");
            status.contains(&of)
        })
    });
    assert_eq!(other.tell("leave"), "ok");
    drop(other);
    cluster.settled();
    for id in ids() {
        let found = |found: &str| found.starts_with("running");
        cluster.node("a").until(&format!("find {id}"), found);
    }
    all_are_reached(cluster, 0);
}

fn without_tls() {
    let mut cluster = Cluster::start_with(1, &["a", "b"], 3, TLS);
    is_seen(&mut cluster, &[], "tls handshake eof");
}

fn cookie() {
    let mut cluster = Cluster::start(1, &["a", "b"], 3);
    let other = &[("COOKIE_OF_TEST", "another one")];
    is_seen(&mut cluster, other, "as it is if the cookies");
}
