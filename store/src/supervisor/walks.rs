//! One walk over all sessions that finds the sessions of many parts. Hundreds of parts are handed over at
//! once, and a walk for each of them would look at every session hundreds of times.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::{Mutex as Turn, oneshot};

use crate::part::{Part, Parts};

/// Those who wait for the next walk, and the one that goes on.
pub(super) struct Walks<T> {
    turn: Turn<()>,
    waiting: Mutex<Vec<Asked<T>>>,
}

type Asked<T> = (Part, oneshot::Sender<Vec<T>>);

impl<T> Default for Walks<T> {
    fn default() -> Self {
        Self {
            turn: Turn::default(),
            waiting: Mutex::default(),
        }
    }
}

/// What a walk has found, by the parts that are asked for.
pub(super) struct Sorted<T>(Parts<Vec<T>>);

impl<T> Sorted<T> {
    /// It has found this.
    pub(super) fn add(&mut self, id: &str, make: impl Fn() -> T) {
        for found in self.0.of(id) {
            found.push(make());
        }
    }
}

impl<T: Clone> Walks<T> {
    /// Finds the sessions of a part, by a walk that begins after this call. A call that comes during a walk
    /// waits for the next one, which serves all calls that wait by then.
    ///
    /// # Errors
    ///
    /// As the walk says.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it may end the walk; others begin it anew.
    pub(super) async fn of<E, F>(
        &self,
        part: Part,
        walk: impl Fn(Sorted<T>) -> F,
    ) -> Result<Vec<T>, E>
    where
        F: Future<Output = Result<Sorted<T>, E>>,
    {
        loop {
            let (reply, mut answer) = oneshot::channel();
            self.lock().push((part, reply));
            let _turn = self.turn.lock().await;
            match answer.try_recv() {
                Ok(found) => return Ok(found),
                // The walk that was to answer came to nothing.
                Err(TryRecvError::Closed) => continue,
                Err(TryRecvError::Empty) => {}
            }
            let mut asked = std::mem::take(&mut *self.lock());
            // Who has gone away is not walked for.
            asked.retain(|(_, reply)| !reply.is_closed());
            let parts = asked.iter().map(|(part, _)| (*part, Vec::new()));
            let sorted = walk(Sorted(parts.collect())).await?;
            for (part, reply) in asked {
                let found = sorted.0.get(part).cloned().unwrap_or_default();
                drop(reply.send(found));
            }
            if let Ok(found) = answer.try_recv() {
                return Ok(found);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Asked<T>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::JoinSet;

    use super::{Sorted, Walks};
    use crate::part::Part;

    const IDS: usize = 100;

    /// Counts its walks, each of which waits for a permit.
    struct World {
        walks: Walks<String>,
        count: AtomicUsize,
        gate: Semaphore,
    }

    impl World {
        fn new() -> Arc<Self> {
            Arc::new(Self {
                walks: Walks::default(),
                count: AtomicUsize::default(),
                gate: Semaphore::new(0),
            })
        }

        async fn of(&self, part: Part) -> Result<Vec<String>, ()> {
            let walk = |mut sorted: Sorted<String>| async move {
                self.count.fetch_add(1, Ordering::Relaxed);
                self.gate.acquire().await.map_err(drop)?.forget();
                for id in (0..IDS).map(|at| format!("s{at}")) {
                    sorted.add(&id, || id.clone());
                }
                Ok(sorted)
            };
            self.walks.of(part, walk).await
        }
    }

    fn part(shard: u32) -> Part {
        Part::shard(shard, 32, 1).unwrap_or(Part::ALL)
    }

    fn expected(part: Part) -> Result<Vec<String>, ()> {
        let ids = (0..IDS).map(|at| format!("s{at}"));
        Ok(ids.filter(|id| part.has(id)).collect())
    }

    #[tokio::test]
    async fn one_walk_is_for_all_that_wait() {
        let world = World::new();
        let mut asked = JoinSet::new();
        for part in (0..32).map(part) {
            let world = Arc::clone(&world);
            asked.spawn(async move { assert_eq!(world.of(part).await, expected(part)) });
        }
        // All have asked when this task comes to its turn again, and the first of them walks.
        tokio::task::yield_now().await;
        world.gate.add_permits(2);
        assert_eq!(asked.join_all().await.len(), 32);
        assert_eq!(world.count.load(Ordering::Relaxed), 2);
    }

    #[tokio::test]
    async fn a_walk_that_is_given_up_is_begun_anew_by_those_that_wait() {
        let world = World::new();
        let ask = |part| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { world.of(part).await })
        };
        let first = ask(part(0));
        tokio::task::yield_now().await;
        let others = [ask(part(1)), ask(part(2))];
        tokio::task::yield_now().await;
        first.abort();
        assert!(first.await.is_err_and(|error| error.is_cancelled()));
        world.gate.add_permits(9);
        for (other, part) in others.into_iter().zip((1..).map(part)) {
            assert_eq!(other.await.ok(), Some(expected(part)));
        }
        assert_eq!(world.of(Part::ALL).await.map(|all| all.len()), Ok(IDS));
    }
}
