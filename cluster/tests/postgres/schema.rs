//! What is opened, and what is refused as it is.

use std::thread;
use std::time::Duration;

use session_supervisor_cluster::{OpenPostgresError, PostgresOptions, PostgresStore};
use session_supervisor_store::{Part, SessionStore};

use crate::server::{self, Server};
use crate::support::{Hand, chain, ids, open, part, remember, under};

fn refused(options: PostgresOptions) -> OpenPostgresError {
    match PostgresStore::open(options) {
        Ok(store) => panic!("it is opened: {store:?}"),
        Err(error) => error,
    }
}

fn url(url: &str) -> PostgresOptions {
    url.parse().expect("a URL")
}

fn database(server: &Server, name: &str) -> String {
    format!("postgres://sessions@127.0.0.1:{}/{name}", server.port())
}

#[test]
fn of_many_that_open_at_once_one_makes_the_tables() {
    let Some(server) = server::shared() else {
        return;
    };
    let options = server.options().schema("at once \" ü").shards(8);
    thread::scope(|scope| {
        for shard in 0..8 {
            let options = &options;
            scope.spawn(move || assert_eq!(ids(&mut open(options), part(shard, 8, 1)), [""; 0]));
        }
    });
    let parts =
        Hand::on(&server).read(r#"SELECT count(*) FROM "at once "" ü".parts WHERE epoch = 1"#);
    assert_eq!(parts, "8");
}

#[test]
fn a_later_version_another_number_of_shards_and_another_hash_are_refused() {
    let Some(server) = server::shared() else {
        return;
    };
    let hand = Hand::on(&server);
    let options = server.options().schema("fits").shards(8);
    drop(open(&options));
    let error = refused(options.clone().shards(9));
    assert_eq!(
        chain(&error),
        r#"schema "fits" has 8 for the number of shards, this program has 9"#
    );
    hand.run("UPDATE fits.meta SET hash = 2");
    let error = chain(&refused(options.clone()));
    assert_eq!(
        error,
        r#"schema "fits" has 2 for the version of the hash, this program has 1"#
    );
    // Of a later version only the number is known.
    hand.run("UPDATE fits.meta SET version = 7; ALTER TABLE fits.meta DROP COLUMN hash");
    let error = refused(options.clone());
    assert!(matches!(
        error,
        OpenPostgresError::Newer {
            found: 7,
            known: 2,
            ..
        }
    ));
    assert_eq!(
        chain(&error),
        r#"schema "fits": its version is 7, this program knows up to 2"#
    );
    hand.run("DELETE FROM fits.meta");
    let error = chain(&refused(options.clone()));
    assert!(error.ends_with("its table meta is empty"), "{error}");
    hand.run("ALTER TABLE fits.meta DROP COLUMN version");
    assert!(matches!(
        refused(options),
        OpenPostgresError::NotAStore { .. }
    ));
}

#[test]
fn a_schema_of_something_else_is_left_as_it_is() {
    let Some(server) = server::shared() else {
        return;
    };
    let hand = Hand::on(&server);
    hand.run("CREATE SCHEMA other; CREATE TABLE other.sessions (who text)");
    let error = refused(server.options().schema("other"));
    assert!(
        matches!(&error, OpenPostgresError::NotAStore { .. }),
        "{}",
        chain(&error)
    );
    let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'other'";
    assert_eq!(hand.read(tables), "1");
    hand.run("CREATE DATABASE bytes ENCODING 'SQL_ASCII' TEMPLATE template0");
    let error = chain(&refused(url(&database(&server, "bytes"))));
    assert!(error.contains("SQL_ASCII, not UTF8"), "{error}");
}

#[test]
fn a_user_without_rights_opens_a_schema_that_was_made_for_it() {
    let Some(server) = server::shared() else {
        return;
    };
    let hand = Hand::on(&server);
    hand.run("CREATE ROLE app LOGIN PASSWORD 'app'");
    let app = url(&format!(
        "postgres://app:app@127.0.0.1:{}/postgres",
        server.port()
    ));
    let error = chain(&refused(app.clone().schema("not_there")));
    assert!(error.contains("permission denied for database"), "{error}");
    hand.run("CREATE SCHEMA for_app AUTHORIZATION app");
    assert_eq!(ids(&mut open(&app.schema("for_app")), Part::ALL), [""; 0]);
}

#[test]
fn one_that_cannot_connect_is_told_why() {
    let Some(server) = server::shared() else {
        return;
    };
    Hand::on(&server).run("CREATE ROLE guest LOGIN PASSWORD 'secret'");
    let guest = |password| {
        format!(
            "postgres://guest:{password}@127.0.0.1:{}/postgres",
            server.port()
        )
    };
    let error = chain(&refused(url(&guest("guess"))));
    let expected = format!(
        "no connection to PostgreSQL at 127.0.0.1:{}/postgres: ",
        server.port()
    );
    assert!(error.starts_with(&expected), "{error}");
    assert!(error.contains("password authentication failed"), "{error}");
    assert!(!error.contains("guess"), "{error}");
    assert!(!format!("{:?}", url(&guest("guess"))).contains("guess"));
    // This one is let in, and has no rights.
    let error = chain(&refused(url(&guest("secret"))));
    assert!(error.contains("permission denied"), "{error}");
    let error = chain(&refused(url(&database(&server, "nowhere"))));
    assert!(
        error.contains(r#"database "nowhere" does not exist"#),
        "{error}"
    );
    let error = chain(&refused(url(&format!("{}?sslmode=require", server.url()))));
    assert!(error.contains("TLS"), "{error}");
    let error = chain(&refused(url("postgres://sessions@127.0.0.1:1/postgres")));
    assert!(error.contains("refused"), "{error}");
    assert!(matches!(
        refused(url("user=sessions")),
        OpenPostgresError::Connect { .. }
    ));
}

#[test]
fn options_out_of_their_bounds_are_refused_before_anything_is_asked() {
    let nowhere = || url("postgres://sessions@127.0.0.1:1/postgres");
    for options in [
        nowhere().schema(""),
        nowhere().schema("x".repeat(64)),
        nowhere().schema("a\0b"),
        nowhere().shards(0),
        nowhere().shards(4_097),
        nowhere().timeout(Duration::from_millis(99)),
        nowhere().timeout(Duration::MAX),
    ] {
        let error = refused(options);
        assert!(
            matches!(error, OpenPostgresError::Options { .. }),
            "{}",
            chain(&error)
        );
    }
    let error = "http://x"
        .parse::<PostgresOptions>()
        .expect_err("no URL of PostgreSQL");
    assert!(matches!(error, OpenPostgresError::Options { .. }));
}

#[test]
fn within_a_runtime_it_is_opened_and_dropped_and_refuses_to_block() {
    let Some(server) = server::shared() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let mut store = open(&server.options().shards(4));
        let error = store
            .apply(&under(0, [remember("a", 1)]))
            .expect_err("it would block");
        assert!(chain(&error).contains("cannot be called within a runtime"));
    });
}

#[test]
fn a_part_of_another_division_is_refused() {
    let Some(server) = server::shared() else {
        return;
    };
    let mut store = open(&server.options().shards(4));
    let error = store
        .load(part(0, 8, 1), &mut |_| ())
        .expect_err("there are 4");
    assert!(chain(&error).contains("the store has 4 shards, 8 were asked for"));
}
