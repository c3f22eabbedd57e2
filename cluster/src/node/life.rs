//! The life of a node: one term after another, until it leaves.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor_store::Part;
use tokio::time::{sleep, timeout};

use super::driver::{Over, serve};
use super::term::{Term, begin};
use super::{Node, Stage};
use crate::chain::chain;
use crate::engine::{Backoff, Retry};

/// How long a node that leaves waits for its supervisor and its store. It owns nothing any more, and a call
/// of the store that never returns must not delay its end.
const STOP: Duration = Duration::from_secs(15);

/// Runs a node until it has left.
pub(crate) fn run(node: Arc<Node>, first: Term) {
    let end = End(Arc::clone(&node));
    drop(tokio::spawn(async move {
        let _end = end;
        let terms = tokio::spawn(terms(Arc::clone(&node), first));
        if let Err(error) = terms.await {
            // Its lease went with the task, and is not renewed any more.
            tracing::error!(node = %node.name, "its task has ended, its sessions are ended: {error}");
            node.local.admission.set(None);
            drop(node.sessions().hand_over(Part::ALL, Duration::ZERO).await);
        }
        node.drained_without_a_term();
        match timeout(STOP, node.sessions().stop()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                let why = chain(&error);
                tracing::error!("the last states of some sessions are not written: {why}");
            }
            Err(_) => tracing::error!(
                node = %node.name,
                "the last states of some sessions may not be written: their store has not ended within {STOP:?}"
            ),
        }
    }));
}

/// The end of a node, also if its runtime is shut down: tasks of another runtime may wait for the node.
struct End(Arc<Node>);

impl Drop for End {
    fn drop(&mut self) {
        let Self(node) = self;
        node.local.admission.set(None);
        node.local.feed.end();
        node.stage(Stage::Left);
        tracing::info!(node = %node.name, "left the cluster");
    }
}

/// One term after another.
async fn terms(node: Arc<Node>, first: Term) {
    let mut term = first;
    loop {
        match serve(&node, term).await {
            Over::Left => break,
            Over::Rejoin => {}
        }
        node.stage(Stage::Rejoining);
        match rejoin(&node).await {
            Some(again) => term = again,
            None => break,
        }
        node.stage(Stage::Joined);
    }
    node.local.admission.set(None);
}

/// Joins again, for as long as it takes. None: the node is to leave.
async fn rejoin(node: &Node) -> Option<Term> {
    let seed = node.clock.now().since_boot().subsec_nanos();
    let mut retry = Retry::new(Backoff::default(), seed.into());
    let mut orders = node.drains.orders();
    loop {
        let joined = begin(node);
        tokio::pin!(joined);
        let joined = loop {
            tokio::select! {
                joined = &mut joined => break joined,
                Ok(()) = orders.changed() => node.drained_without_a_term(),
                () = node.leave.notified() => return None,
            }
        };
        match joined {
            Ok(term) => return Some(term),
            Err(error) => {
                let (pause, why) = (retry.failed(), chain(&error));
                // Some causes last until an operator acts: the log has them once, and `status` all the time.
                if node.now.borrow().not_joined.as_deref() == Some(&*why) {
                    tracing::debug!(node = %node.name, "not joined: {why}; tried again in {pause:?}");
                } else {
                    tracing::warn!(node = %node.name, "not joined: {why}; tried again");
                }
                node.now
                    .send_modify(|now| now.not_joined = Some(why.into()));
                tokio::select! {
                    () = sleep(pause) => node.drained_without_a_term(),
                    () = node.leave.notified() => return None,
                }
            }
        }
    }
}
