//! Reading. A row that cannot be read is answered as such, and left as it is.

use std::collections::BTreeMap;

use session_supervisor::SessionId;
use session_supervisor_store::{Entry, Part, Record, SavedState, StoreError};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::batch::sum;
use super::connection::{Connection, Server, within};
use super::error::meaning;
use super::fence::Owned;
use super::statements::COLUMNS;

/// So many rows are asked for at once: the arguments of all sessions together may be larger than the
/// memory.
const ROWS: usize = 256;

/// Notes the epoch and reads, in one transaction. The lock on the part keeps off what an earlier owner
/// still writes: it is made before this reads, or refused.
pub(super) async fn load(
    server: &Server,
    connection: &Connection,
    part: Part,
    owned: &Owned,
    found: &mut dyn FnMut(Entry),
) -> Result<(), StoreError> {
    let Connection {
        client, statements, ..
    } = connection;
    let noting = async {
        let noted = begin(connection, owned).await?;
        owned.check(&noted)?;
        let later = owned.to_note(&noted);
        if !later.is_empty() {
            client
                .execute(&statements.note, &[&later, &owned.epoch()])
                .await
                .map_err(meaning)?;
        }
        // Of all shards each row is read, without an index.
        let of = match part.count() {
            1 => String::new(),
            _ => format!("WHERE shard = {}", part.number()),
        };
        let read = format!(
            "SET LOCAL enable_seqscan = on;
             DECLARE entries NO SCROLL CURSOR FOR SELECT {COLUMNS} FROM {}.sessions {of}",
            server.quoted
        );
        client.batch_execute(&read).await.map_err(meaning)
    };
    within(server, noting).await?;
    let more = format!("FETCH FORWARD {ROWS} FROM entries");
    loop {
        let rows = async { client.query_typed(&more, &[]).await.map_err(meaning) };
        let rows = within(server, rows).await?;
        for row in &rows {
            let entry = entry_of(row, server.shards);
            if part.has(entry.id()) {
                found(entry);
            } else {
                tracing::error!(id = %entry.id(), "a session is not in the shard of its id: it is left out");
            }
        }
        if rows.len() < ROWS {
            break;
        }
    }
    let end = async { client.batch_execute("COMMIT").await.map_err(meaning) };
    within(server, end).await
}

/// Begins a transaction, locks its shards and answers what is noted for them, in one round trip.
///
/// Both must be answered: without the first one the locks would be over by now.
pub(super) async fn begin(
    connection: &Connection,
    owned: &Owned,
) -> Result<BTreeMap<i32, i64>, StoreError> {
    let client = &connection.client;
    let shards = owned.shards();
    let shards: [&(dyn ToSql + Sync); 1] = [&shards];
    let (begun, noted) = tokio::join!(
        biased;
        client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED"),
        client.query(&connection.statements.owned, &shards),
    );
    begun.map_err(meaning)?;
    let noted = noted.map_err(meaning)?;
    let noted = noted
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    noted.collect::<Result<_, Error>>().map_err(meaning)
}

pub(super) async fn entry(
    server: &Server,
    connection: &Connection,
    id: &str,
) -> Result<Option<Entry>, StoreError> {
    let found = connection
        .client
        .query_opt(&connection.statements.entry, &[&id])
        .await;
    Ok(found
        .map_err(meaning)?
        .map(|row| entry_of(&row, server.shards)))
}

fn entry_of(row: &Row, shards: u32) -> Entry {
    match record_of(row, shards) {
        Ok(record) => Entry::Record(record),
        Err(cause) => {
            let id = row.try_get(0).unwrap_or("");
            Entry::Unreadable {
                id: id.into(),
                cause,
            }
        }
    }
}

fn record_of(row: &Row, shards: u32) -> Result<Record, String> {
    let unreadable = |error: Error| match std::error::Error::source(&error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    };
    let text = |column| row.try_get::<_, &str>(column).map_err(unreadable);
    let number = |what: &str, column| {
        let number: i64 = row.try_get(column).map_err(unreadable)?;
        u64::try_from(number).map_err(|_| format!("{what} is {number}"))
    };
    let id = SessionId::try_from(text(0)?).map_err(|error| error.to_string())?;
    let shard: i32 = row.try_get(1).map_err(unreadable)?;
    let expected = Part::shard_of(&id, shards);
    if i64::from(shard) != i64::from(expected) {
        return Err(format!(
            "it is in shard {shard}, its id belongs to {expected}"
        ));
    }
    let claims = serde_json::from_str(text(5)?).map_err(|error| format!("its claims: {error}"))?;
    let revision = number("its revision", 6)?;
    let mut record = Record::new(&*id, text(2)?, text(3)?, revision, number("its start", 7)?);
    let label: Option<&str> = row.try_get(4).map_err(unreadable)?;
    record.label = label.map(Into::into);
    record.claims = claims;
    record.used = number("its last use", 8)?;
    record.resting = row.try_get(9).map_err(unreadable)?;
    Ok(record)
}

pub(super) async fn state(
    connection: &Connection,
    id: &str,
    slot: &str,
) -> Result<Option<SavedState>, StoreError> {
    let found = connection
        .client
        .query_opt(&connection.statements.state, &[&id, &slot])
        .await;
    let Some(row) = found.map_err(meaning)? else {
        return Ok(None);
    };
    let damaged = |why: &str| {
        let why = format!("the state {slot:?} of session {id:?}: {why}");
        StoreError::Damaged(why.into())
    };
    let number = |column| {
        row.try_get::<_, i64>(column)
            .map_err(|error| damaged(&error.to_string()))
    };
    let format = u32::try_from(number(0)?).map_err(|_| damaged("its format is no number"))?;
    let saved = u64::try_from(number(1)?).map_err(|_| damaged("its time is no number"))?;
    let bytes: &[u8] = row
        .try_get(3)
        .map_err(|error| damaged(&error.to_string()))?;
    if sum(bytes) != number(2)? {
        return Err(damaged("it is not what was written"));
    }
    Ok(Some(SavedState::new(slot, format, bytes, saved)))
}
