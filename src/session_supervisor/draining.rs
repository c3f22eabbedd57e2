//! Draining a supervisor: the handle of a drain, and more time for a session that asks.

use std::fmt;
use std::future::Future;
use std::mem::replace;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::oneshot;

use crate::actor::shared::Shared;
use crate::ask;
use crate::engine::{
    DrainAnswer, DrainOrder, DrainProgress, MoreTimeAnswer, ProgressAnswer, Request,
};
use crate::error::{AskForTimeError, DrainError, InvalidValue, SupervisorDown};
use crate::info::{DrainReport, DrainedSession};
use crate::{Drain, SessionId, SessionSupervisor};

/// A drain of a [`SessionSupervisor`], made by [`drain`](SessionSupervisor::drain). Await it for the
/// report; [`progress`](Self::progress) tells how far it is until then.
///
/// As a future it gives the report once. Polled after that it answers `SupervisorDown`, since the
/// supervisor has ended, so that a loop around it cannot wait for ever.
#[must_use = "the supervisor is drained when this is polled"]
pub struct Draining {
    shared: Arc<Shared>,
    stage: Stage,
    seen: Option<DrainProgress>,
}

enum Stage {
    /// Nothing is asked before the first poll.
    New(Result<DrainOrder, InvalidValue>),
    Asked(oneshot::Receiver<DrainAnswer>),
    /// The drain is over. Its report was not given yet.
    Over(DrainAnswer),
    Invalid(InvalidValue),
    Done,
}

impl fmt::Debug for Draining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draining")
            .field("supervisor", &self.shared.name())
            .field("seen", &self.seen)
            .finish_non_exhaustive()
    }
}

impl Draining {
    /// How far the drain is, as soon as that differs from what this handle has told before; `None`
    /// once it is over. The first call begins the drain, if it has not begun, and tells at once.
    ///
    /// It tells what is true then, and leaves out what has been overtaken: a reader that is slow
    /// misses steps, costs nothing, and delays nobody. The last step, in which all have ended, is
    /// told to every reader. A supervisor that was killed tells no last step.
    ///
    /// # Cancel safety
    ///
    /// Safe: dropped, it has told nothing, and the drain goes on.
    pub async fn progress(&mut self) -> Option<DrainProgress> {
        self.begin();
        if let Stage::Asked(_) = self.stage {
            match ask::drain_progress(&self.shared, self.seen).await {
                Ok(ProgressAnswer::At(progress)) => {
                    self.seen = Some(progress);
                    return self.seen;
                }
                Ok(ProgressAnswer::Over) | Err(SupervisorDown) => {}
            }
        }
        self.last_step().await
    }

    /// How far the drain had come when it was over, if that was not told.
    async fn last_step(&mut self) -> Option<DrainProgress> {
        if let Stage::Asked(answer) = &mut self.stage {
            self.stage = match answer.await {
                Ok(answer) => Stage::Over(answer),
                Err(_) => Stage::Done,
            };
        }
        let Stage::Over(answer) = &self.stage else {
            return None;
        };
        let last = answer.progress();
        if self.seen == Some(last) {
            return None;
        }
        self.seen = Some(last);
        self.seen
    }

    fn begin(&mut self) {
        if let Stage::New(_) = self.stage
            && let Stage::New(order) = replace(&mut self.stage, Stage::Done)
        {
            self.stage = match order {
                Ok(order) => Stage::Asked(ask::drain(&self.shared, order)),
                Err(fault) => Stage::Invalid(fault),
            };
        }
    }
}

impl Future for Draining {
    type Output = Result<DrainReport, DrainError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.begin();
        let result = match &mut self.stage {
            Stage::Asked(answer) => match ready!(Pin::new(answer).poll(context)) {
                Ok(answer) => Ok(report(&answer)),
                Err(_) => Err(DrainError::SupervisorDown),
            },
            Stage::Over(answer) => Ok(report(answer)),
            Stage::Invalid(fault) => {
                return Poll::Ready(Err(DrainError::InvalidDrain(fault.clone())));
            }
            Stage::New(_) | Stage::Done => Err(DrainError::SupervisorDown),
        };
        self.stage = Stage::Done;
        Poll::Ready(result)
    }
}

