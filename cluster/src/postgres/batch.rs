//! The changes of a call as arrays, one for each column, in few groups.
//!
//! Changes of different ids may be made in any order. So the first change of each id goes into one wave,
//! the second of each into the next, and a wave has a group for each kind of change.

use std::collections::HashMap;

use session_supervisor_store::{Change, Decided, Part, Record, SavedState, StoreError};

use super::fence::{number, signed};

/// A group with so many rows or bytes takes no more: the server takes no request of a GiB.
const MOST_ROWS: usize = 4_096;
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What one request writes.
#[derive(Debug)]
pub(super) enum Group<'a> {
    Remember(Records<'a>),
    Save(States<'a>),
    Forget {
        ids: Vec<&'a str>,
        revisions: Vec<i64>,
    },
    Rest {
        ids: Vec<&'a str>,
        revisions: Vec<i64>,
        resting: Vec<bool>,
    },
    Discard {
        ids: Vec<&'a str>,
    },
}

#[derive(Debug, Default)]
pub(super) struct Records<'a> {
    pub(super) ids: Vec<&'a str>,
    pub(super) shards: Vec<i32>,
    pub(super) kinds: Vec<&'a str>,
    pub(super) arguments: Vec<&'a str>,
    pub(super) labels: Vec<Option<&'a str>>,
    pub(super) claims: Vec<String>,
    pub(super) revisions: Vec<i64>,
    pub(super) started: Vec<i64>,
    pub(super) used: Vec<i64>,
    pub(super) resting: Vec<bool>,
}

#[derive(Debug, Default)]
pub(super) struct States<'a> {
    pub(super) ids: Vec<&'a str>,
    pub(super) revisions: Vec<i64>,
    pub(super) slots: Vec<&'a str>,
    pub(super) formats: Vec<i64>,
    pub(super) saved: Vec<i64>,
    pub(super) sums: Vec<i64>,
    pub(super) bytes: Vec<&'a [u8]>,
}

/// The changes of one wave, by their kinds.
type Wave<'a> = [Vec<&'a Change>; 5];

impl<'a> Group<'a> {
    /// All changes, in groups that are to be written one after another.
    ///
    /// # Errors
    ///
    /// One of them cannot be written to PostgreSQL, whatever its state.
    pub(super) fn all_of(changes: &'a [Decided], shards: u32) -> Result<Vec<Self>, StoreError> {
        let mut waves: Vec<Wave<'_>> = Vec::new();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for Decided { change, .. } in changes {
            let wave = seen.entry(change.id()).or_default();
            if *wave == waves.len() {
                waves.push(Wave::default());
            }
            let kind = match change {
                Change::Remember(_) => 0,
                Change::Save { .. } => 1,
                Change::Forget { .. } => 2,
                Change::Rest { .. } | Change::Wake { .. } => 3,
                Change::Discard { .. } => 4,
                other => {
                    let why = format!("this version does not know the change {other:?}");
                    return Err(StoreError::Failed(why.into()));
                }
            };
            waves[*wave][kind].push(change);
            *wave += 1;
        }
        let mut groups = Vec::new();
        for mut kind in waves.into_iter().flatten() {
            // Those who write the same rows lock them in the same order.
            kind.sort_unstable_by_key(|change| change.id());
            let mut rest = kind.as_slice();
            while let Some(first) = rest.first() {
                let (now, later) = rest.split_at(fitting(rest));
                groups.push(Self::of(first, now, shards)?);
                rest = later;
            }
        }
        Ok(groups)
    }

    fn of(first: &Change, changes: &[&'a Change], shards: u32) -> Result<Self, StoreError> {
        let mut ids = Vec::with_capacity(changes.len());
        for change in changes {
            ids.push(text("an id", change.id(), change.id())?);
        }
        let revisions = || {
            let of = changes.iter().filter_map(|change| revision(change));
            of.map(|of| number("a revision", of))
                .collect::<Result<_, _>>()
        };
        Ok(match first {
            Change::Remember(_) => Self::Remember(records(ids, changes, shards)?),
            Change::Save { .. } => Self::Save(states(ids, revisions()?, changes)?),
            Change::Forget { .. } => Self::Forget {
                ids,
                revisions: revisions()?,
            },
            Change::Discard { .. } => Self::Discard { ids },
            _ => {
                let rests = |change: &&Change| matches!(change, Change::Rest { .. });
                Self::Rest {
                    ids,
                    revisions: revisions()?,
                    resting: changes.iter().map(rests).collect(),
                }
            }
        })
    }
}

