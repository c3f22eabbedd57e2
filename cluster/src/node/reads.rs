//! Reading shards from the store, many at once: all those whose turns have come while others were read.
//!
//! A read that is overtaken gives up its turn at once: if it still waits, the shard is not read, and if it is
//! under way, the shard is not taken over. Once the store has answered, this module holds the turn until the
//! shard is taken over, so no later work of the shard begins in between. A shard that cannot be read does
//! not delay the others: shards that fail together are read again one by one, and a shard that fails alone is
//! read alone from then on.

use std::sync::{Arc, Mutex, PoisonError};

use session_supervisor_store::error::OpenError;
use session_supervisor_store::{Part, TakenOver};
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};

use super::Node;
use crate::chain::chain;

/// How many shards are read at once. In a read of 64, each costs a fifth of a read of its own; larger reads
/// save nothing more.
const AT_ONCE: usize = 64;

/// The turn of a shard.
pub(super) type Turn = OwnedMutexGuard<()>;

/// Where shards are read. Clones are the same.
#[derive(Clone)]
pub(super) struct Reads(mpsc::UnboundedSender<Asked>);

/// Whether a shard is read with others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// In one call of the store with others.
    Together,
    /// In a call of its own, since its last read failed.
    Alone,
}

/// The outcome of a read. Shards that fail together share one error.
pub(super) type Read = Result<TakenOver, Arc<OpenError>>;

struct Asked {
    part: Part,
    manner: Manner,
    turn: Held,
    reply: oneshot::Sender<(Turn, Read)>,
}

/// The turn of a shard that waits to be read. None: the read was overtaken, or is over.
#[derive(Clone)]
struct Held(Arc<Mutex<Option<Turn>>>);

impl Held {
    fn take(&self) -> Option<Turn> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is_overtaken(&self) -> bool {
        let turn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turn.is_none()
    }
}

/// Held by the task that waits for the read. Dropped, the read is overtaken.
struct Waits(Held);

impl Drop for Waits {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

impl Reads {
    /// The handle, and the task that reads.
    pub(super) fn new(node: Arc<Node>) -> (Self, impl Future<Output = ()> + Send) {
        let (ask, asked) = mpsc::unbounded_channel();
        (Self(ask), run(node, asked))
    }

    /// Takes a shard over. None: the task that reads has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped, the shard is not taken over, unless that has happened already. Its turn is free.
    pub(super) async fn take_over(
        &self,
        part: Part,
        manner: Manner,
        turn: Turn,
    ) -> Option<(Turn, Read)> {
        let (reply, answer) = oneshot::channel();
        let turn = Held(Arc::new(Mutex::new(Some(turn))));
        let _waits = Waits(turn.clone());
        let asked = Asked {
            part,
            manner,
            turn,
            reply,
        };
        self.0.send(asked).ok()?;
        answer.await.ok()
    }
}

async fn run(node: Arc<Node>, mut asked: mpsc::UnboundedReceiver<Asked>) {
    let mut next = None;
    loop {
        let first = match next.take() {
            Some(first) => first,
            None => match asked.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        let mut some = vec![first];
        // A shard that is read alone keeps its place in the order.
        while some.len() < AT_ONCE
            && some.iter().all(|asked| asked.manner == Manner::Together)
            && let Ok(another) = asked.try_recv()
        {
            match another.manner {
                Manner::Together => some.push(another),
                Manner::Alone => {
                    next = Some(another);
                    break;
                }
            }
        }
        read(&node, some).await;
    }
}

async fn read(node: &Node, mut some: Vec<Asked>) {
    some.retain(|asked| !asked.turn.is_overtaken());
    if some.len() > 1 {
        match read_at_once(node, some).await {
            None => return,
            Some(again) => some = again,
        }
    }
    for one in some {
        if !one.turn.is_overtaken() {
            drop(read_at_once(node, vec![one]).await);
        }
    }
}

/// Reads some by one call of the store. Answers those that are to be read again, each by itself.
async fn read_at_once(node: &Node, some: Vec<Asked>) -> Option<Vec<Asked>> {
    let parts = some.iter().map(|asked| asked.part).collect();
    let (read, refused) = match node.sessions().read_many(parts).await {
        Ok(read) => read,
        Err(OpenError::Store(error)) if some.len() > 1 => {
            let shards = some.len();
            tracing::debug!(shards, "shards are read one by one: {}", chain(&error));
            return Some(some);
        }
        Err(error) => {
            let error = Arc::new(error);
            for asked in some {
                if let Some(turn) = asked.turn.take() {
                    drop(asked.reply.send((turn, Err(Arc::clone(&error)))));
                }
            }
            return None;
        }
    };
    // From here on the next work of each shard waits until the shard is taken over.
    let held = some.into_iter().filter_map(|asked| {
        let turn = asked.turn.take()?;
        Some((asked.part, (turn, asked.reply)))
    });
    let mut held: Vec<_> = held.collect();
    let taken = read.take_over(|part| held.iter().any(|(of, _)| *of == part));
    let taken = taken.into_iter().map(|(part, taken)| (part, Ok(taken)));
    let refused = refused.into_iter().map(|(part, error)| {
        let error = Arc::new(OpenError::Store(error));
        (part, Err(error))
    });
    for (part, read) in taken.chain(refused) {
        if let Some(place) = held.iter().position(|(of, _)| *of == part) {
            let (_, (turn, reply)) = held.swap_remove(place);
            // If it was overtaken meanwhile, the turn is dropped here and goes to the next work.
            drop(reply.send((turn, read)));
        }
    }
    None
}
