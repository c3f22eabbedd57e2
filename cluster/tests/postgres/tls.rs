//! A server that lets nobody in but by TLS: it is talked to where its certificate is trusted, and
//! otherwise it is said what is wrong.

use std::error::Error;
use std::sync::Arc;

use session_supervisor_cluster::{OpenPostgresError, PostgresOptions, PostgresStore};
use session_supervisor_store::{Part, SessionStore};
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::server::{self, Server};
use crate::support::{chain, ids, open, remember, under};

const CERTIFICATE: &str = include_str!("../gateway/certs/good.pem");
const KEY: &str = include_str!("../gateway/certs/good.key");
const AUTHORITY: &str = include_str!("../gateway/certs/authority.pem");
const STRANGER: &str = include_str!("../gateway/certs/other-authority.pem");

fn trusting(authority: &str) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.as_bytes());
    roots.add(authority.expect("PEM")).expect("an authority");
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

fn refused(options: PostgresOptions) -> (OpenPostgresError, String) {
    let error = PostgresStore::open(options).expect_err("it is refused");
    let told = chain(&error);
    (error, told)
}

#[test]
fn over_tls_it_is_a_store_and_connects_anew() {
    let Some(mut server) = Server::start_with_tls(CERTIFICATE, KEY) else {
        return;
    };
    let options = server.options().tls(trusting(AUTHORITY));
    assert!(format!("{options:?}").contains("tls: true"), "{options:?}");
    let mut store = open(&options);
    store.apply(&under(0, [remember("a", 1)])).expect("a write");
    server.kill();
    let error = store.apply(&under(0, [remember("b", 1)]));
    let told = chain(&error.expect_err("it is gone"));
    assert!(told.contains("cannot be reached"), "{told}");
    server.start_again();
    store.apply(&under(0, [remember("c", 1)])).expect("a write");
    assert_eq!(ids(&mut store, Part::ALL), ["a", "c"]);
}

#[test]
fn a_server_that_is_not_trusted_or_lets_nobody_in_without_tls_is_told() {
    let Some(server) = Server::start_with_tls(CERTIFICATE, KEY) else {
        return;
    };
    let (error, told) = refused(server.options().tls(trusting(STRANGER)));
    assert!(
        matches!(error, OpenPostgresError::Connect { .. }),
        "{error:?}"
    );
    assert!(told.contains("UnknownIssuer"), "{told}");

    let (host, port) = ("host=elsewhere hostaddr=127.0.0.1", server.port());
    let elsewhere = format!("{host} port={port} user={}", server::USER);
    let elsewhere: PostgresOptions = elsewhere.parse().expect("pairs");
    let (_, told) = refused(elsewhere.tls(trusting(AUTHORITY)));
    assert!(told.contains("not valid for name \"elsewhere\""), "{told}");

    let (error, told) = refused(server.options());
    assert!(
        matches!(error, OpenPostgresError::NoTls { .. }),
        "{error:?}"
    );
    let text = format!(
        "PostgreSQL at 127.0.0.1:{port}/postgres does not let this program in without TLS, and none was given"
    );
    assert!(told.starts_with(&text), "{told}");
    assert!(error.source().is_some(), "what the server says");
}

#[test]
fn with_tls_nothing_is_sent_to_a_server_that_has_none() {
    let Some(server) = server::shared() else {
        return;
    };
    let (error, told) = refused(server.options().tls(trusting(AUTHORITY)));
    assert!(
        matches!(error, OpenPostgresError::Connect { .. }),
        "{error:?}"
    );
    assert!(told.contains("server does not support TLS"), "{told}");
}

#[test]
fn a_url_that_says_otherwise_than_the_options_is_refused() {
    let url = |mode: &str| {
        let url = format!("postgres://sessions@127.0.0.1:1/postgres?sslmode={mode}");
        url.parse::<PostgresOptions>().expect("a URL")
    };
    let (error, told) = refused(url("require"));
    assert!(
        matches!(error, OpenPostgresError::Options { .. }),
        "{error:?}"
    );
    assert!(
        told.contains("sslmode=require, and no TLS was given"),
        "{told}"
    );
    let (_, told) = refused(url("disable").tls(trusting(AUTHORITY)));
    assert!(
        told.contains("sslmode=disable, and TLS was given"),
        "{told}"
    );
}
