//! One callback of the user's, whose future is made, polled and dropped under a guard.
//!
//! ractor runs `pre_start`, `post_start` and `post_stop` in boxes of its own, so their futures lie
//! in place. It keeps room for two futures of the other callbacks in the task of an idle actor.
//! Theirs lie in a box of ours: however much they hold, the task stays small.
//!
//! The future is dropped under a guard in each case: after it went well, after it failed or
//! panicked, and when the session is killed while it waits. The user's actor or state may be
//! dropped next. If that panicked while a panic of the future unwinds, the process would abort.

use std::future::Future;
use std::mem::{replace, take};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

use ractor::{Actor, ActorProcessingErr};

use super::Session;
use crate::actor::span::guard_within;
use crate::actor::unwind::{Panicked, guard};

/// A callback under way. Unless it goes well it is the session's last: then what the session has
/// linked to itself is noted. A callback that is merely dropped, because the session was killed,
/// leaves no mark.
pub(super) struct Callback<'a, A: Actor, P: Place> {
    session: &'a Session<A>,
    made: Made<P>,
    wait: Wait,
}

/// What is told when a callback is not over with its first poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Untold,
    /// That the session is in its `post_stop`.
    Tell,
}

enum Made<P> {
    Future(Pin<P>),
    /// The call that was to make it has panicked.
    Panicked(Box<Panicked>),
    /// It went well, and the future is dropped.
    Over,
}

/// Where a callback's future lies.
pub(super) trait Place: DerefMut<Target = Option<Self::Future>> + Unpin {
    type Future;
}

impl<F> Place for &mut Option<F> {
    type Future = F;
}

impl<F> Place for Box<Option<F>> {
    type Future = F;
}

// Neither of the two calls is an `async fn`, which would keep its arguments beside what it makes of
// them.
impl<A: Actor> Session<A> {
    /// Calls the user's actor by a future that lies in its `place`. None of its code may have run.
    pub(super) const fn call<'a, F>(
        &'a self,
        place: Pin<&'a mut Option<F>>,
    ) -> Callback<'a, A, &'a mut Option<F>> {
        self.callback(Made::Future(place))
    }

    /// Calls the user's actor. The future is put into a box. What makes it may hold a large message,
    /// so that is called from where it lies.
    pub(super) fn call_in_box<F>(
        &self,
        make: impl FnOnce() -> F,
    ) -> Callback<'_, A, Box<Option<F>>> {
        let mut make = Some(make);
        let made = guard_within(self.life.span().as_deref(), || {
            let place = Box::new_uninit();
            Box::into_pin(Box::write(place, make.take().map(|make| make())))
        });
        self.callback(match made {
            Ok(future) => Made::Future(future),
            Err(panicked) => {
                self.life.note_orphans();
                Made::Panicked(Box::new(panicked))
            }
        })
    }

    const fn callback<P: Place>(&self, made: Made<P>) -> Callback<'_, A, P> {
        Callback {
            session: self,
            made,
            wait: Wait::Untold,
        }
    }
}

impl<A: Actor, P: Place> Callback<'_, A, P> {
    /// It is the `post_stop`: if it takes time, the supervisor is told.
    pub(super) fn of_post_stop(mut self) -> Self {
        self.wait = Wait::Tell;
        self
    }

    /// Drops the future.
    fn end(&mut self) {
        if let Made::Future(mut future) = replace(&mut self.made, Made::Over)
            && let Err(panicked) = guard(|| future.set(None))
        {
            self.session.shared.lines.drop_panicked(panicked);
        }
    }
}

impl<A, P, T> Future for Callback<'_, A, P>
where
    A: Actor,
    P: Place<Future: Future<Output = Result<T, ActorProcessingErr>>>,
{
    type Output = Result<T, ActorProcessingErr>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let callback = self.get_mut();
        let future = match &mut callback.made {
            Made::Future(future) => future.as_mut().as_pin_mut(),
            Made::Panicked(panicked) => return Poll::Ready(Err(take(&mut panicked.0).into())),
            Made::Over => None,
        };
        let Some(future) = future else {
            return Poll::Pending;
        };
        let span = callback.session.life.span();
        match guard_within(span.as_deref(), || future.poll(context)) {
            Ok(Poll::Ready(Ok(value))) => {
                callback.end();
                Poll::Ready(Ok(value))
            }
            Ok(Poll::Pending) => {
                if replace(&mut callback.wait, Wait::Untold) == Wait::Tell {
                    callback.session.tell_of_post_stop();
                }
                Poll::Pending
            }
            Ok(failed) => failed,
            Err(Panicked(text)) => Poll::Ready(Err(text.into())),
        }
    }
}

impl<A: Actor, P: Place> Drop for Callback<'_, A, P> {
    fn drop(&mut self) {
        if let Made::Future(_) = self.made {
            self.end();
            self.session.life.note_orphans();
        }
    }
}
