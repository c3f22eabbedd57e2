//! The tables, and what must be the same for all who open them.

use session_supervisor_store::{OtherCluster, Part, StoreError};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::FromSqlOwned;
use tokio_postgres::{Client, Error};

use super::connection::Server;
use super::error::{OpenPostgresError, meaning};

/// The latest version of the tables.
pub(super) const VERSION: i32 = 2;

/// What a store knows of the tables that it has found.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) mark: String,
    /// To which cluster it has bound them.
    pub(super) cluster: Option<String>,
}

/// "sses": what those that make tables wait for each other by.
const LOCK: i32 = 0x7373_6573;

/// Makes the tables where there are none, and looks whether they fit. Answers their mark.
///
/// Where they were known, by that mark, others are not taken for them: what was written is not there. Nor
/// are they, if another cluster has got them meanwhile.
pub(super) async fn set_up(
    client: &Client,
    server: &Server,
    known: Option<&Known>,
) -> Result<String, OpenPostgresError> {
    let failed = |cause| OpenPostgresError::Store(meaning(cause));
    let encoding: String = client
        .query_one("SELECT current_setting('server_encoding')", &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(failed)?;
    if encoding != "UTF8" {
        return Err(not_a_store(
            server,
            format!("the encoding of the database is {encoding}, not UTF8"),
        ));
    }
    if !is_there(client, server).await.map_err(failed)? {
        if known.is_some() {
            return Err(gone("its tables were deleted"));
        }
        make(client, server).await?;
    }
    check(client, server).await?;
    let query = format!("SELECT mark FROM {}.meta", server.quoted);
    let mark = one(client, server, &query).await?;
    if let Some(known) = known {
        if known.mark != mark {
            return Err(gone("its tables were replaced by others"));
        }
        if let Some(cluster) = &known.cluster {
            let theirs = cluster_of(client, server).await?;
            not_anothers(cluster, theirs)?;
        }
    }
    Ok(mark)
}

fn gone(why: &str) -> OpenPostgresError {
    OpenPostgresError::Store(StoreError::Gone(why.into()))
}

/// By a query: what the server looks up by a name may be what it was before another one made it.
async fn is_there(client: &Client, server: &Server) -> Result<bool, Error> {
    let found = client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE n.nspname = $1::text AND c.relname = 'meta')",
            &[&server.schema],
        )
        .await?;
    found.try_get(0)
}

/// In one transaction, one after another.
async fn make(client: &Client, server: &Server) -> Result<(), OpenPostgresError> {
    let failed = |cause: Error| match cause.code() {
        Some(&SqlState::DUPLICATE_TABLE) => not_a_store(server, text(&cause)),
        _ => OpenPostgresError::Store(meaning(cause)),
    };
    let begin =
        format!("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({LOCK})");
    client.batch_execute(&begin).await.map_err(failed)?;
    if is_there(client, server).await.map_err(failed)? {
        return client.batch_execute("COMMIT").await.map_err(failed);
    }
    let schema = client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1::text)",
            &[&server.schema],
        )
        .await
        .and_then(|row| row.try_get(0));
    // Who may not make schemas may not say so of one that is there either.
    let schema = if schema.map_err(failed)? {
        String::new()
    } else {
        format!("CREATE SCHEMA {};", server.quoted)
    };
    let tables = tables(&server.quoted, server.shards);
    client
        .batch_execute(&format!("{schema}{tables}"))
        .await
        .map_err(failed)?;
    client.batch_execute("COMMIT").await.map_err(failed)
}

