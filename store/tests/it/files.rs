//! The file: who may open it, what is in the way, and what a torn write leaves.

use std::fs;
use std::path::Path;

use session_supervisor_store::{
    Change, Decided, Entry, OpenStoreError, Part, Record, SavedState, SessionStore, SqliteStore,
    StoreError,
};

use super::support::{entries, folder};

fn remember(id: &str, revision: u64) -> Decided {
    Change::Remember(Record::new(id, "chat", "{}", revision, 1)).into()
}

/// The session of this id and revision saves a state.
fn saves(id: &str, revision: u64, state: SavedState) -> Decided {
    let id = id.into();
    let save = Change::Save {
        id,
        revision,
        state,
    };
    save.into()
}

fn count(store: &mut SqliteStore) -> usize {
    entries(store).len()
}

#[test]
fn a_second_opening_is_refused_with_the_first_ones_pid() {
    let folder = folder();
    let file = folder.join("sessions.db");
    let first = SqliteStore::open(&file).expect("it opens");
    let link = folder.join("link.db");
    #[cfg(unix)]
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    for path in [&file, &link] {
        match SqliteStore::open(path) {
            Err(OpenStoreError::InUse { pid, .. }) => assert_eq!(pid, std::process::id()),
            other => panic!("{other:?}"),
        }
    }
    drop(first);
    SqliteStore::open(&file).expect("it is free");
}

/// The bytes of all files in a folder but for the lock.
fn bytes(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = paths
        .filter(|path| path.extension().is_none_or(|end| end != "lock"))
        .map(|path| (path.display().to_string(), fs::read(&path).expect("a file")))
        .collect();
    files.sort();
    files
}

fn sql(file: &Path, text: &str) {
    let connection = rusqlite::Connection::open(file).expect("it opens");
    connection.execute_batch(text).expect("it is done");
}

#[test]
fn a_newer_schema_is_refused_and_untouched() {
    let folder = folder();
    let file = folder.join("sessions.db");
    SqliteStore::open(&file)
        .unwrap()
        .apply(&[remember("a", 1)])
        .unwrap();
    sql(
        &file,
        "PRAGMA user_version = 3; CREATE TABLE later (id TEXT)",
    );
    let before = bytes(&folder);
    let opened = SqliteStore::open(&file).unwrap_err();
    let text = opened.to_string();
    assert!(
        text.ends_with("the session store has schema 3, this program knows up to 2"),
        "{text}"
    );
    assert!(matches!(
        opened,
        OpenStoreError::Newer {
            found: 3,
            known: 2,
            ..
        }
    ));
    assert_eq!(bytes(&folder), before);
    // Also if the number is in the write-ahead log alone.
    sql(&file, "PRAGMA user_version = 2");
    let other = rusqlite::Connection::open(&file).unwrap();
    other
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA user_version = 3")
        .unwrap();
    let copy = super::support::folder();
    for name in ["sessions.db", "sessions.db-wal"] {
        fs::copy(folder.join(name), copy.join(name)).unwrap();
    }
    let opened = SqliteStore::open(copy.join("sessions.db")).unwrap_err();
    assert!(
        matches!(opened, OpenStoreError::Newer { found: 3, .. }),
        "{opened:?}"
    );
    assert_eq!(
        fs::read(copy.join("sessions.db")).unwrap(),
        fs::read(&file).unwrap()
    );
    drop(other);
}

