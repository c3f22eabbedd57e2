//! What can go wrong, and what an error of the server means to those who wait.

use std::error::Error as StdError;
use std::time::Duration;

use session_supervisor_store::StoreError;
use thiserror::Error;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

/// Why a schema of PostgreSQL was not opened as a store. It is as it was.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OpenPostgresError {
    /// The options are none.
    #[error("bad options of the session store")]
    Options {
        /// What is wrong.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// The server is not there, or does not let it in.
    #[error("no connection to PostgreSQL at {server}")]
    Connect {
        /// Where it was looked for, and for which database.
        server: String,
        /// Why.
        #[source]
        cause: Box<dyn StdError + Send + Sync>,
    },
    /// A later version of this crate has made it.
    #[error("schema {schema:?}: its version is {found}, this program knows up to {known}")]
    Newer {
        /// The schema.
        schema: String,
        /// Its version.
        found: i32,
        /// The latest one that is known here.
        known: i32,
    },
    /// It was made for another cluster.
    #[error("schema {schema:?} has {theirs} for {what}, this program has {ours}")]
    Different {
        /// The schema.
        schema: String,
        /// Which value.
        what: &'static str,
        /// What this program has.
        ours: u32,
        /// What the schema has.
        theirs: i32,
    },
    /// It is something else.
    #[error("schema {schema:?} is no session store, and cannot become one: {why}")]
    NotAStore {
        /// The schema.
        schema: String,
        /// What it is.
        why: String,
    },
    /// The server failed meanwhile.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// No answer in time.
#[derive(Debug, Error)]
#[error("PostgreSQL at {server} did not answer within {within:?}")]
pub(super) struct TimedOut {
    pub(super) server: String,
    pub(super) within: Duration,
}

/// What an error means, in one place.
pub(super) fn meaning(error: Error) -> StoreError {
    let Some(code) = error.code().cloned() else {
        return StoreError::Failed(Box::new(error));
    };
    let variant = match code {
        SqlState::DISK_FULL => StoreError::Full,
        SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::ReadOnly,
        SqlState::LOCK_NOT_AVAILABLE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::T_R_SERIALIZATION_FAILURE => StoreError::Locked,
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => StoreError::Damaged,
        // The tables were there when it was opened.
        SqlState::UNDEFINED_TABLE
        | SqlState::INVALID_SCHEMA_NAME
        | SqlState::INVALID_CATALOG_NAME => StoreError::Gone,
        _ => StoreError::Failed,
    };
    variant(Box::new(error))
}

/// Whether a write is over: it is made, or will never be. Of one without an answer nobody knows.
pub(super) fn is_over(written: &Result<(), StoreError>) -> bool {
    match written {
        Err(StoreError::Failed(cause)) => {
            let answer = cause.downcast_ref::<Error>();
            answer.is_some_and(|answer| answer.code().is_some())
        }
        // The others are answers of the server.
        _ => true,
    }
}
