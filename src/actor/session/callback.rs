//! One callback of the user's, whose future is made, polled and dropped under a guard.
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
    made: Made<F>,
    wait: Wait,
}

/// What is told when a callback is not over with its first poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    Untold,
    /// That the session is in its `post_stop`.
    Tell,
}

enum Made<F> {
    /// In a box of its own. However much the future holds, the futures around it stay small. They
    /// are moved more often, and ractor keeps room for two of them in the task of an idle actor.
    Future(Pin<Box<F>>),
    /// The call that was to make it has panicked.
    Panicked(Box<Panicked>),
    /// It went well, and the future is dropped.
    Over,
}

impl<A: Actor> Session<A> {
    /// Calls the user's actor.
    ///
    /// Not an `async fn`, which would keep its arguments beside what it makes of them.
    pub(super) fn call<F>(&self, make: impl FnOnce() -> F) -> Callback<'_, A, F> {
        // It may hold a large message, so it is called from where it lies.
        let mut make = Some(make);
        let made = match guard(|| make.take().map(|make| Box::pin(make()))) {
            Ok(Some(future)) => Made::Future(future),
            Ok(None) => Made::Over,
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
        if let Made::Future(future) = replace(&mut self.made, Made::Over) {
            self.session.shared.lines.drop_guarded(future);
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
            Made::Future(future) => future.as_mut(),
            Made::Panicked(panicked) => return Poll::Ready(Err(take(&mut panicked.0).into())),
            Made::Over => return Poll::Pending,
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
