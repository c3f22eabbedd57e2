//! Taking shards over: what their sessions are is read from the store, many shards at once.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::sleep;

use super::Node;
use super::happened::{Happened, PAUSE, part};
use crate::engine::{Epoch, Shard};
use crate::local::chain;

/// Reads the sessions of shards. Until that is done nothing is admitted for them.
pub(super) async fn take_over(
    node: &Arc<Node>,
    shards: &[(Shard, Epoch)],
    tell: &mpsc::UnboundedSender<Happened>,
) {
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
                for (shard, epoch, part) in held {
                    match refused.iter().find(|(of, _)| *of == part) {
                        None => admission.is_read(shard, epoch),
                        Some((_, why)) => {
                            let why = chain(why);
                            tracing::warn!("shard {shard} has another owner: {why}");
                        }
                    }
                }
                return;
            }
            Err(error) => error,
        };
        let why = chain(&error);
        tracing::error!("{} shards are not served yet: {why}", held.len());
        sleep(PAUSE).await;
    }
}
