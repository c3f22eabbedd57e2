//! The store that all nodes of a cluster reach: one schema of a PostgreSQL.

mod batch;
mod connection;
mod error;
mod fence;
mod options;
mod read;
mod schema;
mod statements;
mod tls;
mod write;

use std::collections::BTreeSet;
use std::fmt;
use std::thread;

use session_supervisor_store::{Decided, Entry, Part, SavedState, SessionStore, StoreError};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::yield_now;

use batch::Group;
use connection::{Connection, Server, within};
pub use error::OpenPostgresError;
use fence::Owned;
pub use options::PostgresOptions;
use schema::Known;

/// A [`SessionStore`] in a schema of PostgreSQL that all nodes of a cluster reach. Each node opens one of
/// its own; a write of a node that has lost the part is [refused](StoreError::Fenced) in the transaction
/// that writes.
///
/// It has one connection, a thread of the caller, and a runtime of its own. After an error it connects
/// anew in the next call. A server that is stopped, starts or does not answer is
/// [`Unreachable`](StoreError::Unreachable): sessions go on meanwhile, and what waits is written at once
/// when it is back. Without [`PostgresOptions::tls`] nothing is encrypted: then it is for a network that
/// others do not read, or a tunnel.
///
/// Each call takes at most the [time](PostgresOptions::timeout) of the options, but for
/// [`load`](SessionStore::load) and [`load_many`](SessionStore::load_many), which wait that long for each
/// 256 sessions. The server ends the transaction of a node that was cut off after a quarter of it, so that
/// the next owner waits no longer.
///
/// Every write is one transaction, durable on the server when it is answered: `synchronous_commit` is
/// switched on where it is off. A server that runs with `fsync = off` loses writes when its machine ends;
/// a warning says so.
///
/// PostgreSQL 12 or later, an encoding of UTF8, and a connection that is a session: a pooler in
/// transaction mode is none. Texts of PostgreSQL have no character 0, so what has one is refused; an id
/// never has.
///
/// The tables are for people too: `sessions` (ids, kinds and arguments as text), `states`, `parts` (the
/// epoch of each shard's owner) and `meta`.
///
/// # One cluster, one schema
///
/// The first cluster that uses a schema has it: its name and the UUID that etcd keeps for it are noted in the
/// column `cluster` of `meta`. A node of any other cluster is refused when it
/// [joins](crate::ClusterSupervisor::join) ([`StoreError::OtherCluster`]), since epochs of two clusters
/// cannot be compared. To have another cluster continue with what is there, such as one whose etcd was
/// begun anew: stop all nodes of the old one, and give the schema free, with the epochs of the old etcd.
///
/// ```sql
/// update session_supervisor.meta set cluster = null;
/// update session_supervisor.parts set epoch = 0;
/// ```
///
/// ```no_run
/// use session_supervisor_cluster::{PostgresOptions, PostgresStore};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let options: PostgresOptions = "postgres://sessions:secret@10.0.0.7/app".parse()?;
/// let store = PostgresStore::open(options.schema("chat_sessions"))?;
/// # Ok(())
/// # }
/// ```
pub struct PostgresStore {
    /// None while it is dropped.
    runtime: Option<Runtime>,
    server: Server,
    /// Of its tables.
    tables: Known,
    connection: Option<Connection>,
    /// The shards of a write of which no answer came. It may still be made.
    unsettled: BTreeSet<i32>,
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore")
            .field("server", &self.server.name)
            .field("schema", &self.server.schema)
            .field("is_connected", &self.connection.is_some())
            .finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Connects, and makes the schema and its tables where there are none.
    ///
    /// It blocks, at most for the time of the options. It may be called where a runtime is: it does its
    /// work on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`OpenPostgresError`]. A schema that does not fit is left as it is.
    pub fn open(options: PostgresOptions) -> Result<Self, OpenPostgresError> {
        let server = Server::of(options)?;
        let opened = thread::scope(|scope| {
            let thread = thread::Builder::new().name("session store".to_owned());
            let opened = thread.spawn_scoped(scope, || Self::connected(server));
            opened.map(thread::ScopedJoinHandle::join)
        });
        let failed = |why: &str| OpenPostgresError::Store(StoreError::Failed(why.into()));
        match opened {
            Ok(Ok(opened)) => opened,
            Ok(Err(_panic)) => Err(failed("it panicked while it was opened")),
            Err(error) => Err(OpenPostgresError::Store(StoreError::Failed(Box::new(
                error,
            )))),
        }
    }

