//! Rows: ids as they are, what cannot be read, and what the server refuses.

use std::time::Duration;

use session_supervisor_store::{Change, Entry, Part, Record, SavedState, SessionStore, StoreError};

use crate::server;
use crate::support::{Hand, chain, ids, open, part, remember, save, under};

#[test]
fn a_row_that_cannot_be_read_is_kept_until_it_is_discarded() {
    let Some(server) = server::shared() else {
        return;
    };
    let hand = Hand::on(&server);
    let mut store = open(&server.options().schema("odd").shards(4));
    let names = ["claims", "revision", "shard", "used", "fine"];
    store
        .apply(&under(0, names.map(|id| remember(id, 1))))
        .expect("it is written");
    hand.run(
        "UPDATE odd.sessions SET claims = '{' WHERE id = 'claims';
         UPDATE odd.sessions SET revision = -1 WHERE id = 'revision';
         UPDATE odd.sessions SET shard = (shard + 1) % 4 WHERE id = 'shard';
         UPDATE odd.sessions SET used = -5 WHERE id = 'used';
         INSERT INTO odd.sessions SELECT E'a\\nb', shard, kind, arguments, label, claims, 1, 1, 1, false
             FROM odd.sessions WHERE id = 'fine'",
    );
    let before = hand.read("SELECT string_agg(s::text, ' ' ORDER BY id) FROM odd.sessions s");
    let mut unreadable = Vec::new();
    let loaded = store.load(Part::ALL, &mut |entry| {
        if let Entry::Unreadable { id, cause } = entry {
            unreadable.push((id.to_string(), cause));
        }
    });
    loaded.expect("what can be read is read");
    unreadable.sort_unstable();
    let causes: Vec<_> = unreadable.iter().map(|(_, cause)| cause.as_str()).collect();
    assert_eq!(unreadable.len(), 5, "{unreadable:?}");
    assert!(causes[0].contains("control character"), "{unreadable:?}");
    assert!(causes[1].starts_with("its claims: "), "{unreadable:?}");
    assert_eq!(causes[2], "its revision is -1");
    assert!(causes[3].starts_with("it is in shard "), "{unreadable:?}");
    assert_eq!(causes[4], "its last use is -5");
    assert!(matches!(
        store.entry("claims"),
        Ok(Some(Entry::Unreadable { .. }))
    ));
    let after = hand.read("SELECT string_agg(s::text, ' ' ORDER BY id) FROM odd.sessions s");
    assert_eq!(before, after);
    let discards = unreadable.iter().map(|(id, _)| Change::Discard {
        id: id.as_str().into(),
    });
    store.apply(&under(0, discards)).expect("they go");
    assert_eq!(ids(&mut store, Part::ALL), ["fine"]);
}

#[test]
fn a_row_in_the_shard_of_others_is_left_out() {
    let Some(server) = server::shared() else {
        return;
    };
    let mut store = open(&server.options().schema("astray").shards(4));
    store
        .apply(&under(0, [remember("a", 1)]))
        .expect("it is written");
    let shard = Part::shard_of("a", 4);
    let wrong = (shard + 1) % 4;
    Hand::on(&server).run(&format!("UPDATE astray.sessions SET shard = {wrong}"));
    assert_eq!(ids(&mut store, part(wrong, 4, 1)), [""; 0]);
    assert!(matches!(
        store.entry("a"),
        Ok(Some(Entry::Unreadable { .. }))
    ));
}

#[test]
fn a_state_that_is_not_what_was_written_is_damaged() {
    let Some(server) = server::shared() else {
        return;
    };
    let hand = Hand::on(&server);
    let mut store = open(&server.options().schema("sums").shards(4));
    let changes = [remember("a", 1), save("a", 1, b"one")];
    store.apply(&under(0, changes)).expect("it is written");
    for damage in [
        "bytes = 'two'",
        "bytes = 'one', format = -1",
        "format = 1, saved = -1",
    ] {
        hand.run(&format!("UPDATE sums.states SET {damage}"));
        let error = store.state("a", "").expect_err("it is damaged");
        assert!(matches!(error, StoreError::Damaged(_)), "{}", chain(&error));
        // It hinders none that are read with it.
        let mut found = Vec::new();
        let read = store.states(&["b\0", "a", "b"], "", &mut |place, state| {
            found.push((place, state))
        });
        read.expect("they are read");
        assert_eq!(found, [(0, None), (2, None)]);
    }
}

