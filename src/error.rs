//! The errors: one enum for each operation, with ids, limits and causes as data.
//!
//! A message says what its own level knows, and the cause is the error's `source`. The last source
//! is the user's own error. A report that prints all sources therefore says each thing once.

mod admission;
mod checkpoint;
mod child;
mod drain;
mod feed;
mod kind;
mod page_mark;
mod retry;
mod session;
mod sibling;

use std::sync::Arc;
use std::time::Duration;

pub use admission::{InvalidGroup, RejectReason};
pub use checkpoint::{CheckpointError, SaveError};
pub use child::{
    DeleteChildError, FindChildError, RestartChildError, StartChildError, TerminateChildError,
};
pub use drain::{AskForTimeError, DrainError};
pub use feed::{Lagged, TryNextError};
pub use kind::ErrorKind;
pub use page_mark::InvalidPageMark;
use ractor::ActorCell;
pub use session::{AwaitError, CallError, CastError, NotTaken, RestartAsError, WaitEndError};
pub use sibling::SiblingError;
use thiserror::Error;

use crate::SessionId;
use crate::engine::{Cause, Claim};
pub use crate::fault::InvalidValue;
pub use crate::id::InvalidId;
pub use crate::names::InvalidRole;

/// The supervisor has ended, or is stopping and does not accept the request any more.
///
/// It is also the error for a look-up by name that finds none, which answers an `Option`:
///
/// ```
/// use session_supervisor::SessionSupervisor;
/// use session_supervisor::error::SupervisorDown;
///
/// fn chats() -> Result<SessionSupervisor, SupervisorDown> {
///     SessionSupervisor::where_is("chats").ok_or(SupervisorDown)
/// }
/// assert_eq!(chats().unwrap_err(), SupervisorDown);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the supervisor is down")]
#[expect(
    clippy::exhaustive_structs,
    reason = "there is nothing to say beside it, and users make it of a look-up that found none"
)]
pub struct SupervisorDown;

/// Why a supervisor was not started.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StartSupervisorError {
    /// An option was given a bad value; nothing was started.
    #[error("invalid options: {0}")]
    InvalidOptions(InvalidValue),
    /// Another actor has the name.
    #[error("the name {name:?} is taken")]
    NameTaken {
        /// The name.
        name: String,
        /// Who has it, unless it has gone meanwhile.
        cell: Option<ActorCell>,
    },
    /// A child of a static supervisor did not start. Those before it were stopped, in reverse
    /// order.
    #[error("child {role} did not start")]
    ChildFailed {
        /// Its role.
        role: Arc<str>,
        /// Why it did not start.
        #[source]
        error: StartChildError,
    },
    /// The root actor could not be started: there is no tokio runtime, or the parent is stopping.
    #[error("the supervisor could not be started")]
    Failed {
        /// Why.
        #[source]
        cause: Cause,
    },
}

/// Why a session was not started.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// The id breaks a rule; nothing was asked.
    #[error(transparent)]
    InvalidId(InvalidId),
    /// The spec was given a bad value; nothing was asked.
    #[error("invalid child spec: {0}")]
    InvalidSpec(InvalidValue),
    /// The function of a [quota](crate::Options::quota) says a group that breaks a rule; nothing was
    /// asked.
    #[error(transparent)]
    InvalidGroup(InvalidGroup),
    /// A session of this id runs; it was left alone.
    #[error("session {id} is already started")]
    AlreadyStarted {
        /// The id.
        id: SessionId,
        /// The running session; see [`StartError::already_started`] for a typed reference.
        cell: ActorCell,
    },
    /// The start function answered `Launch::Ignore`.
    #[error("the start was ignored by the start function")]
    Ignored,
    /// The start function or `pre_start` returned an error or panicked, or the group function of a
    /// [quota](crate::Options::quota) panicked.
    #[error("session {id} failed to start")]
    Failed {
        /// The id.
        id: SessionId,
        /// The error as it was made, or the text of the panic.
        #[source]
        cause: Cause,
    },
    /// The start function and `pre_start` took longer than the start timeout.
    #[error("the session took longer to start than its start timeout")]
    TimedOut,
    /// An actor that is no session of this supervisor has the name.
    #[error("the registry name of session {id} is taken")]
    NameTaken {
        /// The id.
        id: SessionId,
        /// Who has it, unless it has gone meanwhile.
        cell: Option<ActorCell>,
    },
    /// The session used up its restart limit and is set aside. By default it is tried again by
    /// itself: [`Options::park_trial`](crate::Options::park_trial).
    #[error("the session is parked until it is tried again, restarted by hand, or stopped")]
    Parked,
    /// Another session has a claim that this one needs. That session may have left the list and not
    /// be released yet.
    #[error("the claim {claim} is held by session {holder}")]
    ClaimTaken {
        /// The claim, the first of them that is taken.
        claim: Claim,
        /// The session that has it.
        holder: SessionId,
    },
    /// The limit of sessions is reached.
    #[error("session limit of {max} reached")]
    MaxSessions {
        /// The limit.
        max: usize,
    },
    /// The session is not admitted for now: there were too many starts lately, or its group has too
    /// many sessions. Nothing of it was done, and it does not count as a start.
    #[error("the start is rejected for now: {reason}")]
    Rejected {
        /// What is used up.
        reason: RejectReason,
        /// After what time the start would succeed, if that is known: if no other start comes
        /// first, and nothing else is used up by then.
        retry_after: Option<Duration>,
    },
    /// `stop_session` came in between.
    #[error("the session was stopped before it was started")]
    Stopped,
    /// The last incarnation was killed and is stuck in code that never awaits.
    #[error("the last incarnation of the session is stuck")]
    Stuck,
    /// The supervisor drains, and starts nothing any more. A later one of the same name may.
    #[error("the supervisor is draining")]
    Draining,
    /// The supervisor has ended or is stopping.
    #[error("the supervisor is down")]
    SupervisorDown,
}

