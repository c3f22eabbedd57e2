//! What the server is asked, prepared once for a connection.
//!
//! Each statement that writes takes arrays: as many rows as there are, in one request. Of the rows of one
//! request no two have the same id.

use tokio_postgres::{Client, Error, Statement};

pub(super) const COLUMNS: &str =
    "id, shard, kind, arguments, label, claims, revision, started, used, resting";

#[derive(Debug)]
pub(super) struct Statements {
    /// The epochs of shards, which are locked in their order until the transaction ends. Two owners that
    /// lock some of the same do not wait for each other in a circle, and one waits for what it has itself
    /// sent over an earlier connection.
    pub(super) owned: Statement,
    /// Notes epochs for shards.
    pub(super) note: Statement,
    pub(super) entry: Statement,
    pub(super) state: Statement,
    /// The states of several ids, each with the place of its id, from 1.
    pub(super) states: Statement,
    pub(super) remember: Statement,
    pub(super) save: Statement,
    pub(super) forget: Statement,
    pub(super) rest: Statement,
    pub(super) discard: Statement,
}

impl Statements {
    /// All of them at once: one round trip.
    pub(super) async fn prepare(client: &Client, schema: &str) -> Result<Self, Error> {
        let owned = format!(
            "SELECT shard, epoch FROM {schema}.parts WHERE shard = ANY($1) ORDER BY shard FOR UPDATE"
        );
        let note = format!(
            "UPDATE {schema}.parts p SET epoch = late.epoch
             FROM unnest($1::integer[], $2::bigint[]) AS late (shard, epoch)
             WHERE p.shard = late.shard AND p.epoch < late.epoch"
        );
        let entry = format!("SELECT {COLUMNS} FROM {schema}.sessions WHERE id = $1");
        let state = format!(
            "SELECT t.format, t.saved, t.sum, t.bytes FROM {schema}.states t
             JOIN {schema}.sessions s ON s.id = t.id AND s.revision = t.revision
             WHERE t.id = $1 AND t.slot = $2"
        );
        let states = format!(
            "SELECT t.format, t.saved, t.sum, t.bytes, late.place
             FROM unnest($1::text[]) WITH ORDINALITY AS late (id, place)
             JOIN {schema}.states t ON t.id = late.id AND t.slot = $2
             JOIN {schema}.sessions s ON s.id = t.id AND s.revision = t.revision"
        );
        let (remember, save) = (remember(schema), save(schema));
        let forget = format!(
            "WITH late AS (SELECT * FROM unnest($1::text[], $2::bigint[]) AS late (id, revision)),
             gone AS (DELETE FROM {schema}.sessions s USING late
                WHERE s.id = late.id AND s.revision <= late.revision RETURNING s.id)
             DELETE FROM {schema}.states WHERE id = ANY(ARRAY(SELECT id FROM gone))"
        );
        let rest = format!(
            "UPDATE {schema}.sessions s SET resting = late.resting
             FROM unnest($1::text[], $2::bigint[], $3::boolean[]) AS late (id, revision, resting)
             WHERE s.id = late.id AND s.revision = late.revision"
        );
        let discard = format!(
            "WITH gone AS (DELETE FROM {schema}.sessions WHERE id = ANY($1::text[]))
             DELETE FROM {schema}.states WHERE id = ANY($1::text[])"
        );
        let (owned, note, entry, state, states, remember, save, forget, rest, discard) = tokio::try_join!(
            client.prepare(&owned),
            client.prepare(&note),
            client.prepare(&entry),
            client.prepare(&state),
            client.prepare(&states),
            client.prepare(&remember),
            client.prepare(&save),
            client.prepare(&forget),
            client.prepare(&rest),
            client.prepare(&discard),
        )?;
        Ok(Self {
            owned,
            note,
            entry,
            state,
            states,
            remember,
            save,
            forget,
            rest,
            discard,
        })
    }
}

/// A session takes the place of an earlier one of its id, and what that has saved goes with it.
fn remember(schema: &str) -> String {
    format!(
        "WITH late AS (SELECT * FROM unnest($1::text[], $2::integer[], $3::text[], $4::text[], $5::text[],
                $6::text[], $7::bigint[], $8::bigint[], $9::bigint[], $10::boolean[])
            AS late ({COLUMNS})),
         done AS (INSERT INTO {schema}.sessions ({COLUMNS}) SELECT {COLUMNS} FROM late
            ON CONFLICT (id) DO UPDATE SET
                shard = excluded.shard, kind = excluded.kind, arguments = excluded.arguments,
                label = excluded.label, claims = excluded.claims, revision = excluded.revision,
                started = excluded.started, used = excluded.used, resting = excluded.resting
            WHERE excluded.revision > sessions.revision RETURNING id)
         DELETE FROM {schema}.states WHERE id = ANY(ARRAY(SELECT id FROM done))"
    )
}

/// Nothing is saved but for the very revision that is there.
fn save(schema: &str) -> String {
    format!(
        "WITH late AS (SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[],
                $5::bigint[], $6::bigint[], $7::bytea[])
            AS late (id, revision, slot, format, saved, sum, bytes)),
         there AS (UPDATE {schema}.sessions s SET used = greatest(s.used, late.saved) FROM late
            WHERE s.id = late.id AND s.revision = late.revision RETURNING late.*)
         INSERT INTO {schema}.states AS t (id, revision, slot, format, saved, sum, bytes)
         SELECT id, revision, slot, format, saved, sum, bytes FROM there
         ON CONFLICT (id, slot) DO UPDATE SET
            revision = excluded.revision, format = excluded.format, saved = excluded.saved,
            sum = excluded.sum, bytes = excluded.bytes"
    )
}
