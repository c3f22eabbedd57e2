//! Where the file lies: a folder that may not be written, a disk that is full, a file that is deleted
//! while it is open.
#![cfg(unix)]

use std::error::Error;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use session_supervisor_store::{
    Change, Decided, OpenStoreError, Record, SavedState, SessionStore, SqliteStore, StoreError,
};

use super::support::{entries, folder};

/// The user without rights, as it is numbered nearly everywhere.
const NOBODY: u32 = 65_534;

fn remember(id: &str, revision: u64) -> Decided {
    Change::Remember(Record::new(id, "chat", "{}", revision, 1)).into()
}

fn whole(error: &dyn Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", whole(source)),
        None => error.to_string(),
    }
}

fn is_root(folder: &Path) -> bool {
    fs::metadata(folder).expect("it is there").uid() == 0
}

fn may(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("it is ours");
}

/// Root may write anywhere, so it plays another user: this test, in a process of that one.
#[test]
fn what_may_not_be_written_is_refused_with_its_path_and_the_cause() {
    if let Some(folder) = std::env::var_os("STORE_FOLDER") {
        return without_rights(Path::new(&folder));
    }
    let folder = folder();
    if !is_root(&folder) {
        return without_rights(&folder);
    }
    chown(&folder, Some(NOBODY), Some(NOBODY)).expect("root may");
    let test = "it::places::what_may_not_be_written_is_refused_with_its_path_and_the_cause";
    let played = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--nocapture"])
        .env("STORE_FOLDER", &folder)
        .uid(NOBODY)
        .gid(NOBODY)
        .output();
    match played {
        Ok(played) => {
            let said = String::from_utf8_lossy(&played.stdout).into_owned()
                + &String::from_utf8_lossy(&played.stderr);
            assert!(
                played.status.success() && said.contains("1 passed"),
                "{said}"
            );
        }
        Err(error) => println!("SKIPPED: no other user can run this program: {error}"),
    }
}

fn without_rights(folder: &Path) {
    let file = folder.join("sessions.db");
    let refused = |what: &str| {
        let error = SqliteStore::open(&file).expect_err(what);
        let text = whole(&error);
        assert!(
            text.starts_with(&file.display().to_string()),
            "{what}: {text}"
        );
        (error, text)
    };
    // A folder in which nothing can be made.
    may(folder, 0o555);
    let (error, text) = refused("a new file");
    assert!(matches!(error, OpenStoreError::Io { .. }), "{error:?}");
    assert!(
        text.contains("cannot be opened: Permission denied"),
        "{text}"
    );
    // A store that is there, but not the files that SQLite needs beside it.
    may(folder, 0o755);
    let mut store = SqliteStore::open(&file).expect("it opens");
    store.apply(&[remember("a", 1)]).expect("it is written");
    drop(store);
    may(folder, 0o555);
    let (error, text) = refused("no log can be made");
    assert!(matches!(error, OpenStoreError::Sqlite { .. }), "{error:?}");
    assert!(text.contains("the store is read-only"), "{text}");
    // A file that may not be written.
    may(folder, 0o755);
    may(&file, 0o444);
    let (_, text) = refused("a file that may be read alone");
    assert!(
        text.contains("the store is read-only: the file may not be written"),
        "{text}"
    );
    // All of it is as it was.
    may(&file, 0o644);
    let mut store = SqliteStore::open(&file).expect("it opens");
    assert_eq!(entries(&mut store).len(), 1);
    // It becomes read-only while it is open: what is needed is there already.
    may(folder, 0o555);
    store.apply(&[remember("b", 2)]).expect("it is written");
    may(folder, 0o755);
    drop(store);
    let mut store = SqliteStore::open(&file).expect("it opens");
    assert_eq!(entries(&mut store).len(), 2);
}

/// A small disk. Dropped, it is gone.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    fn of(folder: &'a Path) -> Option<Self> {
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(folder)
            .output();
        let mounted = mount.is_ok_and(|mount| mount.status.success());
        mounted.then_some(Self(folder))
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0).output());
    }
}

