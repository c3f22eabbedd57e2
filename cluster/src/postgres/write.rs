//! Writing: one transaction for all changes of a call, in three round trips.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use session_supervisor_store::StoreError;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Statement};

use super::batch::Group;
use super::connection::Connection;
use super::error::meaning;
use super::fence::Owned;
use super::read::begin;

/// A transaction that is not committed in the end is rolled back by the caller, or by the server when
/// the connection is closed. It is committed only when every part of it has been answered.
pub(super) async fn apply(
    connection: &Connection,
    groups: &[Group<'_>],
    owned: &Owned,
) -> Result<(), StoreError> {
    let noted = begin(connection, owned).await?;
    owned.check(&noted)?;
    let written = groups
        .iter()
        .map(|group| -> Request<'_> { Box::pin(write(connection, group)) });
    in_order(written.collect()).await.map_err(meaning)?;
    let committed = connection.client.batch_execute("COMMIT").await;
    committed.map_err(meaning)
}

type Request<'a> = Pin<Box<dyn Future<Output = Result<u64, Error>> + 'a>>;

/// Sends all of them, and then waits for their answers. The first error is the cause of all others.
async fn in_order(mut requests: Vec<Request<'_>>) -> Result<(), Error> {
    let mut early: Vec<_> = requests.iter().map(|_| None).collect();
    poll_fn(|context| {
        // A request is sent where it is first polled.
        for (request, early) in requests.iter_mut().zip(&mut early) {
            if let Poll::Ready(answer) = request.as_mut().poll(context) {
                *early = Some(answer);
            }
        }
        Poll::Ready(())
    })
    .await;
    for (request, early) in requests.into_iter().zip(early) {
        match early {
            Some(answer) => answer?,
            None => request.await?,
        };
    }
    Ok(())
}

async fn write(connection: &Connection, group: &Group<'_>) -> Result<u64, Error> {
    let Connection {
        client, statements, ..
    } = connection;
    let (statement, columns): (&Statement, Vec<&(dyn ToSql + Sync)>) = match group {
        Group::Remember(rows) => (
            &statements.remember,
            vec![
                &rows.ids,
                &rows.shards,
                &rows.kinds,
                &rows.arguments,
                &rows.labels,
                &rows.claims,
                &rows.revisions,
                &rows.started,
                &rows.used,
                &rows.resting,
            ],
        ),
        Group::Save(rows) => (
            &statements.save,
            vec![
                &rows.ids,
                &rows.revisions,
                &rows.slots,
                &rows.formats,
                &rows.saved,
                &rows.sums,
                &rows.bytes,
            ],
        ),
        Group::Forget { ids, revisions } => (&statements.forget, vec![ids, revisions]),
        Group::Rest {
            ids,
            revisions,
            resting,
        } => (&statements.rest, vec![ids, revisions, resting]),
        Group::Discard { ids } => (&statements.discard, vec![ids]),
    };
    client.execute(statement, &columns).await
}
