//! What the tests have in common: changes, and a client that does things by hand.

use session_supervisor_cluster::{PostgresOptions, PostgresStore};
use session_supervisor_store::{Change, Decided, Entry, Part, Record, SavedState, SessionStore};
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls};

pub(crate) use crate::chain::chain;
use crate::server::Server;

pub(crate) fn open(options: &PostgresOptions) -> PostgresStore {
    PostgresStore::open(options.clone()).unwrap_or_else(|error| panic!("{}", chain(&error)))
}

pub(crate) fn part(shard: u32, of: u32, epoch: u64) -> Part {
    Part::shard(shard, of, epoch).expect("a shard")
}

pub(crate) fn remember(id: &str, revision: u64) -> Change {
    Change::Remember(Record::new(id, "chat", r#"{"topic":"tea"}"#, revision, 7))
}

pub(crate) fn save(id: &str, revision: u64, bytes: &[u8]) -> Change {
    Change::Save {
        id: id.into(),
        revision,
        state: SavedState::new("", 1, bytes, 8),
    }
}

pub(crate) fn under(epoch: u64, changes: impl IntoIterator<Item = Change>) -> Vec<Decided> {
    changes
        .into_iter()
        .map(|change| Decided::under(epoch, change))
        .collect()
}

/// All ids that are there.
pub(crate) fn ids(store: &mut PostgresStore, part: Part) -> Vec<String> {
    let mut ids = Vec::new();
    let loaded = store.load(part, &mut |entry: Entry| ids.push(entry.id().to_string()));
    loaded.unwrap_or_else(|error| panic!("{}", chain(&error)));
    ids.sort_unstable();
    ids
}

/// A client that does by hand what a store would not.
pub(crate) struct Hand {
    runtime: Runtime,
    client: Client,
}

impl Hand {
    pub(crate) fn on(server: &Server) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        let runtime = runtime.expect("a runtime");
        let client = runtime.block_on(async {
            let (client, socket) = tokio_postgres::connect(&server.url(), NoTls)
                .await
                .expect("a server");
            tokio::spawn(socket);
            client
        });
        Self { runtime, client }
    }

    pub(crate) fn run(&self, statements: &str) {
        let done = self.runtime.block_on(self.client.batch_execute(statements));
        done.unwrap_or_else(|error| panic!("{}", chain(&error)));
    }

    /// The first column of the first row, as text.
    pub(crate) fn read(&self, query: &str) -> String {
        let rows = self.runtime.block_on(self.client.simple_query(query));
        let rows = rows.unwrap_or_else(|error| panic!("{}", chain(&error)));
        let text = rows.iter().find_map(|row| match row {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        text.unwrap_or_default().to_owned()
    }
}
