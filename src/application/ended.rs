//! How an application ended, and the exit status that the process reports.

use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

use super::Signal;
use super::apart::{self, apart};
use crate::Supervisor;
use crate::actor::log::TARGET;
use crate::engine::{ShutdownReport, StopCause};
use crate::info::ChildFailure;

/// How an application ended.
///
/// Its text is one line, such as `restart limit reached by child "sessions/alice": failed: no
/// paper`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Ended {
    /// What ended it.
    pub cause: EndCause,
    /// What became of all that it supervised; none if that was not waited for.
    pub report: Option<ShutdownReport>,
    /// The failure at which the restart limit was reached, if that ended it.
    pub failure: Option<ChildFailure>,
}

/// What ended an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(tag = "kind", content = "signal", rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum EndCause {
    /// A signal.
    Signal(Signal),
    /// Its root was stopped.
    Stopped,
    /// Its root reached its restart limit.
    Escalated,
    /// Its root was killed, or the runtime was shut down.
    Killed,
    /// A Ctrl-C came while it was stopping. What was left was killed, and not waited for.
    Interrupted,
    /// It had not stopped a second after the deadline, because all threads of its runtime are
    /// blocked, or it had not started by the deadline after a signal. What was left was killed, and
    /// not waited for.
    Overdue,
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => write!(f, "stopped by {signal}"),
            Self::Stopped => f.write_str("stopped"),
            Self::Escalated => f.write_str("restart limit reached"),
            Self::Killed => f.write_str("killed"),
            Self::Interrupted => f.write_str("interrupted while it was stopping"),
            Self::Overdue => f.write_str("not stopped by its deadline"),
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)?;
        if let Some(failure) = &self.failure {
            write!(f, " by {failure}")?;
        }
        match self.report {
            Some(report) if report.stuck > 0 => write!(f, ", {} stuck", report.stuck),
            Some(_) | None => Ok(()),
        }
    }
}

impl Ended {
    /// `asked`: what ended it, if it was stopped in an orderly way.
    pub(super) fn of(root: &Supervisor, report: Option<ShutdownReport>, asked: EndCause) -> Self {
        let cause = match report.map(|report| report.cause) {
            Some(StopCause::Escalated) => EndCause::Escalated,
            Some(StopCause::Killed) | None => EndCause::Killed,
            Some(
                StopCause::Requested
                | StopCause::Drained
                | StopCause::Foreign
                | StopCause::AutoShutdown
                | StopCause::FailedStart,
            ) => asked,
        };
        Self {
            cause,
            report,
            failure: match cause {
                EndCause::Escalated => root.failure(),
                _ => None,
            },
        }
    }

    /// It is not waited for.
    pub(super) const fn unfinished(cause: EndCause) -> Self {
        Self {
            cause,
            report: None,
            failure: None,
        }
    }

    /// The exit status of the process. It is 0 after an orderly end, 1 if the application
    /// escalated, was killed, was overdue or left stuck children, and 130, as in shells, if a
    /// Ctrl-C came while it was stopping.
    ///
    /// What was killed at the deadline or by its own rule does not change it: the report tells.
    #[must_use]
    pub fn status(&self) -> u8 {
        match (self.cause, self.report) {
            (EndCause::Interrupted, _) => 130,
            (EndCause::Escalated | EndCause::Killed | EndCause::Overdue, _) => 1,
            (_, Some(report)) if report.stuck > 0 => 1,
            (EndCause::Signal(_) | EndCause::Stopped, _) => 0,
        }
    }

    /// Ends the process with its [status](Self::status), whatever is stuck. A return from `main`
    /// would drop the runtime first, which waits for ever for a session that never awaits.
    ///
    /// What is in the buffer of standard output is written, unless the reader is gone or too slow. If
    /// the status is not 0, one line on standard error says how the application ended, as the
    /// [text](fmt::Display) of this value does. It too is left out if the reader is gone or too slow.
    pub fn exit(&self) -> ! {
        apart::flush();
        if self.status() != 0 {
            apart::complain(format!("the application ended: {self}\n"));
        }
        std::process::exit(self.status().into())
    }

    /// Tells the log, for which it waits at most so long. A log that panics or blocks costs its
    /// line and nothing else.
    pub(super) fn told(self, root: Option<&Supervisor>, patience: Duration) -> Self {
        let supervisor = root.map(|root| root.name().to_owned());
        let status = self.status();
        let cause = self.cause.to_string();
        let failure = self.failure.clone();
        let report = self.report.unwrap_or_default();
        let (stopped, failed, killed) = (report.stopped, report.failed, report.killed);
        let (stuck, not_running) = (report.stuck, report.not_running);
        apart(patience, move || {
            let child = failure.as_ref().map(|failure| &*failure.child);
            let error = failure.as_ref().map(|failure| &*failure.error);
            tracing::info!(
                target: TARGET,
                event = "application_ended",
                supervisor,
                cause,
                child,
                error,
                status,
                stopped,
                failed,
                killed,
                stuck,
                not_running,
                "application ended"
            );
        });
        self
    }
}

/// The [status](Ended::status), to be returned from `main`. A runtime is dropped before that, and
/// its drop waits for stuck sessions. If there may be some, shut it down with
/// [`shutdown_background`](tokio::runtime::Runtime::shutdown_background) first, or use
/// [`exit`](Ended::exit), as below `#[tokio::main]`.
impl From<Ended> for ExitCode {
    fn from(ended: Ended) -> Self {
        ended.status().into()
    }
}
