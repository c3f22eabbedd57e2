//! Answers to callers. An answer wakes the caller, and a waker can be any code: it may panic, or
//! block its thread.
//!
//! The drive therefore only collects the answers. Each is given in a task of its own, when no lock
//! is held and the seat is free, so a waker that blocks delays that task alone. A task that is
//! dropped before its turn, because the runtime is shutting down, answers in its drop.
//!
//! The answer to a launch that succeeded or failed is given by the task of the launch. And the root of
//! a child supervisor waits for its children in the task of its own launch, whose waker is tokio's: it
//! is answered where the drive ends.

use std::fmt;

use tokio::sync::oneshot;

use super::drop_queue::DropQueue;
use super::feed::Listens;
use super::item::Told;
use super::shared::Actors;
use super::ticket::Ticket;
use super::unwind::guard;
use crate::engine::{self, Caller, Cause, Counts, Reply, ShutdownReport};
use crate::info::{ChildInfo, Dossier, Explanation, GroupCount, SessionInfo, SessionPage};

/// What a caller is told. If nobody takes it, each value of the user's in it is dropped on its own:
/// two that panic in one drop would end the process.
pub(crate) trait Telling: Send + 'static {
    fn causes(self, each: &mut dyn FnMut(Cause));
}

/// Tells it. Answers the causes in it if nobody takes it.
pub(super) fn tell<T: Telling>(reply: oneshot::Sender<T>, telling: T) -> Vec<Cause> {
    let mut causes = Vec::new();
    if let Err(untaken) = reply.send(telling) {
        untaken.causes(&mut |cause| causes.push(cause));
    }
    causes
}

impl<A: engine::Answer + Send + 'static> Telling for A {
    fn causes(self, each: &mut dyn FnMut(Cause)) {
        if let Some(cause) = self.into_cause() {
            each(cause);
        }
    }
}

impl Telling for Counts {
    fn causes(self, _each: &mut dyn FnMut(Cause)) {}
}

impl Telling for usize {
    fn causes(self, _each: &mut dyn FnMut(Cause)) {}
}

impl Telling for Listens {
    fn causes(self, _each: &mut dyn FnMut(Cause)) {}
}

impl Telling for Dossier {
    fn causes(self, _each: &mut dyn FnMut(Cause)) {}
}

impl Telling for Explanation {
    fn causes(self, _each: &mut dyn FnMut(Cause)) {}
}

impl Telling for GroupCount {
    fn causes(self, _each: &mut dyn FnMut(Cause)) {}
}

impl Telling for ShutdownReport {
    fn causes(self, _each: &mut dyn FnMut(Cause)) {}
}

impl Telling for SessionInfo {
    fn causes(self, each: &mut dyn FnMut(Cause)) {
        self.last_exit.causes(each);
    }
}

impl Telling for SessionPage {
    fn causes(self, each: &mut dyn FnMut(Cause)) {
        self.sessions.causes(each);
    }
}

impl Telling for ChildInfo {
    fn causes(self, each: &mut dyn FnMut(Cause)) {
        self.last_exit.causes(each);
    }
}

impl<T: Telling> Telling for Option<T> {
    fn causes(self, each: &mut dyn FnMut(Cause)) {
        if let Some(telling) = self {
            telling.causes(each);
        }
    }
}

impl<T: Telling> Telling for Vec<T> {
    fn causes(self, each: &mut dyn FnMut(Cause)) {
        for telling in self {
            telling.causes(each);
        }
    }
}

/// One answer to one caller.
pub(super) enum Answer {
    Reply(Reply<Actors>),
    /// What a question was about.
    Told(Told),
    /// None: the ticket reads as "supervisor down".
    None(Caller<Actors>),
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

impl Answer {
    /// Whether it tells the root of a supervisor that its children are started.
    pub(super) const fn is_for_a_root(&self) -> bool {
        matches!(self, Self::Reply(Reply::Begin(..)))
    }

    /// Gives it here and now. No lock may be held.
    pub(super) fn give(self, drops: &DropQueue) {
        // A waker that panics affects no other caller, and its own has the answer all the same.
        drop(guard(|| match self {
            Self::Reply(reply) => match reply {
                Reply::Start(ticket, answer) => deliver(ticket, answer, drops),
                Reply::Ensure(ticket, answer) => deliver(ticket, answer, drops),
                Reply::Restart(ticket, answer) => deliver(ticket, answer, drops),
                Reply::Lease(ticket, answer) => deliver(ticket, answer, drops),
                Reply::MoreTime(ticket, answer) => deliver(ticket, answer, drops),
                Reply::DrainProgress(ticket, answer) => deliver(ticket, answer, drops),
                Reply::Stop(ticket, answer) => deliver(ticket, answer, drops),
                Reply::Gone(ticket, answer) => deliver(ticket, answer, drops),
                Reply::Await(ticket, answer) => deliver(ticket, answer, drops),
                Reply::StartChild(ticket, answer) => deliver(ticket, answer, drops),
                Reply::RestartChild(ticket, answer) => deliver(ticket, answer, drops),
                Reply::Delete(ticket, answer) => deliver(ticket, answer, drops),
                Reply::Begin(ticket, answer) => deliver(ticket, answer, drops),
            },
            Self::Told(told) => told().into_iter().for_each(|cause| drops.put_cause(cause)),
            Self::None(caller) => drop(caller),
        }));
        drops.wake();
    }
}

fn deliver<A: Telling>(ticket: Ticket<A>, answer: A, drops: &DropQueue) {
    if let Some(undelivered) = ticket.answer(answer) {
        drops.put_causes(undelivered);
    }
}

/// An answer on its way.
pub(super) struct Delivery {
    answer: Option<Answer>,
    drops: DropQueue,
}

impl Delivery {
    pub(super) const fn new(answer: Answer, drops: DropQueue) -> Self {
        Self {
            answer: Some(answer),
            drops,
        }
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        if let Some(answer) = self.answer.take() {
            answer.give(&self.drops);
        }
    }
}
