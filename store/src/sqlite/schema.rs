//! The tables, and how a connection works with them.
//!
//! The number of the schema is in the header of the file (`user_version`), with a mark that it is a
//! session store (`application_id`). Both are written to the file itself when it is made or brought up
//! to date, not only to the write-ahead log, so that they can be read before anything is opened.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::file::Found;
use super::{OpenStoreError, from_sqlite};

/// The latest schema.
pub(crate) const VERSION: u32 = 2;

/// "sses": the mark of a session store.
pub(super) const APPLICATION: u32 = 0x7373_6573;

/// `used`: when it was started or saved something. `claims`: pairs of texts, as JSON. `resting`: 1 if
/// it is not to be restored.
const TABLES: &str = "
CREATE TABLE sessions (
    id        TEXT    NOT NULL PRIMARY KEY,
    kind      TEXT    NOT NULL,
    arguments TEXT    NOT NULL,
    label     TEXT,
    claims    TEXT    NOT NULL,
    revision  INTEGER NOT NULL,
    started   INTEGER NOT NULL,
    used      INTEGER NOT NULL,
    resting   INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE states (
    id     TEXT    NOT NULL,
    slot   TEXT    NOT NULL,
    format INTEGER NOT NULL,
    saved  INTEGER NOT NULL,
    sum    INTEGER NOT NULL,
    bytes  BLOB    NOT NULL,
    PRIMARY KEY (id, slot)
) STRICT;
";

/// What the second schema has more than the first one.
const SECOND: &str = "ALTER TABLE sessions ADD COLUMN resting INTEGER NOT NULL DEFAULT 0;";

/// Makes the tables of a new file, brings those of an earlier version up to date, and sets the
/// connection up.
pub(super) fn set_up(
    connection: &Connection,
    found: Found,
    path: &Path,
) -> Result<(), OpenStoreError> {
    let done = match found {
        Found::Nothing => make(connection),
        Found::Store => Ok(VERSION),
    };
    // The log may be ahead of the header. Nothing of it is moved to the file when this is closed.
    let kept = done.and_then(|_| {
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        connection.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0))
    });
    let version = kept.map_err(|cause| sqlite(path, cause))?;
    if version > VERSION {
        return Err(OpenStoreError::Newer {
            path: path.to_owned(),
            found: version,
            known: VERSION,
        });
    }
    let up_to_date = match version {
        1 => bring_up_to_date(connection),
        _ => Ok(()),
    };
    up_to_date
        .and_then(|()| ready(connection))
        .map_err(|cause| sqlite(path, cause))
}

fn sqlite(path: &Path, cause: rusqlite::Error) -> OpenStoreError {
    OpenStoreError::Sqlite {
        path: path.to_owned(),
        cause: from_sqlite(cause),
    }
}

/// In one transaction, while the file is not in the write-ahead mode yet.
fn make(connection: &Connection) -> rusqlite::Result<u32> {
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; BEGIN IMMEDIATE; {TABLES}
         PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
    ))?;
    Ok(VERSION)
}

/// In one transaction, and then in the file itself.
fn bring_up_to_date(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; BEGIN IMMEDIATE; {SECOND} PRAGMA user_version = {VERSION}; COMMIT;"
    ))?;
    // One who reads meanwhile may hold it up. The number is in the log then, and is looked for there.
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

fn ready(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;
         PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;
         PRAGMA wal_autocheckpoint = 1000; PRAGMA journal_size_limit = 16777216;",
    )?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    Ok(())
}
