//! Launch tasks that have nothing to do wait here and take the next launch, so that most launches
//! need not make a task.
//!
//! A task is here only while it has no launch. So one that waits, or blocks its thread, keeps no
//! other launch waiting. It takes the next launch in a later poll than the one in which its last
//! launch ended: that poll belongs to what the last launch has woken. It holds no supervisor while
//! it waits, and ends with the pool.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

/// The idle launch tasks of a session supervisor, by what a launch is to them.
#[derive(Debug)]
pub(super) struct LaunchPool<L>(Mutex<Idle<L>>);

#[derive(Debug)]
struct Idle<L> {
    /// Those that wait. A task has one waker for as long as it lives.
    waiting: Vec<(Arc<Seat<L>>, Waker)>,
    /// At most so many.
    most: usize,
}

/// Where one task waits, each time that it does.
#[derive(Debug)]
pub(super) struct Seat<L>(Mutex<Slot<L>>);

#[derive(Debug)]
struct Slot<L> {
    launch: Option<L>,
    pool: Pool,
}

/// Whether a pool still gives launches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pool {
    Open,
    Ended,
}

impl<L> LaunchPool<L> {
    pub(super) const fn new(most: usize) -> Self {
        let waiting = Vec::new();
        Self(Mutex::new(Idle { waiting, most }))
    }

    /// Gives a launch to a task that waits. Without one it is handed back.
    #[inline]
    pub(super) fn give(&self, launch: L) -> Result<(), L> {
        let waiting = self.lock().waiting.pop();
        let Some((seat, waker)) = waiting else {
            return Err(launch);
        };
        seat.lock().launch.get_or_insert(launch);
        waker.wake();
        Ok(())
    }

    /// No task waits any more.
    pub(super) fn close(&self) {
        let mut idle = self.lock();
        idle.most = 0;
        let waiting = std::mem::take(&mut idle.waiting);
        drop(idle);
        for (seat, waker) in waiting {
            seat.lock().pool = Pool::Ended;
            waker.wake();
        }
    }

    /// Waits for the next launch; `None` if there is no room for one more that waits.
    pub(super) async fn next(&self, seat: &Arc<Seat<L>>) -> Option<L> {
        let mut seated = false;
        poll_fn(|context| {
            if seated {
                return seat.poll();
            }
            let mut idle = self.lock();
            if idle.waiting.len() >= idle.most {
                return Poll::Ready(None);
            }
            let waiting = (Arc::clone(seat), context.waker().clone());
            idle.waiting.push(waiting);
            seated = true;
            Poll::Pending
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Idle<L>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<L> Seat<L> {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(Slot {
            launch: None,
            pool: Pool::Open,
        })))
    }

    fn poll(&self) -> Poll<Option<L>> {
        let mut slot = self.lock();
        match (slot.launch.take(), slot.pool) {
            (None, Pool::Open) => Poll::Pending,
            (launch, _) => Poll::Ready(launch),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slot<L>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
