//! Whether this node may act for an id: asked at each start, each launch and each delivery.
//!
//! The [`Holder`] decides. This module adds what the holder does not know: whether the sessions of a shard
//! have been read from the store, and how many requests are being carried out for it, so that a shard ends
//! after the requests that were admitted before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio::sync::Notify;

use crate::clock::Clock;
use crate::engine::{Epoch, Hold, Holder, NodeName, NotHere, Shard, Shards};

/// Why this node may not act for an id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NotAdmitted {
    /// Another node owns its shard. The field names it, if it is known.
    #[error("its shard is owned by {}", owner(node.as_ref()))]
    Elsewhere {
        /// The node.
        node: Option<NodeName>,
    },
    /// Its shard is on its way to or from this node.
    #[error("its shard is being claimed or given up")]
    Moving,
    /// This node owns its shard in an earlier epoch than the store of the sessions has seen, so etcd was
    /// restored from a backup or is another one: [`Fault::OlderEpochs`](crate::Fault::OlderEpochs).
    #[error("the store has seen epoch {noted} of its shard, and etcd gives {epoch} to this node")]
    OlderEpoch {
        /// The epoch that etcd gives.
        epoch: u64,
        /// The one that the store has seen.
        noted: u64,
    },
    /// The lease of this node was not renewed in time, so another may own the shard.
    #[error("the lease of this node was not renewed in time")]
    AuthorityOver,
    /// This node is in no cluster.
    #[error("this node is in no cluster")]
    NotJoined,
}

fn owner(node: Option<&NodeName>) -> String {
    node.map_or_else(
        || "no node that is known".to_owned(),
        |node| format!("node {node}"),
    )
}

impl From<NotHere> for NotAdmitted {
    fn from(not_here: NotHere) -> Self {
        match not_here {
            NotHere::Elsewhere(node) => Self::Elsewhere { node },
            NotHere::Moving => Self::Moving,
            NotHere::AuthorityOver => Self::AuthorityOver,
        }
    }
}

/// What is admitted on this node.
pub(crate) struct Admission {
    shards: Shards,
    clock: Clock,
    state: Mutex<State>,
    /// Notified whenever something may be admitted that was not before. Requests that wait try again then.
    pub(crate) changed: Notify,
    /// Notified whenever the last request for a shard ends. That is often, so it is not `changed`, which
    /// would wake all requests that wait for other shards.
    quiet: Notify,
}

struct State {
    holder: Option<Holder>,
    open: Vec<Open>,
}

/// A shard, as far as the holder does not know it.
#[derive(Clone, Debug, Default)]
struct Open {
    /// Its sessions are known since this epoch began.
    read: Option<Epoch>,
    /// The store refuses this epoch, since it has seen that later one.
    refused: Option<(Epoch, u64)>,
    /// Its sessions cannot be read in this epoch, for this cause.
    unread: Option<(Epoch, Arc<str>)>,
    /// How many requests are being carried out for it.
    busy: u32,
}

/// Permits work for an id. Its shard is not given up before this is dropped.
pub(crate) struct Permit {
    admission: Arc<Admission>,
    shard: Shard,
    pub(crate) epoch: Epoch,
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        let left = state.open.get_mut(self.shard.place()).map(|open| {
            open.busy = open.busy.saturating_sub(1);
            open.busy
        });
        drop(state);
        if left == Some(0) {
            self.admission.quiet.notify_waiters();
        }
    }
}

impl Admission {
    pub(crate) fn new(shards: Shards, clock: Clock) -> Arc<Self> {
        let open = vec![Open::default(); shards.all().count()];
        let state = State { holder: None, open };
        Arc::new(Self {
            shards,
            clock,
            state: Mutex::new(state),
            changed: Notify::new(),
            quiet: Notify::new(),
        })
    }

