//! After what time a call that was rejected would succeed.

use std::time::Duration;

use super::{
    CallError, CastError, EnsureError, NotTaken, RestartAsError, RestartError, StartError,
};

/// One mapping for all errors that may hold a rejection.
macro_rules! retries {
    ($($error:ident$(<$message:ident>)? => |$it:ident| $after:expr;)+) => {$(
        impl$(<$message>)? $error$(<$message>)? {
            /// After what time the same call would succeed, if that is known: of a start that is
            /// rejected by the [start rate](crate::Options::start_rate), if no other start comes
            /// first. `None` of any other error, also one that is
            /// [retryable](Self::is_retryable).
            #[must_use]
            pub const fn retry_after(&self) -> Option<Duration> {
                let $it = self;
                $after
            }
        }
    )+};
}

retries! {
    StartError => |it| match it {
        Self::Rejected { retry_after, .. } => *retry_after,
        _ => None,
    };
    EnsureError => |it| match it {
        Self::Start(error) => error.retry_after(),
        Self::WrongMessageType { .. } => None,
    };
    RestartError => |it| match it {
        Self::Rejected { retry_after, .. } => *retry_after,
        _ => None,
    };
    RestartAsError => |it| match it {
        Self::Restart(error) => error.retry_after(),
        Self::WrongMessageType { .. } => None,
    };
    NotTaken => |it| match it {
        Self::NotStarted(error) => error.retry_after(),
        _ => None,
    };
    CastError<M> => |it| it.reason.retry_after();
    CallError => |it| match it {
        Self::NotTaken(reason) | Self::NotTakenAgain(reason) => reason.retry_after(),
        Self::Unanswered | Self::TimedOut => None,
    };
}
