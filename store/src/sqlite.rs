//! The store on a disk: one file of SQLite, and nothing to install.

mod file;
mod lock;
mod read;
mod schema;
mod whole;
mod write;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use thiserror::Error;

use crate::part::{Part, Parts};
use crate::record::{Decided, Entry, SavedState};
use crate::session_store::{SessionStore, StoreError};
use lock::Lock;
use whole::Opened;

/// How long a read or a write waits for another program that has the file locked, such as a backup.
const BUSY: Duration = Duration::from_secs(2);

/// How many statements are kept prepared; it has fewer.
const STATEMENTS: usize = 32;

/// A [`SessionStore`] in a file: SQLite, compiled with this crate.
///
/// Beside the file are `FILE-wal` and `FILE-shm`, which are SQLite's and belong to it, and `FILE.lock`,
/// by which one process at a time has the store. Each write is one transaction, in the write-ahead
/// log and flushed to the disk (`synchronous=FULL`) before it is answered.
///
/// The file may be read by other programs meanwhile, as with `sqlite3 FILE 'select * from sessions'`:
/// ids, kinds and arguments are text. To change it by hand, end the program first.
///
/// If the file or its log is deleted, moved or replaced meanwhile, writes fail until it is back. If the
/// lock file is, it is made anew.
///
/// It has one owner, the process that has the lock, so it passes over the epochs of changes.
pub struct SqliteStore {
    connection: Connection,
    file: Opened,
    /// The write-ahead log, which is there from the first write on.
    log: Option<Opened>,
    /// Released last.
    lock: Lock,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore")
            .field("path", &self.file.path())
            .finish_non_exhaustive()
    }
}

/// Why a file was not opened as a store. It is as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenStoreError {
    /// Another process has it open.
    #[error("{path}: process {pid} has the session store open")]
    InUse {
        /// The file.
        path: PathBuf,
        /// The process.
        pid: u32,
    },
    /// Another process has it open, and has not written which one it is.
    #[error("{path}: another process has the session store open")]
    InUseByUnknown {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a later version of this crate.
    #[error("{path}: the session store has schema {found}, this program knows up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema that it has.
        found: u32,
        /// The latest schema that is known here.
        known: u32,
    },
    /// It is something else.
    #[error("{path}: this is no session store: {why}")]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What it is.
        why: &'static str,
    },
    /// It, or its lock, could not be read or written.
    #[error("{path}: cannot be opened")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// SQLite could not open it.
    #[error("{path}: cannot be opened as a session store")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: StoreError,
    },
}

impl SqliteStore {
    /// Opens the store in a file, and makes it if there is none. The folder must be there.
    ///
    /// It blocks, for milliseconds; after a crash for as long as the write-ahead log takes to be
    /// read. What a torn write has left at its end is passed over: that was never acknowledged.
    ///
    /// # Errors
    ///
    /// [`OpenStoreError`], with the path. The file is untouched then.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenStoreError> {
        let path = file::canonical(path.as_ref())?;
        let lock = Lock::take(&path)?;
        let found = file::look(&path)?;
        let sqlite = |cause| OpenStoreError::Sqlite {
            path: path.clone(),
            cause: from_sqlite(cause),
        };
        let connection = Connection::open(&path).map_err(sqlite)?;
        connection.busy_timeout(BUSY).map_err(sqlite)?;
        if connection.is_readonly("main").map_err(sqlite)? {
            let cause = StoreError::ReadOnly("the file may not be written".into());
            return Err(OpenStoreError::Sqlite { path, cause });
        }
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        schema::set_up(&connection, found, &path)?;
        let file = Opened::at(path.clone()).map_err(|cause| OpenStoreError::Io { path, cause })?;
        Ok(Self {
            connection,
            file,
            log: None,
            lock,
        })
    }

    /// What was written is where the next process looks for it.
    fn is_found(&mut self) -> Result<(), StoreError> {
        self.lock.renew(self.file.path())?;
        self.file.check()?;
        match &self.log {
            Some(log) => log.check(),
            None => {
                let mut name = OsString::from(self.file.path());
                name.push("-wal");
                self.log = Opened::at(name.into()).ok();
                Ok(())
            }
        }
    }

    /// Lets the file grow to so many pages of 4 KiB and no further: a disk that is full, for tests. It
    /// holds as long as this store is open.
    #[doc(hidden)]
    pub fn limit_pages(&self, pages: u32) {
        let limit = format!("PRAGMA max_page_count = {pages}");
        drop(self.connection.query_row(&limit, [], |_| Ok(())));
    }

    /// The file, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.file.path()
    }
}

impl SessionStore for SqliteStore {
    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        read::load(&self.connection, |id| part.has(id), found)
    }

    /// The table is gone through once, however many they are.
    fn load_many(
        &mut self,
        parts: &[Part],
        found: &mut dyn FnMut(Entry),
    ) -> Result<Vec<(Part, StoreError)>, StoreError> {
        let parts: Parts = parts.iter().copied().collect();
        read::load(&self.connection, |id| parts.has(id), found)?;
        Ok(Vec::new())
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        read::entry(&self.connection, id)
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        read::state(&self.connection, id, slot)
    }

    /// In one transaction, so that the file is looked at once.
    fn states(
        &mut self,
        ids: &[&str],
        slot: &str,
        found: &mut dyn FnMut(usize, Option<SavedState>),
    ) -> Result<(), StoreError> {
        read::states(&self.connection, ids, slot, found)
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        write::apply(&mut self.connection, changes).map_err(from_sqlite)?;
        self.is_found()
    }
}

/// What SQLite says, in the words of a store.
fn from_sqlite(error: rusqlite::Error) -> StoreError {
    let code = error.sqlite_error_code();
    let error = Box::new(error);
    match code {
        Some(ErrorCode::DiskFull) => StoreError::Full(error),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Locked(error),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            StoreError::ReadOnly(error)
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged(error),
        _ => StoreError::Failed(error),
    }
}