    pub(crate) const fn shards(&self) -> Shards {
        self.shards
    }

    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Lets something be done for an id.
    pub(crate) fn enter(self: &Arc<Self>, id: &str) -> Result<Permit, NotAdmitted> {
        let shard = self.shards.of(id);
        let mut state = self.lock();
        // The clock is read under the lock: the authority may end while the lock is waited for.
        let epoch = state.admits(shard, self.clock.now())?;
        if let Some(open) = state.open.get_mut(shard.place()) {
            open.busy += 1;
        }
        drop(state);
        Ok(Permit {
            admission: Arc::clone(self),
            shard,
            epoch,
        })
    }

    /// The epoch in which this node owns the shard of an id, also while its sessions are being read: for
    /// their launches.
    pub(crate) fn owned(&self, id: &str) -> Result<Epoch, NotAdmitted> {
        let shard = self.shards.of(id);
        let state = self.lock();
        let holder = state.holder.as_ref().ok_or(NotAdmitted::NotJoined)?;
        Ok(holder.admits(shard, self.clock.now())?)
    }

    /// Whether something for an id would be admitted, and in which epoch.
    pub(crate) fn epoch_of(&self, id: &str) -> Result<Epoch, NotAdmitted> {
        let shard = self.shards.of(id);
        let state = self.lock();
        state.admits(shard, self.clock.now())
    }

    /// Whether something new may be begun for an id: not where its shard is about to be given up.
    pub(crate) fn begins(&self, id: &str) -> Result<Epoch, NotAdmitted> {
        let now = self.clock.now();
        let state = self.lock();
        let holder = state.holder.as_ref().ok_or(NotAdmitted::NotJoined)?;
        Ok(holder.begins(self.shards.of(id), now)?)
    }

    /// The holder, to be told something. None: this node is in no cluster.
    pub(crate) fn with<T>(&self, tell: impl FnOnce(&mut Holder) -> T) -> Option<T> {
        self.lock().holder.as_mut().map(tell)
    }

