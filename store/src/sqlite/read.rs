//! Reading. A row that cannot be read is answered as such, and left as it is.

use std::sync::Arc;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row};

use super::from_sqlite;
use super::write::sum;
use crate::record::{Entry, Record, SavedState};
use crate::session_store::StoreError;

const COLUMNS: &str = "id, kind, arguments, label, claims, revision, started, used, resting";

/// Row by row: the arguments of all sessions together may be larger than the memory.
pub(super) fn load(
    connection: &Connection,
    wanted: impl Fn(&str) -> bool,
    found: &mut dyn FnMut(Entry),
) -> Result<(), StoreError> {
    let mut read = || {
        let mut statement =
            connection.prepare_cached(&format!("SELECT {COLUMNS} FROM sessions"))?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let entry = entry_of(row);
            if wanted(entry.id()) {
                found(entry);
            }
        }
        Ok(())
    };
    read().map_err(from_sqlite)
}

pub(super) fn entry(connection: &Connection, id: &str) -> Result<Option<Entry>, StoreError> {
    let read = || {
        let mut statement =
            connection.prepare_cached(&format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1"))?;
        let entry = statement.query_row([id], |row| Ok(entry_of(row)));
        entry.optional()
    };
    read().map_err(from_sqlite)
}

fn entry_of(row: &Row<'_>) -> Entry {
    match record_of(row) {
        Ok(record) => Entry::Record(record),
        Err(error) => {
            let bytes = match row.get_ref(0) {
                Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => bytes,
                _ => b"",
            };
            Entry::Unreadable {
                id: String::from_utf8_lossy(bytes).into(),
                cause: error.to_string(),
            }
        }
    }
}

fn record_of(row: &Row<'_>) -> rusqlite::Result<Record> {
    let text = |column| row.get::<_, String>(column).map(Arc::<str>::from);
    let claims: String = row.get(4)?;
    let claims = serde_json::from_str(&claims).map_err(|error| {
        let text = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(4, text, Box::new(error))
    })?;
    Ok(Record {
        id: text(0)?,
        kind: text(1)?,
        arguments: text(2)?,
        label: row.get::<_, Option<String>>(3)?.map(Arc::from),
        claims,
        revision: row.get(5)?,
        started: row.get(6)?,
        used: row.get(7)?,
        resting: row.get(8)?,
    })
}

pub(super) fn state(
    connection: &Connection,
    id: &str,
    slot: &str,
) -> Result<Option<SavedState>, StoreError> {
    let read = || {
        let mut statement = connection.prepare_cached(
            "SELECT format, saved, sum, bytes FROM states WHERE id = ?1 AND slot = ?2",
        )?;
        let state = statement.query_row([id, slot], |row| {
            let bytes: Vec<u8> = row.get(3)?;
            let (format, saved, stored): (u32, u64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((SavedState::new(slot, format, bytes, saved), stored))
        });
        state.optional()
    };
    match read().map_err(from_sqlite)? {
        Some((state, stored)) if sum(&state.bytes) != stored => Err(StoreError::Damaged(
            format!("the state {slot:?} of session {id:?} is not what was written").into(),
        )),
        found => Ok(found.map(|(state, _)| state)),
    }
}

pub(super) fn states(
    connection: &Connection,
    ids: &[&str],
    slot: &str,
    found: &mut dyn FnMut(usize, Option<SavedState>),
) -> Result<(), StoreError> {
    // It only reads, and is dropped.
    let transaction = connection.unchecked_transaction().map_err(from_sqlite)?;
    for (place, id) in ids.iter().enumerate() {
        match state(&transaction, id, slot) {
            Ok(state) => found(place, state),
            Err(StoreError::Damaged(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
