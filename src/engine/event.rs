//! What happened to a session or to a child, described once, as plain data. The line of the log, the
//! event of a feed, the entry of a dossier and the statistics are made from the same value, and its
//! text is the sentence in all of them.
//!
//! No value of the user's is in it: of an error there is the text, which was made in the task of the
//! session that failed.

mod causes;
mod happening;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::claim::Claim;
use super::counts::SessionState;
use super::decision::{Decision, Pending};
use super::end::{EndReason, PARKED_LONGEST};
use super::expiry::Expiry;
use super::plain::Plain;
use super::report::ShutdownReport;
use super::stop::{Kill, StopCause};
pub use causes::{ExitCause, StartFailure};
pub(super) use happening::Happening;

/// What happened.
///
/// Its text is the predicate of a sentence, with the reason and with what follows: "ended
/// abnormally: failed: no paper; restarts in 250ms, 1 of 3 in 5s". It is one line, whatever the text
/// of an error holds: control characters, and those that change the direction of the text, are
/// escaped. The values are as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A start or a restart waits in line for its launch, since many are under way.
    Queued {
        /// What the session shows as meanwhile: starting or restarting.
        state: SessionState,
    },
    /// Its start function is called, in a new incarnation.
    Launching {
        /// The number of this launch since the last exit, from 1.
        attempt: u32,
        /// What the session shows as meanwhile: starting or restarting.
        state: SessionState,
    },
    /// It runs.
    Started {
        /// How long its start took, from the call of the start function.
        took: Duration,
    },
    /// A first start failed, and the id is forgotten.
    StartFailed {
        /// Why.
        failure: StartFailure,
    },
    /// A first start is refused, since another session has a claim that it needs.
    ClaimTaken {
        /// The claim.
        claim: Claim,
        /// The session that has it.
        holder: Arc<str>,
    },
    /// A launch took longer than its start timeout, and is given up. When nothing of it is left, a
    /// restart is told to have failed.
    StartTimedOut {
        /// The timeout.
        timeout: Duration,
    },
    /// A launch under way is given up: it took too long, or a caller or the supervisor stops it.
    /// Another event follows when it is gone.
    LaunchCancelled {
        /// What the session shows as until then: stopping if it is forgotten then, else restarting.
        state: SessionState,
    },
    /// An incarnation ended.
    Exited {
        /// How.
        cause: ExitCause,
        /// Whether it was asked to end, or killed by the supervisor.
        asked: bool,
        /// How long it ran.
        uptime: Duration,
        /// What follows.
        decision: Decision,
    },
    /// A restart failed.
    RestartFailed {
        /// Why.
        failure: StartFailure,
        /// What follows.
        decision: Decision,
    },
    /// What follows an exit or a failure that was told before without it.
    Decided(Decision),
    /// A session that waited for a restart, or was parked, is ended as it is.
    Withdrawn,
    /// A parked session is forgotten, since more are parked than may be.
    Discarded,
    /// It is asked to stop.
    Stopping,
    /// It is ended by itself: it is asked to stop when it has handled what is in its mailbox.
    Expired(Expiry),
    /// It was asked to stop, and has so much time from now on, since it asked for it.
    MoreTime(Duration),
    /// It is killed.
    Killing(Kill),
    /// It survived its kill.
    Stuck,
    /// One that was stuck has ended after all.
    StuckEnded,
    /// Nothing is left of the session. Its id, its name and its claims are free. Why it is over: those
    /// are told the same who [wait for its end](crate::SessionSupervisor::wait_end).
    Gone(EndReason),
    /// The supervisor begins to stop.
    SupervisorStopping(StopCause),
    /// The supervisor has ended. No event follows.
    SupervisorStopped {
        /// What became of its sessions; none: it had a fault, or its runtime was shut down.
        report: Option<ShutdownReport>,
    },
}

/// How much an operator has to look at an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Severity {
    /// It belongs to the life of healthy sessions.
    Detail,
    /// Something failed, and is taken care of.
    Warning,
    /// Something will not come back by itself, or not soon.
    Error,
}

