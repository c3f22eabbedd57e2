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

/// The idle launch tasks of one supervisor, by what a launch is to them.
#[derive(Debug)]
pub(super) struct LaunchPool<L>(Mutex<Idle<L>>);

#[derive(Debug)]
struct Idle<L> {
    seats: Vec<Arc<Seat<L>>>,
    /// At most so many tasks wait.
    most: usize,
}

/// Where one task waits, each time that it does.
#[derive(Debug)]
pub(super) struct Seat<L>(Mutex<Slot<L>>);

#[derive(Debug)]
enum Slot<L> {
    Waiting(Waker),
    Job(L),
    /// The pool has ended, or the job has been taken.
    Empty,
}

impl<L> LaunchPool<L> {
    pub(super) const fn new(most: usize) -> Self {
        let seats = Vec::new();
        Self(Mutex::new(Idle { seats, most }))
    }

    /// Gives a launch to a task that waits. Without one it is handed back.
    pub(super) fn give(&self, launch: L) -> Result<(), L> {
        let seat = self.lock().seats.pop();
        match seat {
            Some(seat) => {
                seat.put(Slot::Job(launch));
                Ok(())
            }
            None => Err(launch),
        }
    }

    /// No task waits any more.
    pub(super) fn close(&self) {
        let mut idle = self.lock();
        idle.most = 0;
        let seats = std::mem::take(&mut idle.seats);
        drop(idle);
        for seat in seats {
            seat.put(Slot::Empty);
        }
    }

    /// Waits for the next launch; `None` if there is no room for one more that waits.
    pub(super) async fn next(&self, seat: &Arc<Seat<L>>) -> Option<L> {
        let mut seated = false;
        poll_fn(|context| {
            if seated {
                return seat.poll(context.waker());
            }
            let mut idle = self.lock();
            if idle.seats.len() >= idle.most {
                return Poll::Ready(None);
            }
            drop(seat.fill(Slot::Waiting(context.waker().clone())));
            idle.seats.push(Arc::clone(seat));
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
        Arc::new(Self(Mutex::new(Slot::Empty)))
    }

    fn put(&self, slot: Slot<L>) {
        if let Slot::Waiting(waker) = self.fill(slot) {
            waker.wake();
        }
    }

    fn fill(&self, slot: Slot<L>) -> Slot<L> {
        std::mem::replace(&mut *self.lock(), slot)
    }

    fn poll(&self, waker: &Waker) -> Poll<Option<L>> {
        let mut slot = self.lock();
        match &mut *slot {
            Slot::Waiting(kept) => {
                kept.clone_from(waker);
                Poll::Pending
            }
            Slot::Job(_) | Slot::Empty => match std::mem::replace(&mut *slot, Slot::Empty) {
                Slot::Job(job) => Poll::Ready(Some(job)),
                Slot::Waiting(_) | Slot::Empty => Poll::Ready(None),
            },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slot<L>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
