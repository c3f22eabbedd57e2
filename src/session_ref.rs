//! The address of a session: it names an id, and so follows the session over its restarts.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorRef, ActorStatus, Message, MessagingErr, RpcReplyPort};
use tokio::sync::oneshot;

use crate::child::Child;
use crate::error::{CallError, CastError, EnsureError, FindError, InvalidId, NotTaken};
use crate::{ChildSpec, SessionId, SessionSupervisor, ask};

/// How often a session is started that ends before it takes the message.
const TRIES: usize = 8;

type Started<M> = Pin<Box<dyn Future<Output = Result<ActorRef<M>, EnsureError>> + Send>>;

/// Starts the session if it does not run.
type Start<M> = Arc<dyn Fn(&SessionSupervisor, &SessionId) -> Started<M> + Send + Sync>;

/// An address of the session of one id under one supervisor, whichever incarnation runs. Cheap to
/// clone; made by [`session_ref`](SessionSupervisor::session_ref).
///
/// While the session runs, nothing is asked of the supervisor: each message looks the session up in
/// ractor's registry and goes straight to it. It never reaches a session of another id, nor one of
/// another supervisor, also not one that has taken over the name.
///
/// # What is promised
///
/// A message that no session takes comes back in the error. `Ok` says that it is in the mailbox of
/// the incarnation that ran. ractor drops what is left in the mailbox of an actor that fails, is
/// killed, or is stopped without being drained, so such a message may be lost with it. A session
/// that is drained handles all that it has taken: with [`or_start`](Self::or_start) and sessions
/// that end by draining ([`Shutdown::Drain`](crate::Shutdown::Drain)), no message is lost.
pub struct SessionRef<M: Message> {
    sessions: SessionSupervisor,
    id: SessionId,
    start: Option<Start<M>>,
}

impl<M: Message> Clone for SessionRef<M> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            id: self.id.clone(),
            start: self.start.clone(),
        }
    }
}

impl<M: Message> fmt::Debug for SessionRef<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRef")
            .field("supervisor", &self.sessions.name())
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl SessionSupervisor {
    /// The address of a session, whether or not it runs.
    ///
    /// # Errors
    ///
    /// [`InvalidId`] if the text is no session id.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort};
    /// # use std::time::Duration;
    /// # struct Counter;
    /// enum Msg { Add(u32), Total(RpcReplyPort<u32>) }
    /// # #[cfg(feature = "cluster")]
    /// # impl ractor::Message for Msg {}
    /// # #[ractor::actor(message = Msg, state = u32, arguments = ())]
    /// # impl Counter {
    /// #     async fn pre_start(&self, _: ActorRef<Msg>, _: ()) -> Result<u32, ActorProcessingErr> {
    /// #         Ok(0)
    /// #     }
    /// #     async fn handle(&self, _: ActorRef<Msg>, m: Msg, n: &mut u32)
    /// #         -> Result<(), ActorProcessingErr> {
    /// #         match m {
    /// #             Msg::Add(k) => *n += k,
    /// #             Msg::Total(reply) => drop(reply.send(*n)),
    /// #         }
    /// #         Ok(())
    /// #     }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use session_supervisor::{ChildSpec, Options, SessionSupervisor};
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// let spec = ChildSpec::new(|_| (Counter, ()));
    /// let counter = sessions.session_ref::<Msg>("apples").unwrap().or_start(spec);
    /// counter.cast(Msg::Add(2)).await.unwrap();
    /// counter.cast(Msg::Add(3)).await.unwrap();
    /// let total = counter.call(Msg::Total, Duration::from_secs(1)).await.unwrap();
    /// assert_eq!(total, 5);
    /// # sessions.stop().await.unwrap();
    /// # }
    /// ```
    pub fn session_ref<M: Message>(&self, id: &str) -> Result<SessionRef<M>, InvalidId> {
        Ok(SessionRef {
            sessions: self.clone(),
            id: SessionId::parse(id)?,
            start: None,
        })
    }
}

impl<M: Message> SessionRef<M> {
    /// The same address, and a message starts the session if it does not run. Callers that send at
    /// once share one start, as with [`ensure_session`](SessionSupervisor::ensure_session).
    #[must_use]
    pub fn or_start<C: Child<Ref = ActorRef<M>>>(mut self, spec: ChildSpec<C>) -> Self {
        self.start = Some(Arc::new(move |sessions, id| {
            let ensured = sessions.ensure_session(id, spec.clone());
            Box::pin(async move { Ok(ensured.await?.into_inner()) })
        }));
        self
    }

    /// The id of the session.
    #[must_use]
    pub const fn id(&self) -> &SessionId {
        &self.id
    }

    /// The supervisor of the session.
    #[must_use]
    pub const fn supervisor(&self) -> &SessionSupervisor {
        &self.sessions
    }

    /// The incarnation that runs now, as
    /// [`find_session_as`](SessionSupervisor::find_session_as) sees it.
    #[must_use]
    pub fn running(&self) -> Option<ActorRef<M>> {
        self.sessions.find_session_as(&self.id).ok()
    }