    /// Another holder takes the place of this one, for another lease.
    pub(crate) fn set(&self, holder: Option<Holder>) {
        let mut state = self.lock();
        state.holder = holder;
        for open in &mut state.open {
            (open.read, open.refused, open.unread) = (None, None, None);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// The sessions of the shard are known. Answers whether it was the last one that could not be read.
    pub(crate) fn is_read(&self, shard: Shard, epoch: Epoch) -> bool {
        let mut state = self.lock();
        let before = state.open.get_mut(shard.place()).and_then(|open| {
            (open.read, open.refused) = (Some(epoch), None);
            open.unread.take()
        });
        let is_last = before.is_some() && state.unread(self.shards).next().is_none();
        drop(state);
        self.changed.notify_waiters();
        is_last
    }

    /// The shard cannot be read in this epoch, for this cause. Answers whether no other one has that cause.
    pub(crate) fn is_unread(&self, shard: Shard, epoch: Epoch, why: &str) -> bool {
        let mut state = self.lock();
        let known = state.unread(self.shards).find(|(_, known)| **known == *why);
        let known = known.map(|(_, known)| known);
        if let Some(open) = state.open.get_mut(shard.place()) {
            let why = known.clone().unwrap_or_else(|| why.into());
            (open.unread, open.refused) = (Some((epoch, why)), None);
        }
        known.is_none()
    }

    /// The shards that this node owns and that cannot be read: each with the cause.
    pub(crate) fn unread(&self) -> Vec<(Shard, Arc<str>)> {
        self.lock().unread(self.shards).collect()
    }

    /// The store refuses the shard in this epoch. Answers whether that is news.
    pub(crate) fn is_refused(&self, shard: Shard, epoch: Epoch, noted: u64) -> bool {
        let mut state = self.lock();
        let open = state.open.get_mut(shard.place());
        open.is_some_and(|open| {
            open.unread = None;
            open.refused.replace((epoch, noted)) != Some((epoch, noted))
        })
    }

    /// The shards that this node owns and the store refuses: each with its epoch, and the one that the store
    /// has seen.
    pub(crate) fn refused(&self) -> Vec<(Shard, Epoch, u64)> {
        let state = self.lock();
        let refused = self.shards.all().filter_map(|shard| {
            let (epoch, noted) = state.open.get(shard.place())?.refused?;
            state.holds(shard, epoch).then_some((shard, epoch, noted))
        });
        refused.collect()
    }

    /// Waits until nothing is done for the shard. Nothing may be admitted for it any more.
    pub(crate) async fn idle(&self, shard: Shard) {
        loop {
            let quiet = self.quiet.notified();
            tokio::pin!(quiet);
            // From here on a change is not missed.
            quiet.as_mut().enable();
            if self.lock().busy(shard) == 0 {
                return;
            }
            quiet.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn admits(&self, shard: Shard, now: crate::engine::BootTime) -> Result<Epoch, NotAdmitted> {
        let holder = self.holder.as_ref().ok_or(NotAdmitted::NotJoined)?;
        let epoch = holder.admits(shard, now)?;
        let open = self.open.get(shard.place());
        match open.map_or((None, None), |open| (open.read, open.refused)) {
            (Some(read), _) if read == epoch => Ok(epoch),
            (_, Some((refused, noted))) if refused == epoch => Err(NotAdmitted::OlderEpoch {
                epoch: epoch.number(),
                noted,
            }),
            _ => Err(NotAdmitted::Moving),
        }
    }

    fn unread(&self, shards: Shards) -> impl Iterator<Item = (Shard, Arc<str>)> {
        shards.all().filter_map(|shard| {
            let (epoch, why) = self.open.get(shard.place())?.unread.as_ref()?;
            let why = self.holds(shard, *epoch).then(|| Arc::clone(why))?;
            Some((shard, why))
        })
    }

    fn holds(&self, shard: Shard, epoch: Epoch) -> bool {
        let holder = self.holder.as_ref();
        holder.is_some_and(|holder| holder.hold(shard) == Hold::Owned(epoch))
    }

    fn busy(&self, shard: Shard) -> u32 {
        self.open.get(shard.place()).map_or(0, |open| open.busy)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::Admission;
    use crate::clock::Clock;
    use crate::engine::{
        Authority, Candidate, Epoch, Holder, Incarnation, Leaving, Limits, NodeName, Shards, Ttl,
        plan,
    };

    /// What waits for a shard would be tried again after each request for another one.
    #[tokio::test(start_paused = true)]
    async fn the_end_of_a_request_wakes_none_of_those_who_wait_to_be_admitted() {
        let shards = Shards::new(1).expect("a count");
        let shard = shards.of("s");
        let name = NodeName::try_from("n").expect("a name");
        let clock = Clock::real();
        let (now, mut out) = (clock.now(), Vec::new());
        let authority = Authority::granted(Ttl::default(), now);
        let (own, limits) = (Incarnation::new(1), Limits::default());
        let mut holder = Holder::new(name.clone(), own, shards, authority, limits, 1);
        let candidate = Candidate {
            name,
            weight: 1,
            leaving: Leaving::No,
        };
        holder.planned(plan(shards, &[candidate]), now, &mut out);
        holder.claimed(shard, Epoch::new(7), now, &mut out);
        let admission = Admission::new(shards, clock);
        admission.set(Some(holder));
        admission.is_read(shard, Epoch::new(7));

        let permit = admission.enter("s").expect("it is admitted");
        let (changed, idle) = (admission.changed.notified(), admission.idle(shard));
        tokio::pin!(changed, idle);
        let moment = Duration::from_millis(1);
        assert!(timeout(moment, idle.as_mut()).await.is_err());
        assert!(timeout(moment, changed.as_mut()).await.is_err());
        drop(permit);
        assert!(timeout(moment, idle).await.is_ok());
        assert!(timeout(moment, changed).await.is_err());
    }
}
