//! What can go wrong, and what an error of the server means to those who wait.

use std::error::Error as StdError;
use std::io;
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
    /// The server lets nobody in without TLS, and [`PostgresOptions::tls`](crate::PostgresOptions::tls) was
    /// not given.
    #[error(
        "PostgreSQL at {server} does not let this program in without TLS, and none was given: \
         `PostgresOptions::tls`"
    )]
    NoTls {
        /// Where it is, and for which database.
        server: String,
        /// What it says.
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

/// What it means to those who wait, where a store connects anew.
impl From<OpenPostgresError> for StoreError {
    fn from(error: OpenPostgresError) -> Self {
        match error {
            OpenPostgresError::Store(error) => error,
            OpenPostgresError::Connect { .. } | OpenPostgresError::NoTls { .. } => {
                Self::Unreachable(Box::new(error))
            }
            error => Self::Failed(Box::new(error)),
        }
    }
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
        return match is_of_connection(&error) {
            true => StoreError::Unreachable(Box::new(error)),
            false => StoreError::Failed(Box::new(error)),
        };
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
        // It is stopped, starts, has no room for one more connection, or has ended this one.
        SqlState::ADMIN_SHUTDOWN
        | SqlState::CRASH_SHUTDOWN
        | SqlState::CANNOT_CONNECT_NOW
        | SqlState::TOO_MANY_CONNECTIONS
        | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT => StoreError::Unreachable,
        // Class 08: exceptions of the connection.
        code if code.code().starts_with("08") => StoreError::Unreachable,
        _ => StoreError::Failed,
    };
    variant(Box::new(error))
}

/// Whether the server refuses this program because it came without TLS. Only the text of the error says so;
/// versions 12 and 13 have other words than later ones. A text in another language is not recognized.
pub(super) fn asks_for_tls(error: &Error) -> bool {
    let of_server = error.as_db_error();
    of_server.is_some_and(|error| {
        let says = |words| error.message().ends_with(words);
        *error.code() == SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            && (says("no encryption") || says("SSL off"))
    })
}

/// Whether it is about the connection, and not about what was asked over it: a request that cannot be
/// written as PostgreSQL has it is an I/O error of an invalid input.
fn is_of_connection(error: &Error) -> bool {
    let cause = StdError::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    let of_input = |kind| {
        matches!(
            kind,
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
        )
    };
    error.is_closed() || cause.is_some_and(|cause| !of_input(cause.kind()))
}

/// Whether a write is over: it is made, or will never be made. That is unknown without an answer, and when
/// the server ended the connection, which it may have done after the commit.
pub(super) fn is_over(written: &Result<(), StoreError>) -> bool {
    match written {
        Err(StoreError::Unreachable(_)) => false,
        Err(StoreError::Failed(cause)) => {
            let answer = cause.downcast_ref::<Error>();
            answer.is_some_and(|answer| answer.code().is_some())
        }
        // The others are answers of the server.
        _ => true,
    }
}