    fn connected(server: Server) -> Result<Self, OpenPostgresError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime
            .map_err(|cause| OpenPostgresError::Store(StoreError::Failed(Box::new(cause))))?;
        let connection = runtime.block_on(server.connect(None))?;
        Ok(Self {
            runtime: Some(runtime),
            server,
            tables: Known {
                mark: connection.mark.clone(),
                cluster: None,
            },
            connection: Some(connection),
            unsettled: BTreeSet::new(),
        })
    }

    /// Asks the server. After an error the connection is dropped, since late answers may still come over it.
    /// The error of an older owner is an answer like others.
    fn ask<T>(
        &mut self,
        ask: impl AsyncFnOnce(&Server, &Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if Handle::try_current().is_ok() {
            return Err(StoreError::Failed(
                "it blocks, so it cannot be called within a runtime".into(),
            ));
        }
        let Some(runtime) = &self.runtime else {
            return Err(StoreError::Failed("it is closed".into()));
        };
        let (server, tables) = (&self.server, &self.tables);
        let (known, unsettled) = (self.connection.take(), &mut self.unsettled);
        let answer = runtime.block_on(async {
            let connection = server.reach(tables, known, unsettled).await?;
            let answer = match ask(server, &connection).await {
                Err(StoreError::Fenced(why)) => {
                    server.roll_back(&connection).await?;
                    Err(StoreError::Fenced(why))
                }
                answer => Ok(answer?),
            };
            Ok((connection, answer))
        });
        match answer {
            Ok((connection, answer)) => {
                self.connection = Some(connection);
                answer
            }
            Err(error) => {
                // The socket is closed where its task ends, and the server gives up what was under way.
                runtime.block_on(async {
                    yield_now().await;
                    yield_now().await;
                });
                Err(error)
            }
        }
    }
}

impl SessionStore for PostgresStore {
    /// In the table `meta`. When the store connects anew, it looks whether it is so still.
    fn bind(&mut self, cluster: &str) -> Result<(), StoreError> {
        self.ask(async |server, connection| {
            let bound = async { Ok(schema::bind(&connection.client, server, cluster).await?) };
            within(server, bound).await
        })?;
        self.tables.cluster = Some(cluster.to_owned());
        Ok(())
    }

    fn shards(&self) -> Option<u32> {
        Some(self.server.shards)
    }

    fn load(&mut self, part: Part, found: &mut dyn FnMut(Entry)) -> Result<(), StoreError> {
        let refused = self.load_many(&[part], found)?;
        refused
            .into_iter()
            .next()
            .map_or(Ok(()), |(_, error)| Err(error))
    }

    /// In one transaction, whose locks keep off what earlier owners still write.
    fn load_many(
        &mut self,
        parts: &[Part],
        found: &mut dyn FnMut(Entry),
    ) -> Result<Vec<(Part, StoreError)>, StoreError> {
        if parts.is_empty() {
            return Ok(Vec::new());
        }
        let shards = self.server.shards;
        let parts = parts.iter();
        let parts = parts.map(|part| Ok((*part, Owned::part(*part, shards)?)));
        let parts = parts.collect::<Result<Vec<_>, StoreError>>()?;
        self.ask(async |server, connection| read::load(server, connection, parts, found).await)
    }

    fn entry(&mut self, id: &str) -> Result<Option<Entry>, StoreError> {
        if id.contains('\0') {
            return Ok(None);
        }
        self.ask(async |server, connection| {
            within(server, read::entry(server, connection, id)).await
        })
    }

    fn state(&mut self, id: &str, slot: &str) -> Result<Option<SavedState>, StoreError> {
        if id.contains('\0') || slot.contains('\0') {
            return Ok(None);
        }
        self.ask(async |server, connection| within(server, read::state(connection, id, slot)).await)
    }

    /// In one request.
    fn states(
        &mut self,
        ids: &[&str],
        slot: &str,
        found: &mut dyn FnMut(usize, Option<SavedState>),
    ) -> Result<(), StoreError> {
        // What cannot be sent is not there.
        let is_sent = |id: &str| !id.contains('\0') && !slot.contains('\0');
        let (places, sent): (Vec<_>, Vec<_>) = (0..).zip(ids).filter(|(_, id)| is_sent(id)).unzip();
        let states = match sent.is_empty() {
            true => Vec::new(),
            false => self.ask(async |server, connection| {
                within(server, read::states(connection, &sent, slot)).await
            })?,
        };
        let mut answers = vec![Some(None); ids.len()];
        for (place, state) in states {
            if let Some(answer) = places.get(place).and_then(|place| answers.get_mut(*place)) {
                *answer = state.map(Some);
            }
        }
        for (place, answer) in (0..).zip(answers) {
            if let Some(state) = answer {
                found(place, state);
            }
        }
        Ok(())
    }

    fn apply(&mut self, changes: &[Decided]) -> Result<(), StoreError> {
        if changes.is_empty() {
            return Ok(());
        }
        let shards = self.server.shards;
        // Nothing that cannot be sent may be found when half of it is.
        let groups = Group::all_of(changes, shards)?;
        let owned = Owned::by(changes, shards)?;
        let written = self.ask(async |server, connection| {
            within(server, write::apply(connection, &groups, &owned)).await
        });
        if !error::is_over(&written) {
            self.unsettled.extend(owned.shards());
        }
        written
    }
}

impl Drop for PostgresStore {
    /// Also where a runtime is, which one that is dropped as usual would not bear.
    fn drop(&mut self) {
        self.connection = None;
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