/// How many of these go into one group, at least one.
fn fitting(changes: &[&Change]) -> usize {
    let mut bytes = 0_usize;
    let fits = changes.iter().take(MOST_ROWS).take_while(|change| {
        let before = bytes;
        bytes = bytes.saturating_add(size(change));
        before < MOST_BYTES
    });
    fits.count().max(1)
}

fn size(change: &Change) -> usize {
    match change {
        Change::Remember(record) => record.arguments.len(),
        Change::Save { state, .. } => state.bytes.len(),
        _ => 0,
    }
}

const fn revision(change: &Change) -> Option<u64> {
    match change {
        Change::Remember(record) => Some(record.revision),
        Change::Save { revision, .. }
        | Change::Forget { revision, .. }
        | Change::Rest { revision, .. }
        | Change::Wake { revision, .. } => Some(*revision),
        _ => None,
    }
}

fn records<'a>(
    ids: Vec<&'a str>,
    changes: &[&'a Change],
    shards: u32,
) -> Result<Records<'a>, StoreError> {
    let mut rows = Records::default();
    let records = changes.iter().filter_map(|change| match change {
        Change::Remember(record) => Some(record),
        _ => None,
    });
    for record in records {
        let Record { id, .. } = record;
        let claims = serde_json::to_string(&record.claims);
        rows.shards.push(signed(Part::shard_of(id, shards)));
        rows.kinds.push(text("the kind", id, &record.kind)?);
        rows.arguments
            .push(text("the arguments", id, &record.arguments)?);
        let label = record.label.as_deref();
        rows.labels.push(
            label
                .map(|label| text("the label", id, label))
                .transpose()?,
        );
        rows.claims
            .push(claims.map_err(|error| StoreError::Failed(Box::new(error)))?);
        rows.revisions.push(number("a revision", record.revision)?);
        rows.started.push(number("a time", record.started)?);
        rows.used.push(number("a time", record.used)?);
        rows.resting.push(record.resting);
    }
    rows.ids = ids;
    Ok(rows)
}

fn states<'a>(
    ids: Vec<&'a str>,
    revisions: Vec<i64>,
    changes: &[&'a Change],
) -> Result<States<'a>, StoreError> {
    let mut rows = States::default();
    let states = changes.iter().filter_map(|change| match change {
        Change::Save { id, state, .. } => Some((id, state)),
        _ => None,
    });
    for (id, state) in states {
        let SavedState { slot, bytes, .. } = state;
        rows.slots.push(text("a slot", id, slot)?);
        rows.formats.push(i64::from(state.format));
        rows.saved.push(number("a time", state.saved)?);
        rows.sums.push(sum(bytes));
        rows.bytes.push(bytes);
    }
    (rows.ids, rows.revisions) = (ids, revisions);
    Ok(rows)
}

/// A text as PostgreSQL has them.
fn text<'a>(what: &str, id: &str, text: &'a str) -> Result<&'a str, StoreError> {
    if text.contains('\0') {
        let why =
            format!("{what} of session {id:?} has a character 0, which PostgreSQL cannot store");
        return Err(StoreError::Failed(why.into()));
    }
    Ok(text)
}

/// FNV-1a of a state. A server checks what is in its log, and not always what is in its tables.
pub(super) fn sum(bytes: &[u8]) -> i64 {
    crate::engine::hash::fnv1a(bytes).cast_signed()
}
