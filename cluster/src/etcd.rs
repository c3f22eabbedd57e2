//! etcd, which decides who owns what: keys, the lease of a node, claims, the watch, the planner.
//!
//! All of it is plain reads, writes and transactions, which etcd orders strictly. Its lock API is not
//! used. Every request has a time limit. A request that fails turns to the next endpoint, so that the
//! one after it does not meet the same dead server; nothing is repeated here except the renewal of the
//! lease and the watch.
//!
//! # An etcd that goes back
//!
//! Epochs are revisions of etcd, so they grow as long as etcd's history is one. Restored from a backup, or
//! replaced by another one, it may be at an earlier revision than a node has seen: every read and every
//! transaction fails with [`WentBack`] then, the lease and the watch end, and the node ends all that it
//! runs. It [begins](Etcd::begin) again when etcd is past all that it has seen.
//!
//! # Which etcd
//!
//! Any 3.4 or later; 3.4.31, 3.5.13 or later is better. Before these, a leader that was stopped or cut
//! off for longer than a lease can revoke it when it goes on, although the others have renewed it
//! (etcd issue 15247). The node learns of that from its watch and at its next renewal; until then only
//! the epoch separates it from a new owner. The other half of that defect, a renewal that such a leader
//! answers and the others know nothing of, is met here: see [`Lease`].
//!
//! # What it costs
//!
//! `cargo test -p session-supervisor-cluster --release --test etcd -- --ignored --nocapture
//! --test-threads 1` prints the figures of a machine: a claim, 512 shards in batches, and the time from
//! the last renewal to the end of its shards as the watch of another node sees it.

mod claims;
mod connection;
mod error;
mod history;
mod keepalive;
mod keys;
mod lease;
mod nodes;
mod options;
mod planner;
mod settings;
mod snapshot;
mod txn;
mod unreadable;
mod values;
mod watch;

use std::fmt;
use std::sync::Arc;

use connection::Connection;
use history::History;
use keys::Keys;
use unreadable::UnreadableKeys;

pub use claims::{Claim, Release};
pub use error::{ConnectError, Denied, EtcdError, GrantError, Outcome, SettingsError};
pub use history::{Position, WentBack};
pub use lease::{Lease, LeaseState, Lost};
pub use nodes::{NodeKeys, Registered, Registration, Updated};
pub use options::EtcdOptions;
pub use planner::{Election, PlanWrite, PlannerTerm};
pub use settings::{Settings, WantedSettings};
pub use snapshot::{Change, Changed, Snapshot};
pub(crate) use unreadable::UnreadableKey;
pub use values::{NodeInfo, NodeRun, Planner};
pub(crate) use values::{Unreadable, is_address};
pub use watch::{Seen, Watch};

/// A cluster in etcd: its endpoints, and the prefix of its keys. Clones are the same connections.
#[derive(Clone)]
pub struct Etcd {
    connection: Arc<Connection>,
    keys: Arc<Keys>,
    history: Arc<History>,
    unreadable: Arc<UnreadableKeys>,
}

impl fmt::Debug for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Etcd")
            .field("connection", &self.connection)
            .field("keys", &self.keys)
            .finish()
    }
}

impl Etcd {
    /// Takes the endpoints and the options, and connects when something is first asked.
    ///
    /// It waits for nothing, so it succeeds while etcd is away: the first request tells.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: no endpoint, one that is no URL, an option outside its bounds.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Cancel safety
    ///
    /// Nothing remains of a call that was cancelled.
    pub async fn connect<I>(endpoints: I, options: EtcdOptions) -> Result<Self, ConnectError>
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        let options = options.checked()?;
        let keys = Keys::new(&options.prefix);
        let connection = Connection::new(endpoints, options).await?;
        Ok(Self {
            connection: Arc::new(connection),
            keys: Arc::new(keys),
            history: Arc::default(),
            unreadable: Arc::default(),
        })
    }

    /// Asks whether a node that runs nothing may begin: whether etcd is at least as far as all that this
    /// process has seen. It may be another etcd than before.
    ///
    /// # Errors
    ///
    /// [`EtcdError::WentBack`], or etcd has not answered.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing in etcd.
    pub async fn begin(&self) -> Result<(), EtcdError> {
        let request = "its revision";
        let key = self.confirming_key();
        let asked = |mut client: etcd_client::Client| async move {
            let options = etcd_client::GetOptions::new().with_count_only();
            client.get(key, Some(options)).await
        };
        let answer = self.connection.call(request, asked).await?;
        self.history
            .begins_at(request, Position::of(answer.header()))
    }

    /// The keys whose values could not be read when they were seen last, in their order.
    pub(crate) fn unreadable(&self) -> Vec<UnreadableKey> {
        self.unreadable.all()
    }

    /// The prefix of all keys, without a slash at its end.
    #[must_use]
    pub fn prefix(&self) -> &str {
        self.keys.prefix()
    }
}
