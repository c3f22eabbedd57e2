//! One mapping for all errors: of what kind each is, and whether the same call may do better later.

use std::fmt;

use super::{
    AskForTimeError, AwaitError, CallError, CastError, CheckpointError, DeleteChildError,
    DrainError, EnsureError, FindChildError, FindError, InvalidGroup, InvalidId, InvalidPageMark,
    InvalidRole, InvalidValue, Lagged, LeaseError, NotASupervisor, NotTaken, RestartAsError,
    RestartChildError, RestartError, SaveError, SiblingError, StartChildError, StartError,
    StartSupervisorError, StopError, SupervisorDown, TerminateChildError, TryNextError,
    WaitEndError,
};
use crate::engine::SessionState;

/// Of what kind an error is, whichever call it comes from. For answers to people and over the
/// network.
///
/// Each error has it by its `kind()`, and converts into it, so that one function serves all:
///
/// ```
/// use session_supervisor::error::{ErrorKind, FindError};
///
/// fn status(error: impl Into<ErrorKind>) -> u16 {
///     match error.into() {
///         ErrorKind::NotFound => 404,
///         ErrorKind::InvalidInput => 400,
///         kind if kind.is_retryable() => 503,
///         _ => 500,
///     }
/// }
/// assert_eq!(status(&FindError::NotFound), 404);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value broke a rule; nothing was asked.
    InvalidInput,
    /// Nothing of that id, role or type is known, or runs.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// It is there, but takes messages of another type.
    WrongMessageType,
    /// Another actor has the name.
    NameTaken,
    /// Another session has the claim.
    ClaimTaken,
    /// The start function answered that nothing is to be started.
    Ignored,
    /// The user's code failed.
    Failed,
    /// Something took longer than it may.
    TimedOut,
    /// It used up its restart limit and is set aside.
    Parked,
    /// A limit is reached.
    LimitReached,
    /// Too much is asked for now, by all callers or for one group.
    Rejected,
    /// Something else is being done with it: it starts, restarts, or ends.
    Busy,
    /// It was stopped in between.
    Stopped,
    /// What is left of it does not end.
    Stuck,
    /// The session ended before it answered.
    Unanswered,
    /// Something is lost, since it was not read in time.
    Lagged,
    /// Nothing has happened that could be told.
    Nothing,
    /// A later incarnation has taken its place.
    Superseded,
    /// The supervisor drains and takes nothing new.
    Draining,
    /// The supervisor has ended or is stopping.
    SupervisorDown,
}

impl ErrorKind {
    /// A name for it in one word, such as `"not_found"`. It does not change between versions.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::WrongMessageType => "wrong_message_type",
            Self::NameTaken => "name_taken",
            Self::ClaimTaken => "claim_taken",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
            Self::TimedOut => "timed_out",
            Self::Parked => "parked",
            Self::LimitReached => "limit_reached",
            Self::Rejected => "rejected",
            Self::Busy => "busy",
            Self::Stopped => "stopped",
            Self::Stuck => "stuck",
            Self::Unanswered => "unanswered",
            Self::Lagged => "lagged",
            Self::Nothing => "nothing",
            Self::Superseded => "superseded",
            Self::Draining => "draining",
            Self::SupervisorDown => "supervisor_down",
        }
    }

    /// Whether the same call may do better a while later although its caller changes nothing.
    ///
    /// With [`SupervisorDown`](Self::SupervisorDown) and [`Draining`](Self::Draining) it may not: a
    /// supervisor that drains never serves again, and one that is started again has a new handle.
    /// To find that one, look its name up.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::NameTaken
            | Self::ClaimTaken
            | Self::Failed
            | Self::TimedOut
            | Self::Parked
            | Self::LimitReached
            | Self::Rejected
            | Self::Busy
            | Self::Stopped
            | Self::Stuck
            | Self::Unanswered
            | Self::Lagged
            | Self::Nothing => true,
            Self::InvalidInput
            | Self::NotFound
            | Self::AlreadyExists
            | Self::WrongMessageType
            | Self::Ignored
            | Self::Superseded
            | Self::Draining
            | Self::SupervisorDown => false,
        }
    }
}

/// As [`as_str`](Self::as_str).
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kind of each error, and what follows from it.
macro_rules! kinds {
    ($($error:ident$(<$message:ident>)? => |$it:ident| $kind:expr;)+) => {$(
        impl$(<$message>)? $error$(<$message>)? {
            /// Of what kind it is.
            #[must_use]
            pub const fn kind(&self) -> ErrorKind {
                let $it = self;
                $kind
            }

            /// Whether the same call may do better later; see [`ErrorKind::is_retryable`].
            #[must_use]
            pub const fn is_retryable(&self) -> bool {
                self.kind().is_retryable()
            }
        }

        impl$(<$message>)? From<&$error$(<$message>)?> for ErrorKind {
            fn from(error: &$error$(<$message>)?) -> Self {
                error.kind()
            }
        }
    )+};
}

