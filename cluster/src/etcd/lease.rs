//! The lease of a node: on it hang the node's key, its shards and its candidacy.

use std::fmt;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::clock::Clock;
use crate::engine::{Authority, BootTime, Incarnation, NodeName, Ttl};

use super::Etcd;
use super::error::{EtcdError, GrantError};
use super::history::WentBack;
use super::keepalive::Keepalive;
use super::nodes::NodeKeys;
use super::values::NodeRun;

/// What is known of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is held or it is lost")]
pub enum LeaseState {
    /// It is held. It lasts at least its time to live from the moment at which the latest confirmed
    /// renewal was sent.
    Held {
        /// When that was.
        sent: BootTime,
    },
    /// It is not renewed any more.
    Lost {
        /// When the latest confirmed renewal was sent.
        sent: BootTime,
        /// Why it is not.
        why: Lost,
    },
}

/// Why a lease is not renewed any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Lost {
    /// etcd does not know it: it has expired, or was revoked. Others may own what hung on it.
    Gone,
    /// etcd was restored from a backup, or is another one. Others may own what hung on it.
    WentBack(WentBack),
    /// No renewal was confirmed before two thirds of its time were over. It still exists for a while.
    NotRenewed,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("etcd does not know the lease any more"),
            Self::WentBack(why) => why.fmt(f),
            Self::NotRenewed => f.write_str("no renewal of the lease was confirmed in time"),
        }
    }
}

/// A lease that is renewed until it is lost, revoked or dropped.
///
/// A task sends a renewal every quarter of the time to live, more often after one that failed, and
/// none once two thirds are over without a confirmed one. A renewal counts from the moment at which it
/// was sent. It counts as confirmed when etcd has answered it and a read after it shows that the
/// leader of etcd that renewed the lease still was the leader: a server that was stopped or cut off
/// may answer renewals of a lease that the others let expire.
///
/// A lease that is dropped expires by itself.
pub struct Lease {
    etcd: Etcd,
    id: i64,
    ttl: Ttl,
    state: watch::Receiver<LeaseState>,
    task: AbortHandle,
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.id)
            .field("ttl", &self.ttl)
            .field("state", &*self.state.borrow())
            .finish_non_exhaustive()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Lease {
    /// Asks etcd for a lease, and begins to renew it.
    ///
    /// # Errors
    ///
    /// After one whose outcome is unknown there may be a lease on which nothing hangs. It expires.
    ///
    /// # Cancel safety
    ///
    /// As with an error of unknown outcome.
    pub async fn grant(etcd: &Etcd, ttl: Ttl, clock: Clock) -> Result<Self, GrantError> {
        let seconds = i64::try_from(ttl.length().as_secs()).unwrap_or(i64::MAX);
        let sent = clock.now();
        let asked = |mut client: etcd_client::Client| async move {
            client.lease_grant(seconds, None).await
        };
        let granted = etcd.connection.call("a lease", asked).await?;
        // etcd may grant a longer one. The node keeps to what it asked for.
        if granted.ttl() < seconds {
            return Err(GrantError::Shorter {
                asked: seconds,
                granted: granted.ttl(),
            });
        }
        let id = granted.id();
        let (tell, state) = watch::channel(LeaseState::Held { sent });
        let authority = Authority::granted(ttl, sent);
        let keepalive = Keepalive::new(etcd.clone(), id, clock, authority, tell);
        Ok(Self {
            etcd: etcd.clone(),
            id,
            ttl,
            state,
            task: tokio::spawn(keepalive.run()).abort_handle(),
        })
    }

    /// The number that etcd gave it.
    #[must_use]
    pub const fn id(&self) -> i64 {
        self.id
    }

    /// The run of a node that has this lease: no other lease of this etcd has its number.
    #[must_use]
    pub const fn incarnation(&self) -> Incarnation {
        Incarnation::new(self.id.unsigned_abs())
    }

    /// Its time to live.
    #[must_use]
    pub const fn ttl(&self) -> Ttl {
        self.ttl
    }

    /// What the node of this name writes under this lease.
    #[must_use]
    pub fn keys(&self, name: NodeName) -> NodeKeys {
        let run = NodeRun {
            name,
            incarnation: self.incarnation(),
        };
        NodeKeys {
            etcd: self.etcd.clone(),
            run,
            lease: self.id,
        }
    }

    /// What is known of it now.
    #[must_use]
    pub fn state(&self) -> LeaseState {
        *self.state.borrow()
    }

    /// Waits for the next confirmed renewal, or for the loss. Of several that were not yet seen the
    /// latest is told; once it is lost, always that, at once.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost.
    pub async fn changed(&mut self) -> LeaseState {
        if matches!(self.state(), LeaseState::Lost { .. }) {
            return *self.state.borrow_and_update();
        }
        if self.state.changed().await.is_err() {
            // The task has ended without a word: the runtime is being shut down.
            let (LeaseState::Held { sent } | LeaseState::Lost { sent, .. }) = self.state();
            let why = Lost::NotRenewed;
            return LeaseState::Lost { sent, why };
        }
        *self.state.borrow_and_update()
    }

    /// Gives it back, with all that hangs on it: at the end of a node, when nothing runs any more.
    ///
    /// # Errors
    ///
    /// After one it expires by itself. A lease that is gone is no error.
    ///
    /// # Cancel safety
    ///
    /// It is not renewed any more.
    pub async fn revoke(self) -> Result<(), EtcdError> {
        self.task.abort();
        let id = self.id;
        let asked = |mut client: etcd_client::Client| async move { client.lease_revoke(id).await };
        match self
            .etcd
            .connection
            .call("the end of the lease", asked)
            .await
        {
            Ok(_) | Err(EtcdError::LeaseGone { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