/// Why a session was neither created nor found.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum EnsureError {
    /// A session of this id runs, but it takes messages of another type.
    #[error("session {id} runs, but takes messages of another type")]
    WrongMessageType {
        /// The id.
        id: SessionId,
        /// The running session.
        cell: ActorCell,
    },
    /// It does not run and could not be started.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Why a session was not restarted by hand.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum RestartError {
    /// No session of this id is known.
    #[error("no such session")]
    NotFound,
    /// The start function answered `Launch::Ignore`; the session is gone.
    #[error("the restart was ignored by the start function")]
    Ignored,
    /// The start function or `pre_start` returned an error or panicked.
    #[error("session {id} failed to start")]
    Failed {
        /// The id.
        id: SessionId,
        /// The error as it was made, or the text of the panic.
        #[source]
        cause: Cause,
    },
    /// The start function and `pre_start` took longer than the start timeout.
    #[error("the session took longer to start than its start timeout")]
    TimedOut,
    /// An actor that is no session of this supervisor has the name.
    #[error("the registry name of session {id} is taken")]
    NameTaken {
        /// The id.
        id: SessionId,
        /// Who has it, unless it has gone meanwhile.
        cell: Option<ActorCell>,
    },
    /// The limit of sessions is reached, and a parked session needs a place to resume.
    #[error("session limit of {max} reached")]
    MaxSessions {
        /// The limit.
        max: usize,
    },
    /// The session is parked, and has no place in the [quota](crate::Options::quota) of its group.
    #[error("the parked session is not resumed for now: {reason}")]
    Rejected {
        /// What is used up.
        reason: RejectReason,
        /// After what time it could be resumed, if that is known.
        retry_after: Option<Duration>,
    },
    /// `stop_session` came in between.
    #[error("the session was stopped before it was restarted")]
    Stopped,
    /// The last incarnation was killed and is stuck in code that never awaits.
    #[error("the last incarnation of the session is stuck")]
    Stuck,
    /// The supervisor drains, and restarts nothing any more.
    #[error("the supervisor is draining")]
    Draining,
    /// The supervisor has ended or is stopping.
    #[error("the supervisor is down")]
    SupervisorDown,
}

/// Why a session was not stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StopError {
    /// Nothing of this id is alive, and nothing of it will come back.
    #[error("no such session")]
    NotFound,
    /// It was killed and is stuck in code that never awaits. It will be gone as soon as that ends.
    #[error("the session was killed, but is stuck in code that never awaits")]
    Stuck,
    /// The supervisor has ended.
    #[error("the supervisor is down")]
    SupervisorDown,
}

/// Why a session was not leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LeaseError {
    /// No session of this id is known.
    #[error("no such session")]
    NotFound,
    /// It is being ended for good, for instance since it was idle. A start of the id waits for that.
    #[error("the session is being ended")]
    Stopping,
    /// It used up its restart limit and is set aside.
    #[error("the session is parked until it is tried again, restarted by hand, or stopped")]
    Parked,
    /// It was killed and is stuck in code that never awaits.
    #[error("the session was killed, but is stuck in code that never awaits")]
    Stuck,
    /// The supervisor drains, so each session is being ended or is about to be.
    #[error("the supervisor is draining")]
    Draining,
    /// The supervisor has ended or is stopping.
    #[error("the supervisor is down")]
    SupervisorDown,
}

/// Why no typed reference to a session was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FindError {
    /// No session of this id runs.
    #[error("no session of this id runs")]
    NotFound,
    /// It runs, but takes messages of another type.
    #[error("the session takes messages of another type")]
    WrongMessageType,
}

/// The actor is not the root of a supervisor of the kind that was asked for.
#[derive(Clone, Debug, Error)]
#[error("{cell:?} is not the root of a {wanted}")]
#[non_exhaustive]
pub struct NotASupervisor {
    /// The actor.
    pub cell: ActorCell,
    wanted: &'static str,
}

impl NotASupervisor {
    pub(crate) const fn new(cell: ActorCell, wanted: &'static str) -> Self {
        Self { cell, wanted }
    }
}
