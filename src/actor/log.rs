//! The engine's notes as `tracing` events.
//!
//! Levels: a healthy system is quiet at `info` apart from the start and the stop of the supervisor.
//! What an operator should look at is a warning or an error.
//!
//! Absent on purpose: user code that could hurt. A cause that panics while it is written is caught.

use tracing::level_filters::LevelFilter;

use crate::engine::{Asked, Chain, Exit, Failure, Kill, Note, ShutdownReport, StopCause};

use super::shared::Shared;
use super::unwind::guard;

/// A supervisor has started. One that is a session's tree is no more than a session to the log.
pub(super) fn started(shared: &Shared) {
    let supervisor = shared.name();
    match shared.home() {
        None => tracing::info!(supervisor, "{} started", supervisor_title(shared)),
        Some(_) => tracing::debug!(supervisor, "{} started", supervisor_title(shared)),
    }
}

/// A supervisor has stopped.
pub(super) fn stopped(shared: &Shared, report: &ShutdownReport) {
    let supervisor = shared.name();
    let title = supervisor_title(shared);
    let took_ms = millis(report.took);
    let (stopped, failed, killed) = (report.stopped, report.failed, report.killed);
    let (zombies, not_running) = (report.zombies, report.not_running);
    macro_rules! tell {
        ($level:ident, $text:literal) => {
            tracing::$level!(
                supervisor,
                stopped,
                failed,
                killed,
                zombies,
                not_running,
                took_ms,
                $text,
                title
            )
        };
    }
    match shared.home() {
        _ if zombies > 0 => tell!(warn, "{} stopped, and left zombies"),
        None => tell!(info, "{} stopped"),
        Some(_) => tell!(debug, "{} stopped"),
    }
}

fn supervisor_title(shared: &Shared) -> &'static str {
    match (shared.has_sessions(), shared.home()) {
        (true, _) => "session supervisor",
        (false, None) => "supervisor",
        (false, Some(_)) => "session tree",
    }
}

/// Whether anybody listens at all.
pub(super) fn is_heard() -> bool {
    LevelFilter::current() != LevelFilter::OFF
}

/// Whether the text or the drop of a note may run a user's code.
pub(super) const fn holds_user_values(note: &Note) -> bool {
    matches!(
        note,
        Note::StartFailed(Failure::Failed(_))
            | Note::RestartFailed(Failure::Failed(_))
            | Note::Exited {
                exit: Exit::Failed { .. },
                ..
            }
    )
}

/// Whom a note is about, as the fields of the log have it.
#[derive(Clone, Copy)]
struct Subject<'a> {
    /// What the text calls it.
    title: &'static str,
    /// The session, or the one whose tree this is a part of. Empty for notes about the supervisor itself.
    session: Option<&'a str>,
    /// The role of a member. A session has none.
    member: Option<&'a str>,
}

impl<'a> Subject<'a> {
    fn of(shared: &'a Shared, child: Option<&'a str>) -> Self {
        if shared.has_sessions() {
            return Self {
                title: "session",
                session: Some(child.unwrap_or_default()),
                member: None,
            };
        }
        Self {
            title: "member",
            session: shared.home().map(|home| &*home.id),
            member: child,
        }
    }
}

/// Writes one note about a child, or about the supervisor itself.
pub(super) fn write(shared: &Shared, child: Option<&str>, incarnation: u64, note: &Note) {
    // The cause is the user's and is formatted by the subscriber.
    drop(guard(|| event(shared, child, incarnation, note)));
}

fn event(shared: &Shared, child: Option<&str>, incarnation: u64, note: &Note) {
    let supervisor = shared.name();
    let Subject {
        title,
        session,
        member,
    } = Subject::of(shared, child);
    macro_rules! tell {
        ($level:ident, $text:literal $(, $field:ident)*) => {
            tracing::$level!(
                supervisor, session, member, incarnation, $($field,)* $text, title
            )
        };
    }
    match note {
        Note::Started => tell!(debug, "{} started"),
        Note::StartFailed(failure) => {
            let reason = failure_text(failure);
            tell!(debug, "{} failed to start", reason);
        }
        Note::StartTimedOut(after) => {
            let timeout_ms = millis(*after);
            tell!(warn, "{} start timed out", timeout_ms);
        }
        Note::Exited { exit, asked } => {
            let reason = exit.to_string();
            // What came of a kill of ours is no news: the kill itself was told.
            match (exit, asked) {
                (Exit::Failed { .. }, _) | (Exit::Killed, Asked::No) => {
                    tell!(warn, "{} ended abnormally", reason);
                }
                _ => tell!(debug, "{} ended", reason),
            }
        }
        Note::Restarting { restarts, delay } => {
            let delay_ms = millis(*delay);
            tell!(warn, "{} restarts", restarts, delay_ms);
        }
        Note::RestartFailed(failure) => {
            let reason = failure_text(failure);
            tell!(warn, "{} failed to restart", reason);
        }
        Note::LimitReached => tell!(error, "{} reached its restart limit"),
        Note::TotalLimitReached => tell!(error, "all {}s together reached the restart limit"),
        Note::Parked => tell!(error, "{} parked"),
        Note::Stopping => tell!(debug, "{} is to stop"),
        Note::Killing(Kill::ByRule) => tell!(debug, "{} is killed"),
        Note::Killing(Kill::Overdue) => tell!(warn, "{} is killed"),
        Note::Zombie => tell!(error, "{} survived its kill and is a zombie"),
        Note::ZombieEnded => {
            tracing::warn!(supervisor, session, member, incarnation, "zombie ended");
        }
        Note::SupervisorStopping(cause) => {
            let reason = match cause {
                StopCause::Requested => "requested",
                StopCause::Escalated => "restart limit reached",
                StopCause::Foreign => "stopped from outside",
                StopCause::Killed => "killed",
                StopCause::AutoShutdown => "a significant member ended",
                StopCause::FailedStart => "a member did not start",
            };
            let title = supervisor_title(shared);
            tracing::debug!(supervisor, reason, "{title} is stopping");
        }
    }
}

fn failure_text(failure: &Failure) -> String {
    match failure {
        Failure::Failed(cause) => Chain(&***cause).to_string(),
        Failure::Ignored => "ignored by the start function".to_owned(),
        Failure::NameTaken(name) => format!("the name {name:?} is taken"),
        Failure::Cancelled => "cancelled".to_owned(),
        Failure::TimedOut(after) => format!("timed out after {after:?}"),
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
