//! A supervisor over a store that several processes share: it runs the sessions of the parts that it is
//! told to take over, until it is told to hand them over.

use std::fmt;
use std::sync::Arc;

use session_supervisor::Options;
use tokio::sync::watch;

use super::DurableSupervisor;
use super::opening::{Restores, read};
use crate::error::OpenError;
use crate::kinds::Kinds;
use crate::loaded::Loaded;
use crate::part::{Part, Parts};
use crate::restore::{RestoreReport, restore};
use crate::session_store::{SessionStore, StoreError};

/// A part that was taken over, or several: their sessions are known, and their restore goes on.
#[derive(Debug)]
pub struct TakenOver(Vec<watch::Receiver<Option<RestoreReport>>>);

impl TakenOver {
    /// Waits until they are restored, and says which are not. `None` if the runtime was shut down
    /// before that.
    ///
    /// # Cancel safety
    ///
    /// Safe: it changes nothing.
    pub async fn restored(mut self) -> Option<RestoreReport> {
        let mut all = RestoreReport::default();
        for part in &mut self.0 {
            let report = part.wait_for(Option::is_some).await.ok()?;
            all = all.and(report.clone().unwrap_or_default());
        }
        Some(all)
    }
}

/// Parts that were read, and are not taken over yet: nothing is known of their sessions. Dropped, nothing
/// is restored.
#[must_use]
pub struct ReadParts {
    durable: DurableSupervisor,
    parts: Vec<Part>,
    found: Vec<Loaded>,
}

impl fmt::Debug for ReadParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadParts")
            .field("parts", &self.parts)
            .field("sessions", &self.found.len())
            .finish_non_exhaustive()
    }
}

impl ReadParts {
    /// Takes over the parts that are still wanted, as [`DurableSupervisor::take_over`] does. The other parts
    /// are dropped; the store may have noted their epochs.
    ///
    /// It must be called within a tokio runtime.
    pub fn take_over(self, mut wanted: impl FnMut(Part) -> bool) -> Vec<(Part, TakenOver)> {
        let Self {
            durable,
            mut parts,
            mut found,
        } = self;
        let all = parts.len();
        parts.retain(|part| wanted(*part));
        if parts.len() < all {
            let wanted: Parts = parts.iter().copied().collect();
            found.retain(|loaded| wanted.has(loaded.id()));
        }
        let order = durable.inner.journal.take_over(&parts, found);
        let (mut taken, mut told) = (Vec::new(), Vec::new());
        for part in parts {
            let (done, restored) = watch::channel(None);
            told.push((part, done));
            taken.push((part, TakenOver(vec![restored])));
        }
        drop(tokio::spawn(restore(durable, order, told)));
        taken
    }
}

impl DurableSupervisor {
    /// Starts a supervisor over a store that several processes share. It reads and restores nothing by
    /// itself. The program decides which process runs which sessions: it calls [take over](Self::take_over)
    /// and [hand over](Self::hand_over), and starts no session of another part here. The store refuses a
    /// write for an id whose part another process has taken over.
    ///
    /// It must be polled within a tokio runtime.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), but that nothing is read.
    ///
    /// # Cancel safety
    ///
    /// As [`open`](Self::open).
    pub fn open_shared(
        options: Options,
        kinds: Kinds,
        store: impl SessionStore,
    ) -> impl Future<Output = Result<Self, OpenError>> + Send + 'static {
        Self::opened(options, kinds, Box::new(store), Restores::WhatIsTakenOver)
    }

    /// The same, over a store that is [bound](SessionStore::bind) to a cluster before all else, so that
    /// no other cluster uses it: a name that no other one has.
    ///
    /// # Errors
    ///
    /// As [`open_shared`](Self::open_shared), and [`OpenError::Bind`] if another cluster has the store.
    ///
    /// # Cancel safety
    ///
    /// As [`open`](Self::open), but that the store may be bound.
    pub fn open_bound(
        options: Options,
        kinds: Kinds,
        store: impl SessionStore,
        cluster: impl Into<String>,
    ) -> impl Future<Output = Result<Self, OpenError>> + Send + 'static {
        let restores = Restores::OfCluster(cluster.into());
        Self::opened(options, kinds, Box::new(store), restores)
    }

    /// The name of the kind of a session that is remembered; empty if it cannot be read.
    #[must_use]
    pub fn kind(&self, id: &str) -> Option<Arc<str>> {
        self.inner.journal.kind(id)
    }

    /// Takes over a part: what is remembered of it is read, and restored in the background as by
    /// [`open`](Self::open). When it returns, all of its ids are known, and the store refuses the owner
    /// that had the part before.
    ///
    /// # Errors
    ///
    /// The store could not be read, or has seen a later owner. Nothing is restored then.
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is restored. The store may have noted the epoch.
    pub fn take_over(
        &self,
        part: Part,
    ) -> impl Future<Output = Result<TakenOver, OpenError>> + Send + 'static {
        let durable = self.clone();
        async move {
            let (taken, refused) = durable.take_over_many(vec![part]).await?;
            match refused.into_iter().next() {
                Some((_, error)) => Err(OpenError::Store(error)),
                None => Ok(taken),
            }
        }
    }

    /// [Takes over](Self::take_over) several parts, by one call of the store. Answers the parts that the
    /// store refuses, since it has seen a later owner; the others are taken over all the same.
    ///
    /// # Errors
    ///
    /// The store could not be read. Nothing is restored then.
    ///
    /// # Cancel safety
    ///
    /// As [`take_over`](Self::take_over).
    ///
    /// # Examples
    ///
    /// ```
    /// use session_supervisor::Options;
    /// use session_supervisor_store::{DurableSupervisor, Kinds, MemoryStore, Part};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let (options, store) = (Options::new().unique_name(), MemoryStore::new());
    /// let chats = DurableSupervisor::open_shared(options, Kinds::new(), store).await.unwrap();
    /// let parts = (0..4).filter_map(|shard| Part::shard(shard, 4, 7)).collect();
    /// let (taken, refused) = chats.take_over_many(parts).await.unwrap();
    /// assert!(refused.is_empty());
    /// assert_eq!(taken.restored().await.unwrap().restored, 0);
    /// # }
    /// ```
    pub fn take_over_many(
        &self,
        parts: Vec<Part>,
    ) -> impl Future<Output = Result<(TakenOver, Vec<(Part, StoreError)>), OpenError>> + Send + 'static
    {
        let durable = self.clone();
        async move {
            let (read, refused) = durable.read_many(parts).await?;
            let taken = read.take_over(|_| true).into_iter();
            let all = taken.flat_map(|(_, TakenOver(restored))| restored);
            Ok((TakenOver(all.collect()), refused))
        }
    }

    /// The first half of [`take_over_many`](Self::take_over_many), for a caller that may have lost some of
    /// the parts until they are read: [`ReadParts::take_over`] is the second one.
    ///
    /// # Errors
    ///
    /// As [`take_over_many`](Self::take_over_many).
    ///
    /// # Cancel safety
    ///
    /// Dropped, nothing is restored. The store may have noted the epochs.
    pub fn read_many(
        &self,
        mut parts: Vec<Part>,
    ) -> impl Future<Output = Result<(ReadParts, Vec<(Part, StoreError)>), OpenError>> + Send + 'static
    {
        let durable = self.clone();
        async move {
            let inner = &durable.inner;
            let (found, refused) = read(&inner.journal, &inner.kinds, parts.clone()).await?;
            parts.retain(|part| refused.iter().all(|(of, _)| of != part));
            let read = ReadParts {
                durable: durable.clone(),
                parts,
                found,
            };
            Ok((read, refused))
        }
    }
}