/// There may be very many sessions, so this is made in the caller's task.
fn report(answer: &DrainAnswer) -> DrainReport {
    let ends = answer.ends.iter().map(|end| DrainedSession {
        id: SessionId::checked(Arc::clone(&end.id)),
        outcome: end.outcome,
        took: end.took,
    });
    DrainReport {
        sessions: ends.collect(),
        summary: answer.report,
    }
}

/// How far the supervisor is, for a probe of readiness. Neither sends a message nor waits.
impl SessionSupervisor {
    /// Whether it takes new sessions: from the end of its start until a stop, a drain, or whatever
    /// else ends it. A limit may refuse a start all the same. The answer may be out of date when it
    /// is read: a start that is refused says so itself.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use session_supervisor::{Options, SessionSupervisor};
    /// let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// assert!(sessions.is_serving());
    /// sessions.stop().await.unwrap();
    /// assert!(!sessions.is_serving() && !sessions.is_draining());
    /// # }
    /// ```
    #[must_use]
    pub fn is_serving(&self) -> bool {
        self.shared.progress.is_serving()
    }

    /// Whether it [drains](Self::drain), by whomever that was asked for. No longer when a stop has
    /// turned the drain into a stop, or when all sessions have ended.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.shared.progress.is_draining()
    }
}

impl SessionSupervisor {
    /// Drains the supervisor, for instance before a deploy: it starts nothing any more, ends each
    /// session with its messages handled first, so many at a time and within a deadline, and then
    /// ends itself, as after a [`stop`](Self::stop).
    ///
    /// - Starts and restarts by hand are refused with `Draining`, those that wait and those under
    ///   way too. A session that fails meanwhile is not brought back, and one that restarts or is
    ///   parked is ended as it is. Lists, counts, finds, `stop_session` and `wait_end` go on; a
    ///   session serves its callers until its turn comes, in the order of the first starts.
    /// - A session whose turn it is handles what is in its mailbox and takes no more, as with
    ///   [`Shutdown::Drain`](crate::Shutdown::Drain), then stops. It has the time of its shutdown
    ///   rule; a rule that leaves none, such as [`BrutalKill`](crate::Shutdown::BrutalKill), counts
    ///   as 5 s. A tree is stopped in order, and its children by their own rules.
    /// - [`Drain::at_most`] sets how many may be asked and not gone; without it sessions are paced as
    ///   in a [`stop`](Self::stop).
    /// - At the deadline what is left is killed, and a session that has not ended a second after it
    ///   was killed is reported as stuck ([`KILL_BOUND`](crate::KILL_BOUND)). The deadline moves only
    ///   for sessions that [ask for time](Self::ask_for_time), and at most by
    ///   [`Drain::extend_up_to`].
    ///
    /// The report names each session once. While the drain goes on it takes about 40 bytes for each
    /// session that has ended, and is put together in the caller's task.
    ///
    /// A second drain joins the first and gets the same report; the earlier deadline, the smaller
    /// number at a time and the smaller extension count from then on. A stop, also by others, turns
    /// the drain into a stop: sessions that have not been asked are stopped by their own rules, all
    /// at once, and the earlier deadline counts. A drain that comes after a stop has begun joins
    /// that; its report names the sessions that were left by then.
    ///
    /// A parent that restarts the supervisor by its rule does so after a drain too, as the root of an
    /// [`Application`](crate::Application) does. Drain while that stops, from a child of it, or use
    /// [`Restart::Transient`](crate::Restart::Transient): a drain is an orderly end.
    ///
    /// # Errors
    ///
    /// `InvalidDrain` before anything is asked. `SupervisorDown` if the supervisor has ended.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the supervisor is drained
    /// all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ractor::Actor;
    /// # struct Chat;
    /// # #[ractor::actor(message = (), state = (), arguments = ())]
    /// # impl Chat {}
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// use session_supervisor::{ChildSpec, Drain, DrainOutcome, Options, SessionSupervisor};
    /// use std::time::Duration;
    ///
    /// # let sessions = SessionSupervisor::start(Options::new().unique_name()).await.unwrap();
    /// for id in ["ann", "bob", "eve"] {
    ///     sessions.start_session(id, ChildSpec::new(|_| (Chat, ()))).await.unwrap();
    /// }
    /// let mut drain = sessions.drain(Drain::within(Duration::from_secs(30)).at_most(2));
    /// while let Some(progress) = drain.progress().await {
    ///     println!("{progress}");
    /// }
    /// let report = drain.await.unwrap();
    /// assert_eq!(report.sessions.len(), 3);
    /// assert!(report.sessions.iter().all(|session| session.outcome == DrainOutcome::Stopped));
    /// # }
    /// ```
    pub fn drain(&self, drain: Drain) -> Draining {
        Draining {
            shared: Arc::clone(&self.shared),
            stage: Stage::New(drain.check()),
            seen: None,
        }
    }

