//! How a session is told to end, and how long its end is waited for.
//!
//! The timers are kept with each child.

use std::time::Duration;

use super::moment::Moment;
use super::stop::{Kill, StopWay};

/// How long a kill is waited for (D17). What is then still there is stuck.
pub const KILL_BOUND: Duration = Duration::from_secs(1);

/// The verdict on a kill waits while others are still ending, so that a mass stop makes none stuck;
/// but not longer than this, or a busy supervisor would never give one.
const LONGEST_VERDICT: Duration = Duration::from_secs(10);

const USUAL_GRACE: Duration = Duration::from_secs(5);

/// How a session is stopped.
///
/// OTP: the `shutdown` of a child spec; the default is 5 s, as for OTP's workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "OTP's three kinds, and one for mailboxes; a shell matches them in full"
)]
pub enum Shutdown {
    /// Killed at once; `post_stop` does not run.
    BrutalKill,
    /// Asked to stop, and killed if it has not ended after this time. Zero: asked and killed at
    /// once.
    Timeout(Duration),
    /// Asked to stop, and waited for without end.
    Infinity,
    /// Handles the messages that are in its mailbox and takes no new ones (ractor's `drain`), then
    /// stops. Killed if it has not ended after this time, or at the deadline of the supervisor's
    /// stop.
    ///
    /// A session supervisor that is a child with this rule is drained within this time, as by
    /// [`SessionSupervisor::drain`](crate::SessionSupervisor::drain). A static supervisor is stopped
    /// as by `Timeout`; its children drain by their own rules.
    ///
    /// What an actor keeps in queues of its own is not in its mailbox. A ractor `Factory` does so
    /// with its jobs: send it `FactoryMessage::DrainRequests` and wait for its end, which it brings
    /// about itself.
    Drain(Duration),
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::Timeout(USUAL_GRACE)
    }
}

impl Shutdown {
    /// With what force a stop begins. Past the supervisor's deadline no child is asked any more.
    pub(super) fn patience(self, now: Moment, deadline: Option<Moment>) -> Force {
        match self {
            _ if deadline.is_some_and(|deadline| deadline <= now) => Force::Killed(now),
            Self::BrutalKill => Force::Killed(now),
            Self::Timeout(grace) | Self::Drain(grace) => Force::Asked(Some(now.after(grace))),
            Self::Infinity => Force::Asked(None),
        }
    }

    /// The rule by which a session with this one is ended that expires: it has as much time as
    /// otherwise, but one that leaves no time counts as the default.
    pub(super) const fn gently(self) -> Self {
        match self {
            Self::Timeout(grace) | Self::Drain(grace) if !grace.is_zero() => Self::Drain(grace),
            Self::Infinity => Self::Infinity,
            Self::BrutalKill | Self::Timeout(_) | Self::Drain(_) => Self::Drain(USUAL_GRACE),
        }
    }

    /// Why a child that is stopped by this rule is killed without being asked: else past a
    /// deadline.
    pub(super) fn kill(self) -> Kill {
        match self {
            Self::BrutalKill => Kill::ByRule,
            Self::Timeout(_) | Self::Infinity | Self::Drain(_) => Kill::Deadline,
        }
    }

    /// Why a child that was asked to stop by this rule is killed.
    pub(super) fn kill_asked(self, now: Moment, deadline: Option<Moment>) -> Kill {
        match self {
            Self::Timeout(grace) | Self::Drain(grace)
                if deadline.is_none_or(|deadline| deadline > now) =>
            {
                Kill::Grace(grace)
            }
            Self::Timeout(_) | Self::Drain(_) | Self::Infinity | Self::BrutalKill => Kill::Deadline,
        }
    }

    /// In what way a child with this rule is asked.
    pub(super) const fn way(self) -> StopWay {
        match self {
            Self::Drain(_) => StopWay::Drain,
            Self::BrutalKill | Self::Timeout(_) | Self::Infinity => StopWay::AtOnce,
        }
    }

    /// How long a child that is asked now may take, by its rule and by the supervisor's deadline.
    pub(super) fn within(self, now: Moment, deadline: Option<Moment>) -> Option<Duration> {
        let left = deadline.map(|deadline| deadline.since(now));
        let own = match self {
            Self::BrutalKill => Some(Duration::ZERO),
            Self::Timeout(grace) | Self::Drain(grace) => Some(grace),
            Self::Infinity => None,
        };
        left.into_iter().chain(own).min()
    }
}

/// With what force a stop begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Force {
    /// It is asked; when it will be killed.
    Asked(Option<Moment>),
    /// It is killed; since when.
    Killed(Moment),
}

impl Force {
    /// From when on a child that is stopped so should be gone.
    pub(super) const fn due(self) -> Option<Moment> {
        match self {
            Self::Asked(at) => at,
            Self::Killed(since) => Some(since),
        }
    }
}

/// When something that should be gone since `since` is stuck; `last_end`: when any child last
/// ended.
pub(super) fn verdict(since: Moment, last_end: Moment) -> Moment {
    let longest = since.after(LONGEST_VERDICT);
    last_end.min(longest).max(since).after(KILL_BOUND)
}