#[test]
fn a_store_of_the_first_schema_is_brought_up_to_date() {
    let file = folder().join("sessions.db");
    sql(
        &file,
        r#"CREATE TABLE sessions (id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL,
            arguments TEXT NOT NULL, label TEXT, claims TEXT NOT NULL, revision INTEGER NOT NULL,
            started INTEGER NOT NULL, used INTEGER NOT NULL) STRICT;
         CREATE TABLE states (id TEXT NOT NULL, slot TEXT NOT NULL, format INTEGER NOT NULL,
            saved INTEGER NOT NULL, sum INTEGER NOT NULL, bytes BLOB NOT NULL,
            PRIMARY KEY (id, slot)) STRICT;
         INSERT INTO sessions VALUES ('a', 'chat', '{}', NULL, '[["topic","tea"]]', 7, 1, 2);
         PRAGMA application_id = 1936942451; PRAGMA user_version = 1; PRAGMA journal_mode = WAL;"#,
    );
    for _ in 0..2 {
        let mut store = SqliteStore::open(&file).expect("it opens");
        let Some(Entry::Record(record)) = store.entry("a").unwrap() else {
            panic!("it is there");
        };
        assert_eq!((record.revision, record.resting), (7, false));
        let (id, revision) = ("a".into(), 7);
        let rests = Change::Rest { id, revision };
        store.apply(&[rests.into()]).expect("it is written");
        // An earlier version of this crate sees that before it opens it.
        let header = fs::read(&file).unwrap();
        assert_eq!(header[60..64], 2_u32.to_be_bytes());
        let (id, revision) = ("a".into(), 7);
        let wakes = Change::Wake { id, revision };
        store.apply(&[wakes.into()]).expect("it is written");
    }
}

#[test]
fn what_is_no_store_is_refused_and_untouched() {
    let folder = folder();
    let (text, other, junk) = (
        folder.join("text"),
        folder.join("other"),
        folder.join("junk"),
    );
    fs::write(&text, "dear diary, ".repeat(100)).unwrap();
    sql(&other, "CREATE TABLE cakes (name TEXT)");
    fs::write(&junk, b"SQLite format 3\0").unwrap();
    let before = bytes(&folder);
    for file in [&text, &other, &junk] {
        let opened = SqliteStore::open(file);
        assert!(
            matches!(opened, Err(OpenStoreError::NotAStore { .. })),
            "{opened:?}"
        );
    }
    assert!(matches!(
        SqliteStore::open(&folder),
        Err(OpenStoreError::NotAStore { .. })
    ));
    assert_eq!(bytes(&folder).len(), before.len());
    assert_eq!(bytes(&folder), before);
    let nowhere = SqliteStore::open(folder.join("no").join("sessions.db"));
    assert!(
        matches!(nowhere, Err(OpenStoreError::Io { .. })),
        "{nowhere:?}"
    );
    // An empty file is a new one.
    fs::write(folder.join("empty"), "").unwrap();
    SqliteStore::open(folder.join("empty")).expect("it opens");
}

#[test]
fn a_locked_file_is_an_error_that_says_so_and_passes() {
    let file = folder().join("sessions.db");
    let mut store = SqliteStore::open(&file).unwrap();
    let other = rusqlite::Connection::open(&file).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let locked = store.apply(&[remember("a", 1)]);
    assert!(matches!(locked, Err(StoreError::Locked(_))), "{locked:?}");
    assert_eq!(count(&mut store), 0);
    other.execute_batch("COMMIT").unwrap();
    store.apply(&[remember("a", 1)]).expect("it is free");
    assert_eq!(count(&mut store), 1);
}

#[test]
fn a_full_disk_is_an_error_that_says_so_and_nothing_is_half_written() {
    let file = folder().join("sessions.db");
    let mut store = SqliteStore::open(&file).unwrap();
    store.apply(&[remember("a", 1)]).unwrap();
    store.limit_pages(16);
    let large = SavedState::new("", 0, vec![7; 1 << 20], 2);
    let save = saves("a", 1, large);
    let full = store.apply(&[remember("b", 2), save.clone()]);
    assert!(matches!(full, Err(StoreError::Full(_))), "{full:?}");
    assert_eq!(count(&mut store), 1);
    assert_eq!(store.state("a", "").unwrap(), None);
    store.limit_pages(4_096);
    store.apply(&[save]).expect("there is room");
}

#[test]
fn a_state_whose_bytes_have_changed_is_damaged_and_kept() {
    let file = folder().join("sessions.db");
    let mut store = SqliteStore::open(&file).unwrap();
    let save = saves("a", 1, SavedState::new("", 0, *b"one", 2));
    store.apply(&[remember("a", 1), save]).unwrap();
    sql(
        &file,
        "UPDATE states SET bytes = x'00'; UPDATE sessions SET claims = 'x'",
    );
    assert!(matches!(store.state("a", ""), Err(StoreError::Damaged(_))));
    // It hinders none that are read with it.
    let mut found = Vec::new();
    let read = store.states(&["a", "b"], "", &mut |place, state| {
        found.push((place, state))
    });
    read.unwrap();
    assert_eq!(found, [(1, None)]);
    match store.entry("a").unwrap() {
        Some(Entry::Unreadable { id, .. }) => assert_eq!(&*id, "a"),
        other => panic!("{other:?}"),
    }
    assert_eq!(count(&mut store), 1);
}

