//! Launch tasks that have nothing to do wait here and take the next launch, so that most launches
//! need not make a task.
//!
//! A task is here only while it has no launch. So one that waits, or blocks its thread, keeps no
//! other launch waiting. It takes the next launch in a later poll than the one in which its last
//! launch ended: that poll belongs to what the last launch has woken. It holds no supervisor while
//! it waits, and ends with the pool.

use std::future::poll_fn;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// The idle launch tasks of a session supervisor, by what a launch is to them.
#[derive(Debug)]
pub(super) struct LaunchPool<L>(Mutex<Idle<L>>);

#[derive(Debug)]
struct Idle<L> {
    /// Where a task waits, from then until it takes its launch.
    seats: Vec<Seat<L>>,
    /// The seats of those that wait. The one that came last stands last, and is the next to be given a
    /// launch.
    waiting: Vec<usize>,
    /// The seats that nobody has.
    free: Vec<usize>,
    /// At most so many.
    most: usize,
}

#[derive(Debug)]
enum Seat<L> {
    Free,
    Waits(Waker),
    /// Its task was woken for this launch, and has not had its turn.
    IsGiven(L),
}

impl<L> LaunchPool<L> {
    pub(super) const fn new(most: usize) -> Self {
        Self(Mutex::new(Idle {
            seats: Vec::new(),
            waiting: Vec::new(),
            free: Vec::new(),
            most,
        }))
    }

    /// Gives a launch to a task that waits. Without one it is handed back.
    #[inline]
    pub(super) fn give(&self, launch: L) -> Result<(), L> {
        let mut idle = self.lock();
        let Idle { seats, waiting, .. } = &mut *idle;
        let Some(seat) = waiting.pop().and_then(|seat| seats.get_mut(seat)) else {
            return Err(launch);
        };
        let before = std::mem::replace(seat, Seat::IsGiven(launch));
        drop(idle);
        if let Seat::Waits(waker) = before {
            waker.wake();
        }
        Ok(())
    }

    /// No task waits any more. A launch that was given to a task which its runtime has dropped is
    /// dropped too: it holds the supervisor, which holds the pool.
    pub(super) fn close(&self) {
        let mut idle = self.lock();
        idle.most = 0;
        idle.waiting = Vec::new();
        idle.free = Vec::new();
        let seats = std::mem::take(&mut idle.seats);
        drop(idle);
        for seat in seats {
            if let Seat::Waits(waker) = seat {
                waker.wake();
            }
        }
    }

    /// Waits for the next launch; `None` if there is no room for one more that waits.
    pub(super) async fn next(&self) -> Option<L> {
        let mut number = None;
        poll_fn(|context| match number {
            Some(number) => self.take(number),
            None => match self.sit(context) {
                Some(seat) => {
                    number = Some(seat);
                    Poll::Pending
                }
                None => Poll::Ready(None),
            },
        })
        .await
    }

    fn sit(&self, context: &Context<'_>) -> Option<usize> {
        let mut idle = self.lock();
        let seat = match idle.free.pop() {
            Some(seat) => seat,
            None if idle.seats.len() >= idle.most => return None,
            None => {
                idle.seats.push(Seat::Free);
                idle.seats.len() - 1
            }
        };
        *idle.seats.get_mut(seat)? = Seat::Waits(context.waker().clone());
        idle.waiting.push(seat);
        Some(seat)
    }

    /// What was given to a seat. `None` once the pool is closed.
    fn take(&self, seat: usize) -> Poll<Option<L>> {
        let mut idle = self.lock();
        let Some(taken) = idle.seats.get_mut(seat) else {
            return Poll::Ready(None);
        };
        match std::mem::replace(taken, Seat::Free) {
            Seat::IsGiven(launch) => {
                idle.free.push(seat);
                Poll::Ready(Some(launch))
            }
            // It was polled and not woken.
            before => {
                *taken = before;
                Poll::Pending
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Idle<L>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::sync::Arc;
    use std::task::{Context, Poll, Waker};

    use super::LaunchPool;

    type Launch = Arc<&'static str>;

    fn poll<F: Future<Output = Option<Launch>>>(task: Pin<&mut F>) -> Poll<Option<&'static str>> {
        let polled = task.poll(&mut Context::from_waker(Waker::noop()));
        polled.map(|launch| launch.map(|launch| *launch))
    }

    #[test]
    fn a_launch_is_given_to_the_task_that_came_last_and_waits() {
        let pool = LaunchPool::new(2);
        assert!(pool.give(Launch::new("nobody waits")).is_err());
        let (mut first, mut last) = (pin!(pool.next()), pin!(pool.next()));
        assert_eq!(poll(first.as_mut()), Poll::Pending);
        assert_eq!(poll(last.as_mut()), Poll::Pending);
        pool.give(Launch::new("one")).unwrap();
        pool.give(Launch::new("two")).unwrap();
        assert!(pool.give(Launch::new("both have one")).is_err());
        assert_eq!(poll(last), Poll::Ready(Some("one")));
        assert_eq!(poll(first), Poll::Ready(Some("two")));
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let pool = LaunchPool::new(1);
        let mut first = pin!(pool.next());
        assert_eq!(poll(first.as_mut()), Poll::Pending);
        assert_eq!(poll(pin!(pool.next())), Poll::Ready(None));
        pool.give(Launch::new("one")).unwrap();
        assert_eq!(poll(first), Poll::Ready(Some("one")));
        let mut next = pin!(pool.next());
        assert_eq!(poll(next.as_mut()), Poll::Pending);
    }

    #[test]
    fn a_pool_that_is_closed_keeps_neither_tasks_nor_launches() {
        let pool = LaunchPool::new(2);
        let mut waits = pin!(pool.next());
        assert_eq!(poll(waits.as_mut()), Poll::Pending);
        let launch = Launch::new("of a task that its runtime has dropped");
        {
            let mut dropped = pin!(pool.next());
            assert_eq!(poll(dropped.as_mut()), Poll::Pending);
            pool.give(Arc::clone(&launch)).unwrap();
        }
        pool.close();
        assert_eq!(Arc::strong_count(&launch), 1);
        assert_eq!(poll(waits), Poll::Ready(None));
        assert_eq!(poll(pin!(pool.next())), Poll::Ready(None));
        assert!(pool.give(launch).is_err());
    }
}
