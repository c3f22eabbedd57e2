//! Taking shards over: what their sessions are is read from the store, many shards at once, and what the
//! store refuses is looked into.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor_store::{Part, StoreError};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::Node;
use super::happened::{Happened, PAUSE, part};
use crate::engine::{Epoch, Shard};
use crate::local::chain;

/// The pause before shards that the store refuses are read again.
const AGAIN: Duration = Duration::from_secs(5);

/// Where the driver of this term is told what happens.
type Tell = mpsc::UnboundedSender<Happened>;

/// Reads the sessions of shards. Until that is done nothing is admitted for them.
pub(super) async fn take_over(node: &Arc<Node>, shards: &[(Shard, Epoch)], tell: &Tell) {
    let admission = &node.local.admission;
    while !tell.is_closed() {
        // Some may have been lost or given up since they were claimed.
        let held = shards.iter().copied();
        let held = held.filter(|(shard, epoch)| admission.holds(*shard, *epoch));
        let held = held.filter_map(|(shard, epoch)| {
            let part = part(node, shard, epoch)?;
            Some((shard, epoch, part))
        });
        let held: Vec<_> = held.collect();
        if held.is_empty() {
            return;
        }
        let parts = held.iter().map(|(_, _, part)| *part).collect();
        let error = match node.sessions().take_over_many(parts).await {
            Ok((_restoring, refused)) => {
                node.now.send_modify(|now| now.unread = None);
                for (shard, epoch, part) in &held {
                    if !refused.iter().any(|(of, _)| of == part) {
                        admission.is_read(*shard, *epoch);
                    }
                }
                return look_into(node, &held, refused, tell).await;
            }
            Err(error) => error,
        };
        let why = chain(&error);
        tracing::error!("{} shards are not served yet: {why}", held.len());
        node.now.send_modify(|now| now.unread = Some(why.into()));
        sleep(PAUSE).await;
    }
}

/// The store has seen later owners of these shards. As a rule one of these has the shard by now, and the
/// watch says so in a moment. If etcd says that the shard is this node's in the very epoch that is refused,
/// no later one can have been: then etcd was restored from a backup, or the store is another cluster's.
async fn look_into(
    node: &Arc<Node>,
    held: &[(Shard, Epoch, Part)],
    refused: Vec<(Part, StoreError)>,
    tell: &Tell,
) {
    if refused.is_empty() {
        return;
    }
    let refused = refused.into_iter().filter_map(|(part, error)| {
        let (shard, epoch, _) = held.iter().find(|(_, _, of)| *of == part)?;
        Some((*shard, *epoch, error))
    });
    let refused: Vec<_> = refused.collect();
    // This is read after the claims were made, so it knows of them.
    let view = match node.etcd.snapshot(node.local.admission.shards()).await {
        Ok(view) => view,
        Err(error) => {
            tracing::warn!("not known who owns {} shards: {error}", refused.len());
            let all = refused.iter().map(|(shard, epoch, _)| (*shard, *epoch));
            return again(all.collect(), tell);
        }
    };
    let (mut later, mut news) = (Vec::new(), None);
    for (shard, epoch, error) in refused {
        let owner = view.owners.get(&shard);
        if owner.is_none_or(|owner| owner.node != node.name || owner.epoch != epoch) {
            tracing::info!("shard {shard} has another owner: {}", chain(&error));
            continue;
        }
        // One that does not say which epoch it has seen is asked again.
        let noted = error.older_epoch().map_or(u64::MAX, |older| older.noted);
        if view.revision >= noted {
            tracing::warn!("shard {shard} is claimed anew: {}", chain(&error));
            drop(tell.send(Happened::Outdated(shard, epoch)));
            continue;
        }
        if node.local.admission.is_refused(shard, epoch, noted) {
            news = Some(chain(&error));
        }
        later.push((shard, epoch));
    }
    if let Some(why) = news {
        let (shards, revision) = (later.len(), view.revision);
        tracing::error!(
            shards,
            revision,
            "shards are not served: {why}; etcd was restored from a backup or begun anew, or the store is \
             another cluster's; the store is asked again every {AGAIN:?}"
        );
    }
    again(later, tell);
}

/// They are read again, but not soon: somebody has to do something.
fn again(shards: Vec<(Shard, Epoch)>, tell: &Tell) {
    if shards.is_empty() {
        return;
    }
    let tell = tell.clone();
    drop(tokio::spawn(async move {
        tokio::select! {
            () = sleep(AGAIN) => drop(tell.send(Happened::ReadAgain(shards))),
            // The term is over.
            () = tell.closed() => {}
        }
    }));
}