/// `mark`: by which these tables are told from others of the same name. `cluster`: whose they are, if they are
/// bound. `used`: when it was started or saved something. `claims`: pairs of texts, as JSON; a type of JSON
/// would refuse some of them, and what cannot be read must be kept. `sum`: of the bytes. Room is left in each
/// page for the next version of a row, as most changes are of columns without an index.
fn tables(schema: &str, shards: u32) -> String {
    let (hash, last) = (Part::HASH, i64::from(shards) - 1);
    format!(
        r#"
CREATE TABLE {schema}.meta (
    version integer NOT NULL,
    shards  integer NOT NULL,
    hash    integer NOT NULL,
    mark    text    NOT NULL,
    cluster text,
    one     boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (one)
);
CREATE TABLE {schema}.parts (
    shard integer NOT NULL PRIMARY KEY,
    epoch bigint  NOT NULL
) WITH (fillfactor = 50);
CREATE TABLE {schema}.sessions (
    id        text COLLATE "C" NOT NULL PRIMARY KEY,
    shard     integer NOT NULL,
    kind      text    NOT NULL,
    arguments text    NOT NULL,
    label     text,
    claims    text    NOT NULL,
    revision  bigint  NOT NULL,
    started   bigint  NOT NULL,
    used      bigint  NOT NULL,
    resting   boolean NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX sessions_by_shard ON {schema}.sessions (shard);
CREATE TABLE {schema}.states (
    id       text COLLATE "C" NOT NULL,
    slot     text COLLATE "C" NOT NULL,
    revision bigint  NOT NULL,
    format   bigint  NOT NULL,
    saved    bigint  NOT NULL,
    sum      bigint  NOT NULL,
    bytes    bytea   NOT NULL,
    PRIMARY KEY (id, slot)
) WITH (fillfactor = 80);
INSERT INTO {schema}.parts SELECT shard, 0 FROM generate_series(0, {last}) AS shard;
INSERT INTO {schema}.meta (version, shards, hash, mark)
    VALUES ({VERSION}, {shards}, {hash}, md5(clock_timestamp()::text || random()::text));
"#
    )
}

/// From version 1, which knew of no cluster. By one of those that find it, in a transaction.
async fn upgrade(client: &Client, server: &Server) -> Result<(), OpenPostgresError> {
    let schema = &server.quoted;
    let upgrade = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({LOCK});
         ALTER TABLE {schema}.meta ADD COLUMN IF NOT EXISTS cluster text;
         UPDATE {schema}.meta SET version = {VERSION} WHERE version = 1; COMMIT"
    );
    let done = client.batch_execute(&upgrade).await;
    done.map_err(|cause| OpenPostgresError::Store(meaning(cause)))
}

/// Binds the tables to a cluster, or finds that they are bound to it. Of many that ask at once the server
/// lets one write, and the others see it.
pub(super) async fn bind(
    client: &Client,
    server: &Server,
    cluster: &str,
) -> Result<(), OpenPostgresError> {
    // Where nothing is to be written, a server that is read-only will do.
    let mut theirs = cluster_of(client, server).await?;
    if theirs.is_none() {
        let schema = &server.quoted;
        let write = format!("UPDATE {schema}.meta SET cluster = $1::text WHERE cluster IS NULL");
        let written = client.execute(&write, &[&cluster]).await;
        written.map_err(|cause| OpenPostgresError::Store(meaning(cause)))?;
        theirs = cluster_of(client, server).await?;
    }
    not_anothers(cluster, theirs)
}

async fn cluster_of(client: &Client, server: &Server) -> Result<Option<String>, OpenPostgresError> {
    let query = format!("SELECT cluster FROM {}.meta", server.quoted);
    one(client, server, &query).await
}

fn not_anothers(ours: &str, theirs: Option<String>) -> Result<(), OpenPostgresError> {
    match theirs {
        Some(theirs) if theirs != ours => {
            let other = StoreError::from(OtherCluster::new(ours, theirs));
            Err(OpenPostgresError::Store(other))
        }
        _ => Ok(()),
    }
}

/// The version comes first: of a later one nothing else is known.
async fn check(client: &Client, server: &Server) -> Result<(), OpenPostgresError> {
    let schema = &server.quoted;
    let found: i32 = one(
        client,
        server,
        &format!("SELECT version FROM {schema}.meta"),
    )
    .await?;
    if found > VERSION {
        return Err(OpenPostgresError::Newer {
            schema: server.schema.clone(),
            found,
            known: VERSION,
        });
    }
    if found < VERSION {
        upgrade(client, server).await?;
    }
    for (what, column, ours) in [
        ("the number of shards", "shards", server.shards),
        ("the version of the hash", "hash", Part::HASH),
    ] {
        let query = format!("SELECT {column} FROM {schema}.meta");
        let theirs: i32 = one(client, server, &query).await?;
        if i64::from(theirs) != i64::from(ours) {
            return Err(OpenPostgresError::Different {
                schema: server.schema.clone(),
                what,
                ours,
                theirs,
            });
        }
    }
    Ok(())
}

async fn one<T: FromSqlOwned>(
    client: &Client,
    server: &Server,
    query: &str,
) -> Result<T, OpenPostgresError> {
    let found = client.query_opt(query, &[]).await;
    let found = found.and_then(|row| row.map(|row| row.try_get(0)).transpose());
    match found {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(not_a_store(server, "its table meta is empty".to_owned())),
        Err(cause) => match cause.code() {
            Some(&SqlState::UNDEFINED_COLUMN) => Err(not_a_store(server, text(&cause))),
            Some(_) => Err(OpenPostgresError::Store(meaning(cause))),
            // A type that is no number, or a second row.
            None if !cause.is_closed() => Err(not_a_store(server, text(&cause))),
            None => Err(OpenPostgresError::Store(meaning(cause))),
        },
    }
}

fn text(error: &Error) -> String {
    let of_server = error.as_db_error().map(ToString::to_string);
    of_server.unwrap_or_else(|| error.to_string())
}

fn not_a_store(server: &Server, why: String) -> OpenPostgresError {
    let schema = server.schema.clone();
    OpenPostgresError::NotAStore { schema, why }
}