impl EventKind {
    /// Its stable name, such as `exited`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "queued",
            Self::Launching { .. } => "launching",
            Self::Started { .. } => "started",
            Self::StartFailed { .. } => "start_failed",
            Self::ClaimTaken { .. } => "claim_taken",
            Self::StartTimedOut { .. } => "start_timed_out",
            Self::LaunchCancelled { .. } => "launch_cancelled",
            Self::Exited { .. } => "exited",
            Self::RestartFailed { .. } => "restart_failed",
            Self::Decided(_) => "decided",
            Self::Withdrawn => "withdrawn",
            Self::Discarded => "discarded",
            Self::Stopping => "stopping",
            Self::Expired(_) => "expired",
            Self::MoreTime(_) => "more_time",
            Self::Killing(_) => "killing",
            Self::Stuck => "stuck",
            Self::StuckEnded => "stuck_ended",
            Self::Gone(_) => "gone",
            Self::SupervisorStopping(_) => "supervisor_stopping",
            Self::SupervisorStopped { .. } => "supervisor_stopped",
        }
    }

    /// What the session is doing after that; none: it is not in the list any more, or was never.
    #[must_use]
    pub const fn state(&self) -> Option<SessionState> {
        match self {
            Self::Queued { state }
            | Self::Launching { state, .. }
            | Self::LaunchCancelled { state } => Some(*state),
            Self::Started { .. } => Some(SessionState::Running),
            Self::StartTimedOut { .. }
            | Self::Stopping
            | Self::Expired(_)
            | Self::MoreTime(_)
            | Self::Killing(_) => Some(SessionState::Stopping),
            Self::Exited { decision, .. }
            | Self::RestartFailed { decision, .. }
            | Self::Decided(decision) => decision.state(),
            Self::Stuck | Self::StuckEnded => Some(SessionState::Stuck),
            Self::StartFailed { .. }
            | Self::ClaimTaken { .. }
            | Self::Withdrawn
            | Self::Discarded
            | Self::Gone(_)
            | Self::SupervisorStopping(_)
            | Self::SupervisorStopped { .. } => None,
        }
    }

    /// What was decided with it, if something was.
    #[must_use]
    pub const fn decision(&self) -> Option<&Decision> {
        match self {
            Self::Exited { decision, .. }
            | Self::RestartFailed { decision, .. }
            | Self::Decided(decision) => Some(decision),
            _ => None,
        }
    }

    /// Whether the supervisor gives up for it, or may for what is decided next.
    pub(crate) const fn may_end_the_supervisor(&self) -> bool {
        match self.decision() {
            Some(decision) => matches!(
                decision,
                Decision::Escalate(_) | Decision::EscalateAll(_) | Decision::Undecided(_)
            ),
            None => matches!(self, Self::StartTimedOut { .. }),
        }
    }

    /// How much an operator has to look at it.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match self {
            Self::Exited {
                cause,
                asked,
                decision,
                ..
            } => {
                // The result of the supervisor's own kill is no news: the kill was.
                let own = match (cause, asked) {
                    (ExitCause::Failed { .. }, _) | (ExitCause::Killed, false) => Severity::Warning,
                    _ => Severity::Detail,
                };
                own.max(decision.severity())
            }
            Self::RestartFailed { decision, .. } | Self::Decided(decision) => {
                decision.severity().max(Severity::Warning)
            }
            Self::StartTimedOut { .. } | Self::StuckEnded => Severity::Warning,
            Self::Killing(Kill::ByRule) => Severity::Detail,
            Self::Killing(_) => Severity::Warning,
            Self::Discarded | Self::Stuck => Severity::Error,
            Self::SupervisorStopped { report } => match report {
                Some(report) if report.stuck == 0 => Severity::Detail,
                Some(_) => Severity::Warning,
                None => Severity::Error,
            },
            Self::Queued { .. }
            | Self::Launching { .. }
            | Self::Started { .. }
            | Self::StartFailed { .. }
            | Self::ClaimTaken { .. }
            | Self::LaunchCancelled { .. }
            | Self::Withdrawn
            | Self::Stopping
            | Self::Expired(_)
            | Self::MoreTime(_)
            | Self::Gone(_)
            | Self::SupervisorStopping(_) => Severity::Detail,
        }
    }

    /// What happened, without the reason and without what follows.
    #[must_use]
    pub fn headline(&self) -> &'static str {
        match self {
            Self::Queued { .. } => "waits for its launch",
            Self::Launching { .. } => "is launched",
            Self::Started { .. } => "started",
            Self::StartFailed { .. } => "failed to start",
            Self::ClaimTaken { .. } => "is not started",
            Self::StartTimedOut { .. } => "start timed out",
            Self::LaunchCancelled { .. } => "launch is cancelled",
            Self::Exited { .. } if self.severity() == Severity::Detail => "ended",
            Self::Exited { .. } => "ended abnormally",
            Self::RestartFailed { .. } => "failed to restart",
            Self::Decided(decision) if decision.severity() == Severity::Error => {
                "could not be restarted"
            }
            Self::Decided(_) => "is tried again",
            Self::Withdrawn => "is ended without a run",
            Self::Discarded => "is forgotten",
            Self::Stopping | Self::Expired(_) => "is to stop",
            Self::MoreTime(_) => "has more time to stop",
            Self::Killing(_) => "is killed",
            Self::Stuck => "survived its kill and is stuck",
            Self::StuckEnded => "was stuck and has ended",
            Self::Gone(_) => "is gone",
            Self::SupervisorStopping(_) => "is stopping",
            Self::SupervisorStopped { report: Some(_) } => "stopped",
            Self::SupervisorStopped { report: None } => "is down",
        }
    }

    /// Why it happened, or what it is about, if there is more to say than the headline does.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        Some(match self {
            Self::StartFailed { failure } | Self::RestartFailed { failure, .. } => {
                failure.to_string()
            }
            Self::ClaimTaken { claim, holder } => {
                format!("the claim {claim} is held by session {holder}")
            }
            Self::StartTimedOut { timeout } => format!("not started within {timeout:?}"),
            Self::Exited { cause, .. } => cause.to_string(),
            Self::Discarded => PARKED_LONGEST.to_owned(),
            Self::Gone(why) => why.to_string(),
            Self::Expired(expiry) => expiry.to_string(),
            Self::MoreTime(time) => format!("{time:?}"),
            Self::Killing(kill) => kill.to_string(),
            Self::SupervisorStopping(cause) => cause.to_string(),
            _ => return None,
        })
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.headline())?;
        if let Some(reason) = self.reason() {
            write!(f, ": {}", Plain(&reason))?;
        }
        match self.decision() {
            None | Some(Decision::Forget | Decision::Nothing) => Ok(()),
            Some(decision) => write!(f, "; {decision}"),
        }
    }
}

impl Decision {
    /// What the session is doing from then on.
    pub(super) const fn state(&self) -> Option<SessionState> {
        match self {
            Self::Forget
            | Self::Nothing
            | Self::Remove(_)
            | Self::Escalate(_)
            | Self::EscalateAll(_) => None,
            Self::Restart { .. }
            | Self::RestartWithOthers { .. }
            | Self::WithOthers
            | Self::RestartByHand
            | Self::Undecided(Pending::Attempt | Pending::Tree) => Some(SessionState::Restarting),
            Self::Undecided(Pending::Release) => Some(SessionState::Stuck),
            Self::Park { .. } => Some(SessionState::Parked),
        }
    }

    const fn severity(&self) -> Severity {
        match self {
            Self::Forget
            | Self::Nothing
            | Self::Restart { .. }
            | Self::RestartWithOthers { .. }
            | Self::WithOthers
            | Self::RestartByHand
            | Self::Undecided(_) => Severity::Detail,
            // It was parked before, which was an error then.
            Self::Park { limit: None, .. } => Severity::Warning,
            Self::Park { .. } | Self::Remove(_) | Self::Escalate(_) | Self::EscalateAll(_) => {
                Severity::Error
            }
        }
    }
}