#[test]
fn long_and_strange_ids_are_as_they_are_and_a_zero_is_refused() {
    let Some(server) = server::shared() else {
        return;
    };
    let mut store = open(&server.options().shards(4));
    let names = [
        "\u{1f375}".repeat(128),
        "ä".repeat(256),
        "'; DROP TABLE x; --".to_owned(),
        "\\x00".to_owned(),
    ];
    let all = names.iter().map(|id| remember(id, 1));
    store.apply(&under(0, all)).expect("they are ids");
    let mut expected = names.to_vec();
    expected.sort_unstable();
    assert_eq!(ids(&mut store, Part::ALL), expected);
    let mut labelled = Record::new("b", "chat", "{}", 1, 7);
    labelled.label = Some("a\0b".into());
    let slot = Change::Save {
        id: "b".into(),
        revision: 1,
        state: SavedState::new("a\0b", 1, *b"x", 8),
    };
    for change in [remember("a\0b", 1), Change::Remember(labelled), slot] {
        let error = store
            .apply(&under(0, [remember("other", 1), change]))
            .expect_err("a text has none");
        assert!(chain(&error).contains("has a character 0, which PostgreSQL cannot store"));
    }
    assert_eq!(store.entry("a\0b").expect("no id has one"), None);
    assert_eq!(store.entry("other").expect("it is read"), None);
    for change in [remember("b", u64::MAX), save("b", u64::MAX, b"")] {
        assert!(store.apply(&under(0, [change])).is_err());
    }
    assert!(store.apply(&under(u64::MAX, [remember("b", 1)])).is_err());
}

#[test]
fn many_changes_of_one_id_and_large_ones_are_one_call() {
    let Some(server) = server::shared() else {
        return;
    };
    let mut store = open(&server.options().shards(4));
    let mut changes = vec![remember("a", 1)];
    changes.extend((0..200_u8).map(|at| save("a", 1, &[at])));
    // More than one request may have.
    let large = vec![7; 1024 * 1024];
    for at in 0..40 {
        changes.push(remember(&format!("s{at}"), 1));
        changes.push(save(&format!("s{at}"), 1, &large));
    }
    store.apply(&under(0, changes)).expect("it is written");
    let state = |store: &mut dyn SessionStore, id: &str| {
        store
            .state(id, "")
            .expect("it is read")
            .map(|state| state.bytes.to_vec())
    };
    assert_eq!(state(&mut store, "a"), Some(vec![199]));
    assert_eq!(state(&mut store, "s39"), Some(large));
}

#[test]
fn what_the_server_answers_means_the_same_as_elsewhere() {
    let Some(server) = server::shared() else {
        return;
    };
    let hand = Hand::on(&server);
    let options = server
        .options()
        .schema("answers")
        .shards(4)
        .timeout(Duration::from_secs(2));
    let mut store = open(&options);
    let mut write = move || store.apply(&under(0, [remember("a", 1), save("a", 1, b"x")]));
    write().expect("it is written");
    hand.run(
        "CREATE FUNCTION answers.fail() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = TG_ARGV[0]; END $$",
    );
    let mut with = |code: &str| {
        hand.run(&format!(
            "CREATE TRIGGER fail BEFORE INSERT OR UPDATE ON answers.states
             FOR EACH ROW EXECUTE FUNCTION answers.fail('{code}')"
        ));
        let error = write().expect_err("the server refuses it");
        hand.run("DROP TRIGGER fail ON answers.states");
        write().expect("it goes on");
        error
    };
    assert!(matches!(with("53100"), StoreError::Full(_)));
    assert!(matches!(with("25006"), StoreError::ReadOnly(_)));
    assert!(matches!(with("55P03"), StoreError::Locked(_)));
    assert!(matches!(with("40P01"), StoreError::Locked(_)));
    assert!(matches!(with("40001"), StoreError::Locked(_)));
    assert!(matches!(with("XX001"), StoreError::Damaged(_)));
    assert!(matches!(with("23514"), StoreError::Failed(_)));
    // And what the server says by itself.
    hand.run("BEGIN; LOCK TABLE answers.sessions");
    assert!(matches!(write(), Err(StoreError::Locked(_))));
    hand.run("COMMIT");
    write().expect("it goes on");
    hand.run("DELETE FROM answers.parts");
    assert!(matches!(write(), Err(StoreError::Damaged(_))));
    // It does not make its tables anew: what was in them is not there.
    hand.run("DROP SCHEMA answers CASCADE");
    for _ in 0..2 {
        assert!(matches!(write(), Err(StoreError::Gone(_))));
    }
    drop(open(&options));
    let error = write().expect_err("it is another store");
    assert!(matches!(error, StoreError::Gone(_)), "{}", chain(&error));
}

#[test]
fn a_database_that_is_read_only_says_so() {
    let Some(server) = server::Server::start() else {
        return;
    };
    let hand = Hand::on(&server);
    let options = server.options().schema("still").shards(4);
    let mut store = open(&options);
    store
        .apply(&under(0, [remember("a", 1)]))
        .expect("it is written");
    hand.run(
        "ALTER DATABASE postgres SET default_transaction_read_only = on;
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE application_name = 'session-supervisor'",
    );
    let written = store.apply(&under(0, [remember("b", 1)]));
    assert!(
        matches!(written, Err(StoreError::ReadOnly(_))),
        "{written:?}"
    );
    assert!(store.entry("a").expect("it is read").is_some());
}