kinds! {
    InvalidId => |_it| ErrorKind::InvalidInput;
    InvalidValue => |_it| ErrorKind::InvalidInput;
    InvalidGroup => |_it| ErrorKind::InvalidInput;
    InvalidRole => |_it| ErrorKind::InvalidInput;
    InvalidPageMark => |_it| ErrorKind::InvalidInput;
    NotASupervisor => |_it| ErrorKind::InvalidInput;
    SupervisorDown => |_it| ErrorKind::SupervisorDown;
    StartSupervisorError => |it| match it {
        Self::InvalidOptions(_) => ErrorKind::InvalidInput,
        Self::NameTaken { .. } => ErrorKind::NameTaken,
        Self::ChildFailed { error, .. } => error.kind(),
        Self::Failed { .. } => ErrorKind::Failed,
    };
    StartError => |it| match it {
        Self::InvalidId(_) | Self::InvalidSpec(_) | Self::InvalidGroup(_) => {
            ErrorKind::InvalidInput
        }
        Self::AlreadyStarted { .. } => ErrorKind::AlreadyExists,
        Self::Ignored => ErrorKind::Ignored,
        Self::Failed { .. } => ErrorKind::Failed,
        Self::TimedOut => ErrorKind::TimedOut,
        Self::NameTaken { .. } => ErrorKind::NameTaken,
        Self::Parked => ErrorKind::Parked,
        Self::ClaimTaken { .. } => ErrorKind::ClaimTaken,
        Self::MaxSessions { .. } => ErrorKind::LimitReached,
        Self::Rejected { .. } => ErrorKind::Rejected,
        Self::Stopped => ErrorKind::Stopped,
        Self::Stuck => ErrorKind::Stuck,
        Self::Draining => ErrorKind::Draining,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    EnsureError => |it| match it {
        Self::WrongMessageType { .. } => ErrorKind::WrongMessageType,
        Self::Start(error) => error.kind(),
    };
    RestartError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::Ignored => ErrorKind::Ignored,
        Self::Failed { .. } => ErrorKind::Failed,
        Self::TimedOut => ErrorKind::TimedOut,
        Self::NameTaken { .. } => ErrorKind::NameTaken,
        Self::MaxSessions { .. } => ErrorKind::LimitReached,
        Self::Rejected { .. } => ErrorKind::Rejected,
        Self::Stopped => ErrorKind::Stopped,
        Self::Stuck => ErrorKind::Stuck,
        Self::Draining => ErrorKind::Draining,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    RestartAsError => |it| match it {
        Self::WrongMessageType { .. } => ErrorKind::WrongMessageType,
        Self::Restart(error) => error.kind(),
    };
    StopError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::Stuck => ErrorKind::Stuck,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    FindError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::WrongMessageType => ErrorKind::WrongMessageType,
    };
    AwaitError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::Parked => ErrorKind::Parked,
        Self::Stuck => ErrorKind::Stuck,
        Self::WrongMessageType => ErrorKind::WrongMessageType,
        Self::Draining => ErrorKind::Draining,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    LeaseError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::Stopping => ErrorKind::Stopped,
        Self::Parked => ErrorKind::Parked,
        Self::Stuck => ErrorKind::Stuck,
        Self::Draining => ErrorKind::Draining,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    DrainError => |it| match it {
        Self::InvalidDrain(_) => ErrorKind::InvalidInput,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    AskForTimeError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::NotDraining => ErrorKind::Busy,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    WaitEndError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    NotTaken => |it| match it {
        Self::NotRunning => ErrorKind::NotFound,
        Self::Unavailable { state } => match state {
            SessionState::Starting
            | SessionState::Running
            | SessionState::Restarting
            | SessionState::Stopping => ErrorKind::Busy,
            SessionState::Parked => ErrorKind::Parked,
            SessionState::Stuck => ErrorKind::Stuck,
        },
        Self::WrongMessageType => ErrorKind::WrongMessageType,
        Self::KeepsEnding => ErrorKind::Failed,
        Self::NotStarted(error) => error.kind(),
        Self::Draining => ErrorKind::Draining,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    CastError<M> => |it| it.reason.kind();
    CheckpointError => |it| match it {
        Self::WrongType { .. } => ErrorKind::InvalidInput,
        Self::Superseded { .. } => ErrorKind::Superseded,
        Self::Gone { .. } => ErrorKind::NotFound,
    };
    SaveError<T> => |it| it.reason.kind();
    Lagged => |_it| ErrorKind::Lagged;
    TryNextError => |it| match it {
        Self::Empty => ErrorKind::Nothing,
        Self::Lagged(lagged) => lagged.kind(),
        Self::Ended => ErrorKind::SupervisorDown,
    };
    CallError => |it| match it {
        Self::NotTaken(reason) | Self::NotTakenAgain(reason) => reason.kind(),
        Self::Unanswered => ErrorKind::Unanswered,
        Self::TimedOut => ErrorKind::TimedOut,
    };
    StartChildError => |it| match it {
        Self::InvalidRole(_) | Self::InvalidSpec(_) => ErrorKind::InvalidInput,
        Self::AlreadyStarted { .. } | Self::AlreadyPresent { .. } => ErrorKind::AlreadyExists,
        Self::Restarting => ErrorKind::Busy,
        Self::Ignored => ErrorKind::Ignored,
        Self::Failed { .. } => ErrorKind::Failed,
        Self::TimedOut => ErrorKind::TimedOut,
        Self::NameTaken { .. } => ErrorKind::NameTaken,
        Self::Stopped => ErrorKind::Stopped,
        Self::Stuck => ErrorKind::Stuck,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    RestartChildError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::Running { .. } => ErrorKind::AlreadyExists,
        Self::Start(error) => error.kind(),
    };
    TerminateChildError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::Stuck => ErrorKind::Stuck,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    DeleteChildError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::Running { .. } => ErrorKind::AlreadyExists,
        Self::Restarting => ErrorKind::Busy,
        Self::Stuck => ErrorKind::Stuck,
        Self::Stopped => ErrorKind::Stopped,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    SiblingError => |it| match it {
        Self::NotInTree | Self::NotASessionSupervisor { .. } => ErrorKind::InvalidInput,
        Self::NotFound { .. } => ErrorKind::NotFound,
        Self::NotRunning { .. } => ErrorKind::Busy,
        Self::SupervisorDown => ErrorKind::SupervisorDown,
    };
    FindChildError => |it| match it {
        Self::NotFound => ErrorKind::NotFound,
        Self::WrongMessageType => ErrorKind::WrongMessageType,
    };
}
