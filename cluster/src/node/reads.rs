//! Shards are read from the store many at once: those whose turns have come while others were read.
//!
//! What is overtaken gives up its turn at once: while it waits it is not read, and while it is read it is
//! not taken over. From then on the turn is held here, so nothing later of the shard begins in between. One
//! that cannot be read holds up no other: what fails together is read again one by one, and what has failed
//! so is read by itself from then on.

use std::sync::{Arc, Mutex, PoisonError};

use session_supervisor_store::error::OpenError;
use session_supervisor_store::{Part, TakenOver};
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot};

use super::Node;
use crate::local::chain;

/// How many shards are read at once. Of 64 each costs a fifth of what it costs alone, and of more not less.
const AT_ONCE: usize = 64;

/// The turn of a shard.
pub(super) type Turn = OwnedMutexGuard<()>;

/// Where shards are read. Clones are the same.
#[derive(Clone)]
pub(super) struct Reads(mpsc::UnboundedSender<Asked>);

/// How a shard is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// With others.
    Together,
    /// It has failed.
    Alone,
}

/// What has come of it. A failure may be that of several.
pub(super) type Read = Result<TakenOver, Arc<OpenError>>;

struct Asked {
    part: Part,
    manner: Manner,
    turn: Held,
    reply: oneshot::Sender<(Turn, Read)>,
}

/// A turn, held by who waits for the read until that is over. None: it was overtaken, or the read is over.
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

/// One who waits for a read. Dropped, it is overtaken.
struct Waits(Held);

impl Drop for Waits {
    fn drop(&mut self) {
        drop(self.0.take());
    }
}

impl Reads {
    /// The second one is what reads.
    pub(super) fn new(node: Arc<Node>) -> (Self, impl Future<Output = ()> + Send) {
        let (ask, asked) = mpsc::unbounded_channel();
        (Self(ask), run(node, asked))
    }

    /// Takes a shard over. None: nothing is read any more.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it is not taken over, unless it is already, and its turn is over.
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
        // Those that have failed keep their place among the others.
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
    // From here on the next of each waits until it is taken over.
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
            // One that was overtaken meanwhile gives its turn to the next here.
            drop(reply.send((turn, read)));
        }
    }
    None
}
