//! Reading. A row that cannot be read is answered as such, and left as it is.

use std::collections::BTreeMap;

use session_supervisor::SessionId;
use session_supervisor_store::{Entry, Part, Record, SavedState, StoreError};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::batch::sum;
use super::connection::{Connection, Server, within};
use super::error::meaning;
use super::fence::{Owned, signed};
use super::statements::COLUMNS;

/// How many rows are asked for at once: the arguments of all sessions together may be larger than the
/// memory.
const ROWS: usize = 256;

/// Notes the epochs and reads, in one transaction. The locks on the parts keep off what earlier owners
/// still write: it is made before this reads, or refused. Answers the parts that have a later owner.
pub(super) async fn load(
    server: &Server,
    connection: &Connection,
    parts: Vec<(Part, Owned)>,
    found: &mut dyn FnMut(Entry),
) -> Result<Vec<(Part, StoreError)>, StoreError> {
    let client = &connection.client;
    let (owned, refused) = within(server, note(connection, parts)).await?;
    let shards = owned.set();
    if !shards.is_empty() {
        within(server, open(server, connection, &owned)).await?;
    }
    let more = format!("FETCH FORWARD {ROWS} FROM entries");
    while !shards.is_empty() {
        let rows = async { client.query_typed(&more, &[]).await.map_err(meaning) };
        let rows = within(server, rows).await?;
        for row in &rows {
            let entry = entry_of(row, server.shards);
            let shard = Part::shard_of(entry.id(), server.shards);
            if shards.contains(&signed(shard)) {
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
    within(server, end).await?;
    Ok(refused)
}

/// Begins the transaction, and notes the epochs of the parts that have no later owner. Answers the shards of
/// these, and the other parts.
async fn note(
    connection: &Connection,
    parts: Vec<(Part, Owned)>,
) -> Result<(Owned, Vec<(Part, StoreError)>), StoreError> {
    let all = Owned::of(parts.iter().map(|(_, owned)| owned));
    let noted = begin(connection, &all).await?;
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for (part, owned) in parts {
        match owned.check(&noted) {
            Ok(()) => taken.push(owned),
            Err(error @ StoreError::Fenced(_)) => refused.push((part, error)),
            Err(error) => return Err(error),
        }
    }
    let taken = Owned::of(&taken);
    let (shards, epochs) = taken.to_note(&noted);
    if !shards.is_empty() {
        let note = &connection.statements.note;
        let client = &connection.client;
        let done = client.execute(note, &[&shards, &epochs]).await;
        done.map_err(meaning)?;
    }
    Ok((taken, refused))
}

/// Begins to read the rows of some shards.
async fn open(server: &Server, connection: &Connection, owned: &Owned) -> Result<(), StoreError> {
    let shards = owned.shards();
    // Of all shards each row is read, without an index.
    let of = if u32::try_from(shards.len()) == Ok(server.shards) {
        String::new()
    } else {
        let shards: Vec<_> = shards.iter().map(ToString::to_string).collect();
        format!("WHERE shard = ANY ('{{{}}}'::integer[])", shards.join(","))
    };
    let read = format!(
        "SET LOCAL enable_seqscan = on;
         DECLARE entries NO SCROLL CURSOR FOR SELECT {COLUMNS} FROM {}.sessions {of}",
        server.quoted
    );
    let client = &connection.client;
    client.batch_execute(&read).await.map_err(meaning)
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
    match state_of(&row, slot) {
        Ok(state) => Ok(Some(state)),
        Err(why) => {
            let why = format!("the state {slot:?} of session {id:?}: {why}");
            Err(StoreError::Damaged(why.into()))
        }
    }
}

/// The states of several ids, each with the place of its id, from 0. None: it is damaged. Those that have
/// none are not among them.
pub(super) async fn states(
    connection: &Connection,
    ids: &[&str],
    slot: &str,
) -> Result<Vec<(usize, Option<SavedState>)>, StoreError> {
    let asked: [&(dyn ToSql + Sync); 2] = [&ids, &slot];
    let statement = &connection.statements.states;
    let rows = connection.client.query(statement, &asked).await;
    let rows = rows.map_err(meaning)?;
    let states = rows.iter().map(|row| {
        let place: i64 = row.try_get(4).map_err(meaning)?;
        let place = usize::try_from(place - 1).unwrap_or(usize::MAX);
        Ok((place, state_of(row, slot).ok()))
    });
    states.collect()
}

fn state_of(row: &Row, slot: &str) -> Result<SavedState, String> {
    let number = |column| {
        row.try_get::<_, i64>(column)
            .map_err(|error| error.to_string())
    };
    let format = u32::try_from(number(0)?).map_err(|_| "its format is no number")?;
    let saved = u64::try_from(number(1)?).map_err(|_| "its time is no number")?;
    let bytes: &[u8] = row.try_get(3).map_err(|error| error.to_string())?;
    if sum(bytes) != number(2)? {
        return Err("it is not what was written".to_owned());
    }
    Ok(SavedState::new(slot, format, bytes, saved))
}