    /// Sends a message to the session. Returns when it is in the mailbox.
    ///
    /// It waits only if the session does not run and this reference [starts](Self::or_start) it:
    /// for the start, for a stop that comes first, or for a restart under way.
    ///
    /// # Errors
    ///
    /// [`CastError`] with the message, if no session has taken it.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, the message is dropped. A start that was asked goes on as with
    /// [`ensure_session`](SessionSupervisor::ensure_session).
    pub async fn cast(&self, message: M) -> Result<(), CastError<M>> {
        self.send(message).await.map(drop)
    }

    /// Sends a message that asks for an answer, and waits for it, at most so long in all.
    ///
    /// The message is made once. It is sent as [`cast`](Self::cast) does.
    ///
    /// # Errors
    ///
    /// `NotTaken` as with [`cast`](Self::cast): nothing was done. `Unanswered` if the session ended
    /// first or dropped the reply, `TimedOut` after `timeout`: some of it may have been done.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is done, the session may still handle the message.
    pub async fn call<T: Send + 'static>(
        &self,
        make: impl FnOnce(RpcReplyPort<T>) -> M,
        timeout: Duration,
    ) -> Result<T, CallError> {
        let (port, answer) = ractor::concurrency::oneshot();
        let message = make(port.into());
        let called = async {
            match self.send(message).await {
                Ok(taken) => answer_of(answer, &taken).await.ok_or(CallError::Unanswered),
                Err(CastError { reason, .. }) => Err(CallError::NotTaken(reason)),
            }
        };
        match tokio::time::timeout(timeout, called).await {
            Ok(answered) => answered,
            Err(_) => Err(CallError::TimedOut),
        }
    }

    /// As [`call`](Self::call), but asks again when a session has taken the message and ended
    /// before it answered, until `timeout` is over. So the message may be handled more than once:
    /// only for what does no harm then.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call). `Unanswered` only if a session that runs dropped the reply.
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    pub async fn call_again<T: Send + 'static>(
        &self,
        make: impl Fn(RpcReplyPort<T>) -> M,
        timeout: Duration,
    ) -> Result<T, CallError> {
        let answered = async {
            loop {
                let (port, answer) = ractor::concurrency::oneshot();
                let taken = match self.send(make(port.into())).await {
                    Ok(taken) => taken,
                    Err(CastError { reason, .. }) => return Err(CallError::NotTaken(reason)),
                };
                if let Some(answer) = answer_of(answer, &taken).await {
                    return Ok(answer);
                }
                if taken.get_status() < ActorStatus::Draining {
                    return Err(CallError::Unanswered);
                }
                // Its end comes first, or it might be found once more.
                taken.wait(None).await.ok();
            }
        };
        match tokio::time::timeout(timeout, answered).await {
            Ok(answered) => answered,
            Err(_) => Err(CallError::TimedOut),
        }
    }

    /// Sends a message. Answers who has taken it.
    async fn send(&self, mut message: M) -> Result<ActorRef<M>, CastError<M>> {
        let mut starts = 0;
        let mut next = self.sessions.find_session_as(&self.id);
        loop {
            let reason = match next {
                Ok(actor) => match actor.send_message(message) {
                    Ok(()) => return Ok(actor),
                    Err(MessagingErr::SendErr(back)) => {
                        message = back;
                        NotTaken::NotRunning
                    }
                    // Its type has been looked at, so this cannot be.
                    Err(MessagingErr::ChannelClosed | MessagingErr::InvalidActorType) => {
                        let (message, reason) = (None, NotTaken::WrongMessageType);
                        return Err(CastError { message, reason });
                    }
                },
                Err(FindError::NotFound) => NotTaken::NotRunning,
                Err(FindError::WrongMessageType) => NotTaken::WrongMessageType,
            };
            let reason = match (reason, &self.start) {
                (NotTaken::NotRunning, None) if ask::alive(&self.sessions.shared).is_err() => {
                    NotTaken::SupervisorDown
                }
                (NotTaken::NotRunning, Some(_)) if starts == TRIES => NotTaken::KeepsEnding,
                (NotTaken::NotRunning, Some(start)) => {
                    starts += 1;
                    match start(&self.sessions, &self.id).await {
                        Ok(actor) => {
                            next = Ok(actor);
                            continue;
                        }
                        Err(error) => NotTaken::NotStarted(error),
                    }
                }
                (reason, _) => reason,
            };
            let message = Some(message);
            return Err(CastError { message, reason });
        }
    }
}

/// The answer, unless the session ends first or drops the reply. A message that came in the instant
/// of that end may lie in its mailbox for as long as somebody holds the actor, as this does.
async fn answer_of<M: Message, T>(
    mut answer: oneshot::Receiver<T>,
    taken: &ActorRef<M>,
) -> Option<T> {
    tokio::select! {
        biased;
        answered = &mut answer => answered.ok(),
        _ = taken.wait(None) => answer.try_recv().ok(),
    }
}