    /// Asks for more time to end a session that is being [drained](Self::drain), counted from now,
    /// and returns how much it has: at most what was asked.
    ///
    /// A session calls it from its handler or its `post_stop`, with the supervisor and the id of its
    /// [`StartContext`](crate::StartContext). It may ask again. What is granted ends at most
    /// [`Drain::extend_up_to`] after the time of its shutdown rule, and takes nothing from the
    /// shares of sessions that wait for their turn. It is void if the drain becomes a stop with a
    /// deadline, or is joined by a drain with an earlier one.
    ///
    /// The answer waits for no session. It is zero if the session was killed already. A tree is
    /// granted nothing beyond what it has, since it has shared out its time among its children.
    ///
    /// # Errors
    ///
    /// `NotDraining` if no drain has asked the session to end: its turn has not come, or it was
    /// stopped in another way. `SupervisorDown` also while the supervisor stops.
    ///
    /// # Cancel safety
    ///
    /// Dropped before the first poll, it does nothing. Dropped after it, the time is granted all the
    /// same.
    ///
    /// # Examples
    ///
    /// ```
    /// use session_supervisor::{SessionId, SessionSupervisor};
    /// use std::time::Duration;
    ///
    /// /// Called in the `post_stop` of a session.
    /// async fn upload(sessions: &SessionSupervisor, id: &SessionId) {
    ///     let minute = Duration::from_secs(60);
    ///     match sessions.ask_for_time(id, minute).await {
    ///         Ok(time) if time == minute => { /* upload all of it */ }
    ///         _ => { /* keep it for the next start */ }
    ///     }
    /// }
    /// # let _ = upload;
    /// ```
    pub fn ask_for_time(
        &self,
        id: &str,
        time: Duration,
    ) -> impl Future<Output = Result<Duration, AskForTimeError>> + Send + 'static + use<> {
        let shared = Arc::clone(&self.shared);
        let id = SessionId::parse(id);
        async move {
            let Ok(id) = id else {
                let down = AskForTimeError::SupervisorDown;
                return ask::not_found(&shared, AskForTimeError::NotFound, down);
            };
            let request = |ticket| Request::MoreTime { time, ticket };
            match ask::session(&shared, id.shared(), request).await {
                Ok(MoreTimeAnswer::Has(time)) => Ok(time),
                Ok(MoreTimeAnswer::NotFound) => Err(AskForTimeError::NotFound),
                Ok(MoreTimeAnswer::NotDraining) => Err(AskForTimeError::NotDraining),
                Ok(MoreTimeAnswer::Down) | Err(SupervisorDown) => {
                    Err(AskForTimeError::SupervisorDown)
                }
            }
        }
    }
}
