//! One callback of the user's, whose future is made, polled and dropped under a guard.
//!
//! Its caller keeps the place for the future. ractor runs `pre_start`, `post_start` and `post_stop`
//! in boxes of its own, so their futures lie in those. It keeps room for two futures of the other
//! callbacks in the task of an idle actor. Theirs lie in a box, so that the task stays small.
//!
//! The future is dropped under a guard in each case: after it went well, after it failed or
//! panicked, and when the session is killed while it waits. The user's actor or state may be
//! dropped next. If that panicked while a panic of the future unwinds, the process would abort.

use std::future::Future;
use std::mem::{replace, take};
use std::pin::Pin;
use std::task::{Context, Poll};

use ractor::{Actor, ActorProcessingErr};

use super::Session;
use crate::actor::unwind::{Panicked, guard};

/// A callback under way. Unless it goes well it is the session's last: then what the session has
/// linked to itself is noted. A callback that is merely dropped, because the session was killed,
/// leaves no mark.
pub(super) struct Callback<'a, A: Actor, F> {
    session: &'a Session<A>,
    made: Made<'a, F>,
    wait: Wait,
}

/// What is told when a callback is not over with its first poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Untold,
    /// That the session is in its `post_stop`.
    Tell,
}

enum Made<'a, F> {
    /// It lies in its place.
    Future(Pin<&'a mut Option<F>>),
    /// The call that was to make it has panicked.
    Panicked(Box<Panicked>),
    /// It went well, and the future is dropped.
    Over,
}

impl<A: Actor> Session<A> {
    /// Calls the user's actor. The future is put into its `place`.
    ///
    /// Not an `async fn`, which would keep its arguments beside what it makes of them.
    pub(super) fn call<'a, F>(
        &'a self,
        mut place: Pin<&'a mut Option<F>>,
        make: impl FnOnce() -> F,
    ) -> Callback<'a, A, F> {
        // It may hold a large message, so it is called from where it lies.
        let mut make = Some(make);
        let made = match guard(|| place.set(make.take().map(|make| make()))) {
            Ok(()) => Made::Future(place),
            Err(panicked) => {
                self.life.note_orphans();
                Made::Panicked(Box::new(panicked))
            }
        };
        Callback {
            session: self,
            made,
            wait: Wait::Untold,
        }
    }
}

impl<A: Actor, F> Callback<'_, A, F> {
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

impl<A, F, T> Future for Callback<'_, A, F>
where
    A: Actor,
    F: Future<Output = Result<T, ActorProcessingErr>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let callback = self.get_mut();
        let future = match &mut callback.made {
            Made::Future(future) => future.as_mut().as_pin_mut(),
            Made::Panicked(panicked) => return Poll::Ready(Err(take(&mut panicked.0).into())),
            Made::Over => None,
        };
        let Some(future) = future else {
            return Poll::Pending;
        };
        match guard(|| future.poll(context)) {
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

impl<A: Actor, F> Drop for Callback<'_, A, F> {
    fn drop(&mut self) {
        if let Made::Future(_) = self.made {
            self.end();
            self.session.life.note_orphans();
        }
    }
}
