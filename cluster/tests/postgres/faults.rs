//! Servers that are killed, hang, or end a connection: an error in time for those who wait, nothing
//! acknowledged is lost, and it goes on by itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use session_supervisor_cluster::PostgresStore;
use session_supervisor_store::{Change, Entry, Part, SessionStore, StoreError};

use crate::server::{Server, shared, signal, until};
use crate::support::{Hand, chain, ids, open, part, remember, save, under};

/// How many times a server is killed in the middle of writes.
const ROUNDS: u64 = 4;

#[test]
fn a_server_that_is_killed_loses_nothing_that_was_acknowledged() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let mut store = open(&server.options().shards(16));
    let done = AtomicU64::new(0);
    let (mut failed, mut all) = (0_u32, Vec::new());
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut acknowledged = Vec::new();
            for number in 1.. {
                let id = format!("s{number}");
                let state = number.to_string();
                let changes = under(
                    1,
                    [remember(&id, number), save(&id, number, state.as_bytes())],
                );
                // As the journal does: what failed is tried again.
                while let Err(error) = store.apply(&changes) {
                    assert!(
                        matches!(error, StoreError::Unreachable(_)),
                        "{}",
                        chain(&error)
                    );
                    failed += 1;
                    thread::sleep(Duration::from_millis(5));
                }
                acknowledged.push(id);
                if done.fetch_add(1, Ordering::SeqCst) == ROUNDS * 40 + 60 {
                    return (store, acknowledged);
                }
            }
            unreachable!("it returns")
        });
        for round in 0..ROUNDS {
            until("some are written", || {
                done.load(Ordering::SeqCst) > round * 40 + 20
            });
            server.kill();
            server.start_again();
        }
        let (mut store, acknowledged) = writer.join().expect("no panic");
        for id in &acknowledged {
            let state = store.state(id, "").expect("it is read");
            let state = state.expect("it was acknowledged");
            assert_eq!(format!("s{}", String::from_utf8_lossy(&state.bytes)), *id);
        }
        let mut expected = acknowledged;
        expected.sort_unstable();
        assert_eq!(ids(&mut store, Part::ALL), expected);
        all = expected;
    });
    println!(
        "{} sessions, {ROUNDS} servers killed, {failed} writes failed and were repeated",
        all.len()
    );
    assert!(failed > 0);
}

#[test]
fn a_server_that_is_killed_while_it_is_read_is_an_error_and_then_read_again() {
    let Some(mut server) = Server::start() else {
        return;
    };
    let mut store = open(&server.options().shards(4));
    let all: Vec<_> = (0..3_000)
        .map(|at| remember(&format!("s{at}"), 1))
        .collect();
    store.apply(&under(1, all)).expect("it is written");
    let mut found = 0;
    let loaded = store.load(Part::ALL, &mut |_| {
        found += 1;
        if found == 300 {
            server.kill();
        }
    });
    let error = loaded.expect_err("the server is gone");
    assert!(
        matches!(error, StoreError::Unreachable(_)),
        "{}",
        chain(&error)
    );
    assert!(found < 3_000);
    let error = store.entry("s1").expect_err("there is no server");
    assert!(
        chain(&error).contains("no connection to PostgreSQL"),
        "{}",
        chain(&error)
    );
    server.start_again();
    assert_eq!(ids(&mut store, Part::ALL).len(), 3_000);
}

#[test]
fn a_server_that_hangs_is_an_error_in_time() {
    let Some(server) = Server::start() else {
        return;
    };
    let limit = Duration::from_secs(2);
    let options = server.options().shards(4).timeout(limit);
    let mut store = open(&options);
    store
        .apply(&under(1, [remember("a", 1)]))
        .expect("it is written");
    server.pause();
    let hung = |what: &str, answer: Result<(), String>, began: Instant| {
        let error = answer.expect_err("it hangs");
        assert!(
            error.contains("did not answer within 2s"),
            "{what}: {error}"
        );
        assert!(
            began.elapsed() < limit * 2,
            "{what} took {:?}",
            began.elapsed()
        );
    };
    let text = |error: StoreError| chain(&error);
    let began = Instant::now();
    hung(
        "a write",
        store.apply(&under(1, [save("a", 1, b"x")])).map_err(text),
        began,
    );
    let began = Instant::now();
    hung("a read", store.entry("a").map(drop).map_err(text), began);
    let began = Instant::now();
    hung(
        "a load",
        store.load(part(0, 4, 1), &mut |_| ()).map_err(text),
        began,
    );
    let began = Instant::now();
    let opened = PostgresStore::open(options).map(drop);
    hung("to open one", opened.map_err(|error| chain(&error)), began);
    server.resume();
    // What was asked in vain may be made first, or not at all.
    until("it answers", || store.entry("a").is_ok());
    store
        .apply(&under(1, [save("a", 1, b"y")]))
        .expect("it is written");
    let state = store
        .state("a", "")
        .expect("it is read")
        .expect("it is there");
    assert_eq!(&*state.bytes, b"y");
}

