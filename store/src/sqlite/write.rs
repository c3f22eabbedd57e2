//! Writing: one transaction for all changes of a call.

use rusqlite::{Connection, Transaction, TransactionBehavior};

use crate::part::fnv;
use crate::record::{Change, Decided, Record, SavedState};

pub(super) fn apply(connection: &mut Connection, changes: &[Decided]) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for decided in changes {
        match &decided.change {
            Change::Remember(record) => remember(&transaction, record)?,
            Change::Save {
                id,
                revision,
                state,
            } => save(&transaction, id, *revision, state)?,
            Change::Forget { id, revision } => forget(&transaction, id, *revision)?,
            Change::Rest { id, revision } => rests(&transaction, id, *revision, 1)?,
            Change::Wake { id, revision } => rests(&transaction, id, *revision, 0)?,
            Change::Discard { id } => discard(&transaction, id)?,
        }
    }
    transaction.commit()
}

fn remember(transaction: &Transaction<'_>, record: &Record) -> rusqlite::Result<()> {
    let claims = serde_json::to_string(&record.claims)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let written = transaction
        .prepare_cached(
            "INSERT INTO sessions
             (id, kind, arguments, label, claims, revision, started, used, resting)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (id) DO UPDATE SET
             kind = ?2, arguments = ?3, label = ?4, claims = ?5, revision = ?6, started = ?7,
             used = ?8, resting = ?9
             WHERE excluded.revision > sessions.revision",
        )?
        .execute((
            &*record.id,
            &*record.kind,
            &*record.arguments,
            record.label.as_deref(),
            claims,
            record.revision,
            record.started,
            record.used,
            record.resting,
        ))?;
    if written > 0 {
        forget_states(transaction, &record.id)?;
    }
    Ok(())
}

fn save(
    transaction: &Transaction<'_>,
    id: &str,
    revision: u64,
    state: &SavedState,
) -> rusqlite::Result<()> {
    let there = transaction
        .prepare_cached("UPDATE sessions SET used = max(used, ?3) WHERE id = ?1 AND revision = ?2")?
        .execute((id, revision, state.saved))?;
    if there == 0 {
        return Ok(());
    }
    transaction
        .prepare_cached(
            "INSERT INTO states (id, slot, format, saved, sum, bytes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (id, slot) DO UPDATE SET
             format = ?3, saved = ?4, sum = ?5, bytes = ?6",
        )?
        .execute((
            id,
            &*state.slot,
            state.format,
            state.saved,
            sum(&state.bytes),
            &*state.bytes,
        ))?;
    Ok(())
}

fn forget(transaction: &Transaction<'_>, id: &str, revision: u64) -> rusqlite::Result<()> {
    let gone = transaction
        .prepare_cached("DELETE FROM sessions WHERE id = ?1 AND revision <= ?2")?
        .execute((id, revision))?;
    if gone > 0 {
        forget_states(transaction, id)?;
    }
    Ok(())
}

fn rests(
    transaction: &Transaction<'_>,
    id: &str,
    revision: u64,
    resting: i64,
) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("UPDATE sessions SET resting = ?3 WHERE id = ?1 AND revision = ?2")?
        .execute((id, revision, resting))?;
    Ok(())
}

fn discard(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM sessions WHERE id = ?1")?
        .execute([id])?;
    forget_states(transaction, id)
}

fn forget_states(transaction: &Transaction<'_>, id: &str) -> rusqlite::Result<()> {
    transaction
        .prepare_cached("DELETE FROM states WHERE id = ?1")?
        .execute([id])?;
    Ok(())
}

/// FNV-1a of a state. SQLite checks what is in its log, and not what is in its file.
pub(super) fn sum(bytes: &[u8]) -> i64 {
    fnv(bytes).cast_signed()
}
