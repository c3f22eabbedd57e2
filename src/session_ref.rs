//! The address of a session: it names an id, and so follows the session over its restarts.

mod delivery;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorRef, Message, RpcReplyPort};

use crate::child::Child;
use crate::error::{CallError, CastError, EnsureError, InvalidId};
use crate::{ChildSpec, SessionId, SessionSupervisor};
use delivery::answer_of;

type Started<M> = Pin<Box<dyn Future<Output = Result<ActorRef<M>, EnsureError>> + Send>>;

/// Starts the session if it does not run.
type Start<M> = Arc<dyn Fn(&SessionSupervisor, &SessionId) -> Started<M> + Send + Sync>;

/// What becomes of a message while no session runs.
enum Absent<M> {
    /// It is refused.
    Refuse,
    /// It waits for a session that is known.
    Wait,
    /// It starts one.
    Start(Start<M>),
}

impl<M> Clone for Absent<M> {
    fn clone(&self) -> Self {
        match self {
            Self::Refuse => Self::Refuse,
            Self::Wait => Self::Wait,
            Self::Start(start) => Self::Start(Arc::clone(start)),
        }
    }
}

/// An address of the session of one id under one supervisor, whichever incarnation runs. Cheap to
/// clone; made by [`session_ref`](SessionSupervisor::session_ref).
///
/// While the session runs, nothing is asked of the supervisor: each message looks the session up in
/// ractor's registry and goes straight to it. It never reaches a session of another id, nor one of
/// another supervisor, also not one that has taken over the name.
///
/// # While the session does not run
///
/// | the reference | the session is known | no session of the id is known |
/// | --- | --- | --- |
/// | as it is made | the error says [what it does](crate::error::NotTaken::Unavailable) | refused |
/// | [`or_wait`](Self::or_wait) | the message waits until it runs | refused |
/// | [`or_start`](Self::or_start) | the message waits until it runs | the message starts it |
///
/// # What is promised
///
/// A message that no session takes comes back in the error; one that is stuck takes none. `Ok` says
/// that it is in the mailbox of the incarnation that ran. ractor drops what is left in the mailbox
/// of an actor that fails, is killed, or is stopped without being drained, so such a message may be
/// lost with it. A session that is drained handles all that it has taken, if its time is enough:
/// then, with [`or_start`](Self::or_start) and sessions that end by draining
/// ([`Shutdown::Drain`](crate::Shutdown::Drain)), no message is lost.
pub struct SessionRef<M: Message> {
    sessions: SessionSupervisor,
    id: SessionId,
    absent: Absent<M>,
}

impl<M: Message> Clone for SessionRef<M> {
    fn clone(&self) -> Self {
        Self {
            sessions: self.sessions.clone(),
            id: self.id.clone(),
            absent: self.absent.clone(),
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
    /// The address of a session, whether or not it runs. What a message does while it does not run
    /// is set with [`or_wait`](SessionRef::or_wait) and [`or_start`](SessionRef::or_start).
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
            absent: Absent::Refuse,
        })
    }
}

impl<M: Message> SessionRef<M> {
    /// The same address, and a message waits while the session starts, restarts or ends, as
    /// [`await_session`](SessionSupervisor::await_session) does. It never starts one: of an id that
    /// is not known, or not any more, it is refused, and so it is when the session is parked.
    ///
    /// A [`call`](Self::call) waits within its timeout. A [`cast`](Self::cast) has none of its own.
    /// Of this and [`or_start`](Self::or_start) the last one counts. A handler that waits for a
    /// message to its own session can wait for itself, as with `or_start`.
    #[must_use]
    pub fn or_wait(mut self) -> Self {
        self.absent = Absent::Wait;
        self
    }

    /// The same address, and a message starts the session if it does not run. Callers that send at
    /// once share one start, as with [`ensure_session`](SessionSupervisor::ensure_session).
    ///
    /// # Deadlocks
    ///
    /// A message to a session that ends waits for that end, and a session ends only when its handler
    /// has returned. So a handler must not wait for a message to its own session, nor two sessions'
    /// handlers for messages to each other: while they end, each waits for itself until it is killed.
    /// Send from a spawned task there, or through an address without `or_start` and `or_wait`.
    #[must_use]
    pub fn or_start<C: Child<Ref = ActorRef<M>>>(mut self, spec: ChildSpec<C>) -> Self {
        self.absent = Absent::Start(Arc::new(move |sessions, id| {
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
    /// It waits only if the session does not run. A reference that [waits](Self::or_wait) for it or
    /// [starts](Self::or_start) it does so for the start, for a stop that comes first, and for a
    /// restart under way or after a pause. Any other asks the supervisor for the reason, and waits
    /// for that answer.
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
        self.send(message, &self.absent).await.map(drop)
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
            match self.send(message, &self.absent).await {
                Ok(taken) => answer_of(answer, &taken).await.ok_or(CallError::Unanswered),
                Err(CastError { reason, .. }) => Err(CallError::NotTaken(reason)),
            }
        };
        self.within(timeout, called).await
    }

    /// As [`call`](Self::call), but asks again when a session has taken the message and ended
    /// before it answered, until `timeout` is over. So the message may be handled more than once:
    /// only for what does no harm then.
    ///
    /// Once a session has taken the message, it waits for the next one as
    /// [`or_wait`](Self::or_wait) does, if this reference does not start it.
    ///
    /// A session that drops the reply may run on, or be about to fail. That is decided when the
    /// callback is over that it runs then: if that goes well, the session runs on and the call ends
    /// with `Unanswered`; if it fails or is cut off by a kill, it is asked again. A reply that is
    /// dropped while no callback runs, by a task of the session's, is `Unanswered` at once. So a
    /// session that drops the reply and goes on within the same callback is waited for, at most
    /// until `timeout` is over.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call). `Unanswered` only if a session that runs on dropped the reply.
    /// `NotTakenAgain` if a session took the message and ended, and no session takes it any more.
    ///
    /// # Cancel safety
    ///
    /// As [`call`](Self::call).
    pub async fn call_again<T: Send + 'static>(
        &self,
        make: impl Fn(RpcReplyPort<T>) -> M,
        timeout: Duration,
    ) -> Result<T, CallError> {
        let wait = Absent::Wait;
        let then = match &self.absent {
            Absent::Refuse => &wait,
            absent => absent,
        };
        let answered = async {
            let mut absent = &self.absent;
            let mut refused: fn(_) -> _ = CallError::NotTaken;
            loop {
                let (port, answer) = ractor::concurrency::oneshot();
                let taken = match self.send(make(port.into()), absent).await {
                    Ok(taken) => taken,
                    Err(CastError { reason, .. }) => return Err(refused(reason)),
                };
                if let Some(answer) = answer_of(answer, &taken).await {
                    return Ok(answer);
                }
                if self.runs_on(&taken).await {
                    return Err(CallError::Unanswered);
                }
                // Its end comes first, or it might be found once more.
                taken.wait(None).await.ok();
                absent = then;
                refused = CallError::NotTakenAgain;
            }
        };
        self.within(timeout, answered).await
    }
}
