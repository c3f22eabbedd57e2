//! How a message comes to a session, or why it does not, and what became of a session that dropped
//! the reply.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use ractor::{ActorRef, ActorStatus, Message, MessagingErr};
use tokio::sync::oneshot;

use super::{Absent, SessionRef};
use crate::actor::life::AfterCallback;
use crate::actor::shared::Query;
use crate::actor::unwind::guard;
use crate::ask;
use crate::engine::SessionState;
use crate::error::{AwaitError, CallError, CastError, FindError, NotTaken, SupervisorDown};

/// How often a session is started that ends before it takes the message.
const TRIES: usize = 8;

/// Why a session was not found.
enum Absence {
    For(NotTaken),
    /// To the supervisor it runs.
    Runs,
}

/// How often a session that runs was looked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Looked {
    Once,
    Again,
}

impl<M: Message> SessionRef<M> {
    /// Sends a message. Answers who has taken it.
    pub(super) async fn send(
        &self,
        mut message: M,
        absent: &Absent<M>,
    ) -> Result<ActorRef<M>, CastError<M>> {
        let (mut starts, mut looked) = (0, Looked::Once);
        let mut next = self.sessions.find_session_as(&self.id);
        loop {
            match next {
                Ok(actor) => match actor.send_message(message) {
                    Ok(()) => return Ok(actor),
                    Err(MessagingErr::SendErr(back)) => message = back,
                    // Its type has been looked at, so this cannot be.
                    Err(MessagingErr::ChannelClosed | MessagingErr::InvalidActorType) => {
                        let (message, reason) = (None, NotTaken::WrongMessageType);
                        return Err(CastError { message, reason });
                    }
                },
                Err(FindError::NotFound) => {}
                Err(FindError::WrongMessageType) => {
                    let (message, reason) = (Some(message), NotTaken::WrongMessageType);
                    return Err(CastError { message, reason });
                }
            }
            let found = match absent {
                Absent::Refuse => match (self.absence().await, looked) {
                    // It has started since it was looked for, or is ending.
                    (Absence::Runs, Looked::Once) => {
                        looked = Looked::Again;
                        next = self.sessions.find_session_as(&self.id);
                        continue;
                    }
                    // It is ending by itself, or others have stopped it.
                    (Absence::Runs, Looked::Again) => Err(NotTaken::Unavailable {
                        state: SessionState::Stopping,
                    }),
                    (Absence::For(reason), _) => Err(reason),
                },
                Absent::Wait => {
                    let awaited = self.sessions.await_session(&self.id);
                    awaited.await.map_err(not_awaited)
                }
                Absent::Start(_) if starts == TRIES => Err(NotTaken::KeepsEnding),
                Absent::Start(start) => {
                    starts += 1;
                    let started = start(&self.sessions, &self.id);
                    started.await.map_err(NotTaken::NotStarted)
                }
            };
            match found {
                Ok(actor) => next = Ok(actor),
                Err(reason) => {
                    let message = Some(message);
                    return Err(CastError { message, reason });
                }
            }
        }
    }

    /// The outcome of a call, unless it takes longer than this.
    ///
    /// The caller may be on a thread of any executor, or on a runtime without timers, so the timer is
    /// one of the supervisor's runtime. If that is shut down, tokio panics when the timer is looked
    /// at, and no call is answered any more.
    pub(super) async fn within<T>(
        &self,
        timeout: Duration,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let sleep = {
            let _runtime = self.sessions.shared.runtime().enter();
            tokio::time::sleep(timeout)
        };
        let mut sleep = pin!(tokio::task::unconstrained(sleep));
        let mut call = pin!(call);
        poll_fn(|context| {
            if let Poll::Ready(answered) = call.as_mut().poll(context) {
                return Poll::Ready(answered);
            }
            match guard(|| sleep.as_mut().poll(context)) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(())) | Err(_) => Poll::Ready(Err(CallError::TimedOut)),
            }
        })
        .await
    }

    /// Why no session takes messages.
    async fn absence(&self) -> Absence {
        Absence::For(match self.sessions.session_info(&self.id).await {
            Ok(None) => NotTaken::NotRunning,
            Ok(Some(info)) if info.state == SessionState::Running => return Absence::Runs,
            Ok(Some(info)) => NotTaken::Unavailable { state: info.state },
            Err(SupervisorDown) => NotTaken::SupervisorDown,
        })
    }

    /// Whether the session runs on that has dropped a reply, as soon as that is known.
    pub(super) async fn runs_on(&self, actor: &ActorRef<M>) -> bool {
        if actor.get_status() >= ActorStatus::Draining {
            return false;
        }
        let (id, number) = (self.id.clone(), actor.get_id().pid());
        let query = |reply| Query::after_callback(id, number, reply);
        tokio::select! {
            biased;
            _ = actor.wait(None) => false,
            // Without an answer the supervisor has ended, or the session has.
            after = ask::query(&self.sessions.shared, query) => after == Ok(AfterCallback::RunsOn),
        }
    }
}

const fn not_awaited(error: AwaitError) -> NotTaken {
    match error {
        AwaitError::NotFound => NotTaken::NotRunning,
        AwaitError::Parked => NotTaken::Unavailable {
            state: SessionState::Parked,
        },
        AwaitError::Stuck => NotTaken::Unavailable {
            state: SessionState::Stuck,
        },
        AwaitError::WrongMessageType => NotTaken::WrongMessageType,
        AwaitError::Draining => NotTaken::Draining,
        AwaitError::SupervisorDown => NotTaken::SupervisorDown,
    }
}

/// The answer, unless the session ends first or drops the reply. A message that came in the instant
/// of that end may lie in its mailbox for as long as somebody holds the actor, as this does.
pub(super) async fn answer_of<M: Message, T>(
    mut answer: oneshot::Receiver<T>,
    taken: &ActorRef<M>,
) -> Option<T> {
    tokio::select! {
        biased;
        answered = &mut answer => answered.ok(),
        _ = taken.wait(None) => answer.try_recv().ok(),
    }
}
