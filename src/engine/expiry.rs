//! Why a running session is ended although nothing is wrong with it: it is idle, or it has lived for
//! as long as it may. And when it was last in use, as its life tells.

use std::fmt;
use std::time::Duration;

use super::moment::Moment;

/// Why a session is ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expiry {
    /// It has no lease, and handled no message for this long.
    Idle(Duration),
    /// It has lived for as long as it may. The longest that any incarnation may live.
    Lifetime(Duration),
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Idle(timeout) => write!(f, "idle for {timeout:?}"),
            Self::Lifetime(longest) => write!(f, "its lifetime of at most {longest:?} is over"),
        }
    }
}

/// When a session was last in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is in use now: it starts, or handles a message.
    Now,
    /// It was done with its last message at this moment, or with its start if it had none.
    Until(Moment),
}
