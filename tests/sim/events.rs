//! What the engine tells, with the user's error that leaves with it, in the words of the simulation.

use session_supervisor::engine::{Cause, Decision, Exit, ExitCause, Failure, StartFailure};

/// The exit that is told.
pub(crate) fn exit(cause: &ExitCause, error: Option<&Cause>) -> Exit {
    match cause {
        ExitCause::Normal { reason } => Exit::Normal {
            reason: reason.as_deref().map(str::to_owned),
        },
        ExitCause::Shutdown => Exit::Shutdown,
        ExitCause::Killed => Exit::Killed,
        ExitCause::Failed { .. } => Exit::Failed {
            cause: error.expect("it failed with an error").clone(),
        },
        ExitCause::NotRunning => Exit::NotRunning,
        other => panic!("unknown {other:?}"),
    }
}

/// The failure that is told.
pub(crate) fn failure(failure: &StartFailure, error: Option<&Cause>) -> Failure {
    match failure {
        StartFailure::Failed { .. } => {
            Failure::Failed(error.expect("it failed with an error").clone())
        }
        StartFailure::Ignored => Failure::Ignored,
        StartFailure::NameTaken { name } => Failure::NameTaken(name.clone()),
        StartFailure::Cancelled => Failure::Cancelled,
        StartFailure::TimedOut { timeout } => Failure::TimedOut(*timeout),
        other => panic!("unknown {other:?}"),
    }
}

/// Whether nothing follows by the rules, or not yet.
pub(crate) const fn is_nothing(decision: Decision) -> bool {
    matches!(
        decision,
        Decision::Forget | Decision::Nothing | Decision::RestartByHand | Decision::Undecided(_)
    )
}
