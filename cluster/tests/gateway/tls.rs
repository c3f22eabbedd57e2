//! TLS between nodes: certificates that are good, expired, or missing.
//!
//! `certs` holds an authority of its own, a certificate that is good until 2126, one that has expired,
//! and how they were made.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use session_supervisor_cluster::gateway::Tls;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::Case;
use crate::node::{Node, connect};

pub(crate) const CASES: &[Case] = &[
    ("tls_connects", good),
    ("an_expired_certificate_is_refused", expired),
    ("a_peer_without_tls_is_refused", plain),
    ("a_slow_handshake_holds_up_nobody", slow),
];

/// Both sides with this certificate, and each checks the other's.
pub(crate) fn of(certificate: &str) -> Tls {
    let (certificate, key) = match certificate {
        "good" => (
            &include_bytes!("certs/good.pem")[..],
            &include_bytes!("certs/good.key")[..],
        ),
        "expired" => (
            &include_bytes!("certs/expired.pem")[..],
            &include_bytes!("certs/expired.key")[..],
        ),
        other => panic!("no certificate {other}"),
    };
    let chain = || vec![CertificateDer::from_pem_slice(certificate).expect("a certificate")];
    let key = || PrivateKeyDer::from_pem_slice(key).expect("a key");
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(include_bytes!("certs/authority.pem"));
    roots
        .add(authority.expect("a certificate"))
        .expect("an authority");
    let roots = Arc::new(roots);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier.build().expect("a verifier"))
        .with_single_cert(chain(), key())
        .expect("its certificate");
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_client_auth_cert(chain(), key())
        .expect("its certificate");
    Tls::new(Arc::new(server), Arc::new(client))
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
    c.lives();
}

fn plain() {
    let (mut a, mut b) = (Node::start("a"), Node::with("b", &["tls=good"]));
    let (peers, mut c) = ([a.info(), b.info()], Node::with("c", &["tls=good"]));
    a.set(&peers);
    a.error("b", "handshake");
    connect(&mut [&mut b, &mut c]);
    b.echo("c");
    a.lives();
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
