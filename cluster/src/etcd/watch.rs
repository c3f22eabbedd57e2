//! What changes in etcd, for ever: all keys once, then every change after them.

use std::fmt;
use std::time::Duration;

use etcd_client::{Client, GetOptions, WatchOptions, WatchResponse, WatchStream};
use thiserror::Error;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::chain::chain;
use crate::engine::{Backoff, Retry, Shards};

use super::Etcd;
use super::connection::LARGEST;
use super::error::EtcdError;
use super::history::WentBack;
use super::snapshot::{Change, Snapshot};
use super::values::random;

/// How many changes wait for their reader. Beyond that etcd keeps them.
const WAITING: usize = 1_024;

/// What the watch has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it begins anew or it goes on")]
pub enum Seen {
    /// All that stands in etcd now. What was seen before counts no more: changes may have been missed.
    Reset(Snapshot),
    /// A change after that.
    Change(Change),
    /// etcd was restored from a backup, or is another one. Nothing more is seen.
    WentBack(WentBack),
}

/// A view of a cluster's keys that follows etcd until it is dropped.
///
/// A broken connection, a server that is silent or has lost the others, and a compaction of the
/// changes that were not yet read all lead to a new [`Seen::Reset`], after pauses of 50 ms to 2 s.
pub struct Watch {
    seen: mpsc::Receiver<Seen>,
    task: AbortHandle,
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// Begins to follow. Waits for nothing.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    #[must_use]
    pub fn start(etcd: &Etcd, shards: Shards) -> Self {
        let (tell, seen) = mpsc::channel(WAITING);
        let follower = Follower {
            etcd: etcd.clone(),
            shards,
            tell,
            retry: Retry::new(Backoff::default(), random()),
        };
        let task = tokio::spawn(follower.run()).abort_handle();
        Self { seen, task }
    }

    /// The next thing seen; the first is a [`Seen::Reset`]. Waits as long as nothing changes, and
    /// while etcd is away. None: nothing more is seen, since that was told or the runtime is being shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn next(&mut self) -> Option<Seen> {
        self.seen.recv().await
    }
}

/// Why the view has to begin anew.
#[derive(Debug, Error)]
enum Broken {
    #[error(transparent)]
    Etcd(#[from] EtcdError),
    #[error("the changes from revision {from} on are compacted")]
    Compacted { from: i64 },
    #[error("etcd has ended the watch: {reason}")]
    Ended { reason: String },
    #[error("etcd does not answer on the connection of the watch")]
    Silent,
    #[error("nothing reads the watch any more")]
    Unread,
}

struct Follower {
    etcd: Etcd,
    shards: Shards,
    tell: mpsc::Sender<Seen>,
    retry: Retry,
}

impl Follower {
    async fn run(mut self) {
        loop {
            let why = match self.follow().await {
                Ok(never) => match never {},
                Err(Broken::Unread) => return,
                Err(Broken::Etcd(EtcdError::WentBack(why))) => {
                    // An error: the watch was dropped, so nothing reads this.
                    drop(self.tell(Seen::WentBack(why)).await);
                    return;
                }
                Err(why) => why,
            };
            if self.retry.failures() == 0 {
                warn!(
                    error = chain(&why),
                    "the watch of etcd is broken; it begins anew"
                );
            } else {
                debug!(
                    error = chain(&why),
                    "the watch of etcd is still broken; it begins anew"
                );
            }
            sleep(self.retry.failed()).await;
        }
    }

    /// All keys once, then every change, until something breaks.
    async fn follow(&mut self) -> Result<Never, Broken> {
        let snapshot = self.etcd.snapshot(self.shards).await?;
        let from = i64::try_from(snapshot.revision).unwrap_or(i64::MAX) + 1;
        self.tell(Seen::Reset(snapshot)).await?;
        let (client, mut stream) = self.open(from).await?;
        let silence = self.etcd.connection.request_timeout();
        loop {
            match timeout(silence, stream.message()).await {
                Err(_) => self.probe(client.clone(), silence).await?,
                Ok(Ok(Some(answer))) => self.heard(from, &answer).await?,
                Ok(Ok(None)) => {
                    return Err(Broken::Ended {
                        reason: "the stream is over".into(),
                    });
                }
                Ok(Err(error)) => {
                    return Err(Broken::Ended {
                        reason: error.to_string(),
                    });
                }
            }
        }
    }

    async fn open(&self, from: i64) -> Result<(Client, WatchStream), Broken> {
        let keys = &self.etcd.keys;
        let (start, end) = (keys.start(), keys.end());
        let options = WatchOptions::new()
            .with_range(end)
            .with_start_revision(from);
        let asked = |client: Client| async move {
            let mut watch = client.watch_client().max_decoding_message_size(LARGEST);
            let stream = watch.watch(start, Some(options)).await?;
            Ok((client, stream))
        };
        Ok(self.etcd.connection.call("the watch", asked).await?)
    }

    /// Nothing has changed for a while, or etcd is stopped or cut off: a read on the same connection
    /// tells. A progress request of the watch would be the obvious way, and several versions of etcd do
    /// not answer one (3.4.25 to 3.4.30, 3.5.8 to 3.5.12).
    async fn probe(&self, mut client: Client, within: Duration) -> Result<(), Broken> {
        let key = self.etcd.confirming_key();
        let options = GetOptions::new().with_serializable().with_count_only();
        match timeout(within, client.get(key, Some(options))).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Broken::Silent),
        }
    }

    async fn heard(&mut self, from: i64, answer: &WatchResponse) -> Result<(), Broken> {
        if answer.compact_revision() > 0 {
            return Err(Broken::Compacted { from });
        }
        if answer.canceled() {
            return Err(Broken::Ended {
                reason: answer.cancel_reason().to_owned(),
            });
        }
        // The first answer has no events: etcd says with it that it watches.
        if self.retry.failures() > 0 {
            info!(revision = from, "the watch of etcd goes on");
        }
        self.retry.succeeded();
        for event in answer.events() {
            let Some(key) = event.kv() else { continue };
            let revision = key.mod_revision().unsigned_abs();
            self.etcd.history.saw_change(revision);
            // A deleted key has no version. The client's own type of an event panics on kinds that it
            // does not know.
            let what = if key.version() == 0 {
                self.etcd.deleted(key, self.shards)
            } else {
                self.etcd.put(key, self.shards, &self.etcd.unreadable)
            };
            if let Some(what) = what {
                self.tell(Seen::Change(Change { revision, what })).await?;
            }
        }
        Ok(())
    }

    async fn tell(&self, seen: Seen) -> Result<(), Broken> {
        self.tell.send(seen).await.map_err(|_| Broken::Unread)
    }
}

enum Never {}
