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

use super::launch;
use super::plan::{Order, Plan};

/// A launch to be made.
type Job = (Arc<Plan>, Order);

/// The idle launch tasks of one supervisor.
#[derive(Debug)]
pub(super) struct LaunchPool(Mutex<Idle>);

#[derive(Debug)]
struct Idle {
    seats: Vec<Arc<Seat>>,
    /// At most so many tasks wait.
    most: usize,
}

/// Where one task waits.
#[derive(Debug)]
struct Seat(Mutex<Slot>);

#[derive(Debug)]
enum Slot {
    Waiting(Waker),
    Job(Job),
    /// The pool has ended, or the job has been taken.
    Empty,
}

impl LaunchPool {
    pub(super) const fn new(most: usize) -> Self {
        let seats = Vec::new();
        Self(Mutex::new(Idle { seats, most }))
    }

    /// Gives a launch to a task that waits. Without one it is handed back.
    pub(super) fn give(&self, plan: Arc<Plan>, order: Order) -> Result<(), Job> {
        let seat = self.lock().seats.pop();
        match seat {
            Some(seat) => {
                seat.put(Slot::Job((plan, order)));
                Ok(())
            }
            None => Err((plan, order)),
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
    async fn next(&self) -> Option<Job> {
        let mut seat = None;
        poll_fn(|context| match &seat {
            None => {
                let taken = Arc::new(Seat(Mutex::new(Slot::Waiting(context.waker().clone()))));
                let mut idle = self.lock();
                if idle.seats.len() >= idle.most {
                    return Poll::Ready(None);
                }
                idle.seats.push(Arc::clone(&taken));
                drop(idle);
                seat = Some(taken);
                Poll::Pending
            }
            Some(seat) => seat.poll(context.waker()),
        })
        .await
    }

    fn lock(&self) -> MutexGuard<'_, Idle> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    fn put(&self, slot: Slot) {
        let before = std::mem::replace(&mut *self.lock(), slot);
        if let Slot::Waiting(waker) = before {
            waker.wake();
        }
    }

    fn poll(&self, waker: &Waker) -> Poll<Option<Job>> {
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

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a launch, and then those that are given to it.
pub(super) async fn serve(pool: Arc<LaunchPool>, plan: Arc<Plan>, order: Order) {
    let mut job = Some((plan, order));
    while let Some((plan, order)) = job {
        launch::run(plan, order).await;
        job = pool.next().await;
    }
}