/// A server that stops at any moment of a write, and goes on when its client has long given up.
#[test]
fn a_write_without_an_answer_comes_before_what_is_asked_next_or_not_at_all() {
    let Some(server) = Server::start() else {
        return;
    };
    let options = server.options().shards(4).timeout(Duration::from_secs(1));
    let mut store = open(&options);
    let mut made = 0;
    for round in 0..12_u64 {
        let id = format!("s{round}");
        let changes = under(1, [remember(&id, 1), save(&id, 1, b"x")]);
        let answer = thread::scope(|scope| {
            let write = scope.spawn(|| {
                // Writes before it, so that the moment is anywhere in one.
                let mut before = 0;
                loop {
                    let name = format!("{id}-{before}");
                    if store.apply(&under(1, [remember(&name, 1)])).is_err() {
                        return name;
                    }
                    before += 1;
                }
            });
            thread::sleep(Duration::from_millis(5 + round * 3 % 17));
            server.pause();
            let name = write.join().expect("no panic");
            server.resume();
            name
        });
        // Whatever is read from now on stays so.
        let mut found = None;
        until("it answers", || match store.entry(&answer) {
            Ok(entry) => {
                found = entry;
                true
            }
            Err(_) => false,
        });
        made += u32::from(found.is_some());
        until("it is written", || store.apply(&changes).is_ok());
        let later = store.entry(&answer).expect("it is read");
        assert_eq!(later.is_some(), found.is_some(), "{answer} came late");
        let forget = Change::Forget {
            id: answer.as_str().into(),
            revision: 1,
        };
        until("it is forgotten", || {
            store.apply(&under(1, [forget.clone()])).is_ok()
        });
        assert_eq!(store.entry(&answer).expect("it is read"), None);
    }
    println!("12 writes had no answer, {made} of them were made");
}

/// The commit of a write hangs while all else answers: nothing is read, or written, as if it had not been.
#[test]
fn while_a_commit_hangs_nothing_of_its_shard_is_answered() {
    let Some(server) = Server::start() else {
        return;
    };
    let hand = Hand::on(&server);
    let limit = Duration::from_secs(2);
    let mut store = open(&server.options().shards(4).timeout(limit));
    // A commit waits for a standby that is not there, when all of it is done.
    hand.run("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    hand.run("SELECT pg_reload_conf()");
    let waits = "application_name = 'session-supervisor' AND wait_event = 'SyncRep'";
    let (backend, revision) = thread::scope(|scope| {
        // The server's processes read its settings anew when they come to it. What is written before that
        // does not wait.
        let write = scope.spawn(|| {
            let mut revision = 1;
            loop {
                match store.apply(&under(1, [remember("a", revision)])) {
                    Ok(()) => revision += 1,
                    Err(error) => return (error, revision),
                }
            }
        });
        let query = format!("SELECT pid FROM pg_stat_activity WHERE {waits}");
        until("the commit waits", || !hand.read(&query).is_empty());
        let backend = hand.read(&query).parse().expect("a process");
        // It would give up waiting in time.
        signal("-STOP", &[backend]);
        let (error, revision) = write.join().expect("no panic");
        assert!(
            chain(&error).contains("did not answer within 2s"),
            "{}",
            chain(&error)
        );
        (backend, revision)
    });
    hand.run("ALTER SYSTEM RESET synchronous_standby_names");
    hand.run("SELECT pg_reload_conf()");
    let forget = Change::Forget {
        id: "a".into(),
        revision,
    };
    let entry = store.entry("a");
    assert!(matches!(entry, Err(StoreError::Locked(_))), "{entry:?}");
    let forgotten = store.apply(&under(1, [forget.clone()]));
    assert!(
        matches!(forgotten, Err(StoreError::Locked(_))),
        "{forgotten:?}"
    );
    signal("-CONT", &[backend]);
    until("it answers", || store.entry("a").is_ok());
    assert!(matches!(store.entry("a"), Ok(Some(Entry::Record(_)))));
    store.apply(&under(1, [forget])).expect("it is written");
    assert_eq!(store.entry("a").expect("it is read"), None);
}

#[test]
fn a_connection_that_ended_while_nothing_was_asked_is_no_error() {
    let Some(server) = shared() else { return };
    let options = server.options().schema("ended").shards(4);
    let (mut store, hand) = (open(&options), Hand::on(&server));
    store
        .apply(&under(1, [remember("a", 1)]))
        .expect("it is written");
    // That of this schema only: its last statement has its name.
    assert!(store.entry("a").expect("it is read").is_some());
    let of_schema = "application_name = 'session-supervisor' AND query LIKE '%\"ended\".%'";
    hand.run(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {of_schema}"
    ));
    until("it has ended", || {
        hand.read(&format!(
            "SELECT count(*) FROM pg_stat_activity WHERE {of_schema}"
        )) == "0"
    });
    assert!(matches!(store.entry("a"), Ok(Some(Entry::Record(_)))));
    store
        .apply(&under(1, [remember("b", 1)]))
        .expect("it is written");
}