#[test]
fn a_disk_that_is_full_is_told_as_such_and_forgotten_when_there_is_room() {
    let folder = folder();
    let Some(_disk) = Disk::of(&folder) else {
        return println!("SKIPPED: no file system can be mounted here");
    };
    let (file, filler) = (folder.join("sessions.db"), folder.join("filler"));
    fs::write(&filler, vec![0; 300 << 10]).expect("there is room");
    let mut store = SqliteStore::open(&file).expect("there is room");
    store.apply(&[remember("a", 1)]).expect("there is room");
    let mut written = 1;
    let full = loop {
        let id = format!("s{written}");
        let state = SavedState::new("", 0, vec![7; 20_000], 2);
        let revision = written + 1;
        let save = Change::Save {
            id: id.as_str().into(),
            revision,
            state,
        };
        match store.apply(&[remember(&id, revision), save.into()]) {
            Ok(()) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(full, StoreError::Full(_)), "{full:?}");
    assert!(written > 5);
    // What was acknowledged is there, and nothing of the rest; whoever opens another store there is told.
    assert_eq!(entries(&mut store).len() as u64, written);
    let mut rest = fs::File::create(folder.join("rest")).expect("an empty file");
    while rest.write_all(&[0; 512]).is_ok() {}
    let second = SqliteStore::open(folder.join("second.db"));
    let text = whole(&second.expect_err("there is no room"));
    assert!(
        text.contains("No space left") || text.contains("full"),
        "{text}"
    );
    let forget = Change::Forget {
        id: "s1".into(),
        revision: 2,
    };
    let forgot = store.apply(&[forget.clone().into()]);
    assert!(
        matches!(forgot, Ok(()) | Err(StoreError::Full(_))),
        "{forgot:?}"
    );
    fs::remove_file(&filler).expect("it is ours");
    store.apply(&[forget.into()]).expect("there is room");
    store.apply(&[remember("last", 99)]).expect("there is room");
    assert_eq!(entries(&mut store).len() as u64, written);
    drop(store);
    let mut store = SqliteStore::open(&file).expect("it opens");
    assert_eq!(entries(&mut store).len() as u64, written);
}

#[test]
fn what_is_written_to_a_file_that_was_deleted_is_not_called_durable() {
    let folder = folder();
    let file = folder.join("sessions.db");
    for (name, names_it) in [("sessions.db", true), ("sessions.db-wal", true)] {
        let mut store = SqliteStore::open(&file).expect("it opens");
        store.apply(&[remember("a", 1)]).expect("it is written");
        let (there, away) = (folder.join(name), folder.join("away"));
        fs::rename(&there, &away).expect("it is ours");
        let gone = store.apply(&[remember("b", 2)]);
        let Err(error @ StoreError::Gone(_)) = &gone else {
            panic!("{name}: {gone:?}");
        };
        assert_eq!(whole(error).contains(name), names_it, "{error:?}");
        // A new file of that name is another one.
        fs::write(&there, b"").expect("it is ours");
        assert!(matches!(store.apply(&[]), Err(StoreError::Gone(_))));
        fs::rename(&away, &there).expect("it is ours");
        store.apply(&[remember("c", 3)]).expect("it is back");
        assert_eq!(entries(&mut store).len(), 3);
        store
            .apply(&[Change::Discard { id: "c".into() }.into()])
            .unwrap();
        store
            .apply(&[Change::Discard { id: "b".into() }.into()])
            .unwrap();
    }
}

#[test]
fn a_lock_that_was_deleted_is_made_anew_unless_another_process_has_it() {
    let folder = folder();
    let (file, lock) = (folder.join("sessions.db"), folder.join("sessions.db.lock"));
    let mut store = SqliteStore::open(&file).expect("it opens");
    fs::remove_file(&lock).expect("it is ours");
    store.apply(&[remember("a", 1)]).expect("it is written");
    assert!(lock.exists());
    let second = SqliteStore::open(&file);
    assert!(
        matches!(second, Err(OpenStoreError::InUse { .. })),
        "{second:?}"
    );
    // Between the deletion and the next write another process has come.
    fs::remove_file(&lock).expect("it is ours");
    let mut other = fs::File::create_new(&lock).expect("it is free");
    other.try_lock().expect("it is free");
    other.write_all(b"4711\n").expect("there is room");
    let taken = store
        .apply(&[remember("b", 2)])
        .expect_err("it is another's");
    let text = whole(&taken);
    assert!(
        text.contains("process 4711 has the session store open"),
        "{text}"
    );
    drop(other);
    store.apply(&[remember("b", 2)]).expect("it is free");
}