/// As after a `kill -9`: the files as they are, without the process.
fn copied(from: &Path, wal: &[u8]) -> std::path::PathBuf {
    let folder = folder();
    fs::copy(from, folder.join("sessions.db")).unwrap();
    fs::write(folder.join("sessions.db-wal"), wal).unwrap();
    folder.join("sessions.db")
}

#[test]
fn a_torn_end_of_the_log_loses_the_last_writes_alone_and_leaves_none_half() {
    const WRITES: usize = 40;
    let file = folder().join("sessions.db");
    let mut store = SqliteStore::open(&file).unwrap();
    let mut ends = Vec::new();
    let log = file.with_extension("db-wal");
    for at in 0..WRITES {
        let revision = 1 + at as u64;
        let id = format!("s{at:02}");
        let state = SavedState::new("", 0, vec![7; 3_000], 2);
        let save = saves(&id, revision, state);
        store.apply(&[remember(&id, revision), save]).unwrap();
        ends.push(fs::metadata(&log).unwrap().len());
    }
    let wal = fs::read(&log).unwrap();
    let whole = usize::try_from(ends[WRITES - 1]).unwrap();
    assert_eq!(wal.len(), whole);
    let mut seen = std::collections::BTreeSet::new();
    // Cut off at many places, and then a byte flipped there.
    for cut in (40..=whole).rev().step_by(1_777) {
        for flipped in [false, true] {
            let mut torn = wal.clone();
            if flipped && cut < whole {
                torn[cut] ^= 0x55;
            } else {
                torn.truncate(cut);
            }
            let mut store = SqliteStore::open(copied(&file, &torn)).expect("it opens");
            let there = count(&mut store);
            let certain = ends.iter().filter(|end| **end as usize <= cut).count();
            assert!(
                there >= certain && there <= WRITES,
                "{there} of {certain} at {cut}"
            );
            if !flipped {
                assert_eq!(there, certain, "cut at {cut}");
            }
            for at in 0..there {
                let state = store.state(&format!("s{at:02}"), "").expect("it is whole");
                assert_eq!(state.expect("it came with its session").bytes.len(), 3_000);
            }
            seen.insert(there);
        }
    }
    assert!(seen.len() > WRITES / 2, "the cuts are everywhere: {seen:?}");
}

#[test]
fn a_file_with_flipped_bits_is_an_error_or_is_read_and_nothing_else() {
    let file = folder().join("sessions.db");
    let mut store = SqliteStore::open(&file).unwrap();
    for at in 0..20_u64 {
        let id = format!("s{at:02}");
        let state = SavedState::new("", 0, vec![at as u8; 2_000], 2);
        store
            .apply(&[remember(&id, at + 1), saves(&id, at + 1, state)])
            .unwrap();
    }
    drop(store);
    let whole = fs::read(&file).unwrap();
    let (mut damaged, mut read) = (0, 0);
    for at in (100..whole.len()).step_by(397) {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x20;
        let folder = folder();
        let file = folder.join("sessions.db");
        fs::write(&file, &flipped).unwrap();
        // It may be refused.
        let Ok(mut store) = SqliteStore::open(&file) else {
            damaged += 1;
            continue;
        };
        let mut entries = Vec::new();
        if store
            .load(Part::ALL, &mut |entry| entries.push(entry))
            .is_err()
        {
            damaged += 1;
        }
        for at in 0..20_u64 {
            match store.state(&format!("s{at:02}"), "") {
                Ok(None) => {}
                // What is read is what was written, to the byte.
                Ok(Some(state)) => {
                    assert_eq!(*state.bytes, vec![at as u8; 2_000]);
                    read += 1;
                }
                Err(_) => damaged += 1,
            }
        }
        drop(store);
        fs::remove_dir_all(folder).unwrap();
    }
    assert!(
        damaged > 10 && read > 1_000,
        "{damaged} damaged, {read} read"
    );
}
