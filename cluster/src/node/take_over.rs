//! Taking a shard over: its sessions are read from the store and restored. If the store refuses the shard,
//! etcd is asked whether this node still owns it.

use std::time::Duration;

use session_supervisor_store::error::OpenError;
use session_supervisor_store::{StoreError, TakenOver};
use tokio::time::{Instant, sleep};

use super::Node;
use super::happened::{Happened, PAUSE, part};
use super::reads::{Manner, Reads, Turn};
use crate::chain::chain;
use crate::engine::{Epoch, Restored, Shard};

/// The pause before a shard that the store refuses is read again. It is long, since an operator has to act.
const AGAIN: Duration = Duration::from_secs(5);

/// Reads the sessions of a shard and restores them. From the read on, the store refuses the owner that had
/// the shard before. It returns when all sessions are restored, or when the shard cannot be taken over. Until
/// the sessions are known nothing is admitted for the shard.
pub(super) async fn take_over(
    node: &Node,
    shard: Shard,
    epoch: Epoch,
    reads: &Reads,
    mut turn: Turn,
) -> Option<Happened> {
    let part = part(node, shard, epoch)?;
    let begun = Instant::now();
    let mut manner = Manner::Together;
    loop {
        // None: the node ends all its sessions.
        let (again, taken) = reads.take_over(part, manner, turn).await?;
        turn = again;
        let error = match taken {
            Ok(restoring) => {
                if node.local.admission.is_read(shard, epoch) {
                    tracing::info!("all shards can be read from the session store again");
                }
                restored(node, shard, epoch, begun, restoring).await;
                return None;
            }
            Err(error) => error,
        };
        match &*error {
            OpenError::Store(error @ StoreError::Fenced(_)) => {
                match refused(node, shard, epoch, error).await {
                    Refused::Moved => return None,
                    Refused::Outdated => return Some(Happened::Outdated(shard, epoch)),
                    Refused::Still => sleep(AGAIN).await,
                }
            }
            OpenError::Thread(_) => return Some(Happened::StoreEnded),
            error => {
                unread(node, shard, epoch, &chain(error));
                manner = Manner::Alone;
                sleep(PAUSE).await;
            }
        }
    }
}

/// A store that is away keeps hundreds of shards waiting, and each of them asks again: the log has a line
/// for each cause, and `status` tells it as long as it lasts.
fn unread(node: &Node, shard: Shard, epoch: Epoch, why: &str) {
    if node.local.admission.is_unread(shard, epoch, why) {
        tracing::error!(
            "shard {shard}, and maybe others, is not served until it can be read: {why}; tried again every {PAUSE:?}"
        );
    }
}

/// What to do with a shard that the store refuses.
enum Refused {
    /// Another node has it by now, and the watch says so in a moment.
    Moved,
    /// etcd gives a later epoch by now.
    Outdated,
    /// The store is to be asked again.
    Still,
}

/// The store has seen a later epoch of the shard. If etcd says that this node owns the shard in the epoch
/// that is refused, there was no later owner: then etcd was restored from a backup, or the store is another
/// cluster's.
async fn refused(node: &Node, shard: Shard, epoch: Epoch, error: &StoreError) -> Refused {
    let admission = &node.local.admission;
    // This is read after the claim was made, so it knows of it.
    let view = match node.etcd.snapshot(admission.shards()).await {
        Ok(view) => view,
        Err(unknown) => {
            tracing::warn!("not known who owns shard {shard}: {unknown}");
            return Refused::Still;
        }
    };
    let owner = view.owners.get(&shard);
    if owner.is_none_or(|owner| owner.node != node.name || owner.epoch != epoch) {
        tracing::info!("shard {shard} has another owner: {}", chain(error));
        return Refused::Moved;
    }
    // A store that does not say which epoch it has seen is asked again.
    let noted = error.older_epoch().map_or(u64::MAX, |older| older.noted);
    if view.revision >= noted {
        tracing::warn!("shard {shard} is claimed anew: {}", chain(error));
        return Refused::Outdated;
    }
    let is_first = admission.refused().is_empty();
    // All shards have the same cause, and `status` counts them.
    if admission.is_refused(shard, epoch, noted) && is_first {
        let (why, revision) = (chain(error), view.revision);
        tracing::error!(
            %shard,
            revision,
            "shards are not served: {why}; etcd was restored from a backup or begun anew, or the store is \
             another cluster's; the store is asked again every {AGAIN:?}"
        );
    }
    Refused::Still
}

/// Waits until the sessions of a shard are restored, and tells it.
async fn restored(node: &Node, shard: Shard, epoch: Epoch, begun: Instant, restoring: TakenOver) {
    // None: the runtime is being shut down.
    let Some(report) = restoring.restored().await else {
        return;
    };
    let sessions = Restored {
        restored: report.restored,
        failed: report.failed.len(),
        set_aside: report.set_aside.len(),
        resting: report.resting,
        left: report.left,
        took: begun.elapsed(),
    };
    let feed = &node.local.feed;
    feed.tell(|picture, _, out| picture.restored(shard, epoch, sessions, out));
}
