//! The engine's notes as `tracing` events.
//!
//! Levels: a healthy system is quiet at `info` apart from the start and the stop of the supervisor.
//! What an operator should look at is a warning or an error.
//!
//! Absent on purpose: user code that could hurt. A cause that panics while it is written is caught.

use tracing::level_filters::LevelFilter;

use crate::engine::{
    Asked, Exit, Failure, Kill, Limit, Next, Note, ShutdownReport, StopCause, Used,
};

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
            | Note::RestartFailed {
                failure: Failure::Failed(_),
                ..
            }
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
        Note::Exited { exit, asked, next } => {
            let reason = exit.to_string();
            let what_next = then(next);
            // What came of a kill of ours is no news: the kill itself was told.
            match (exit, asked) {
                _ if matches!(next, Next::EscalateAll(_)) => {
                    tell!(error, "{} ended abnormally", reason, what_next);
                }
                (Exit::Failed { .. }, _) | (Exit::Killed, Asked::No) => {
                    tell!(warn, "{} ended abnormally", reason, what_next);
                }
                _ => tell!(debug, "{} ended", reason, what_next),
            }
        }
        Note::RestartFailed { failure, next } => {
            let reason = failure_text(failure);
            let next = then(next);
            tell!(warn, "{} failed to restart", reason, next);
        }
        Note::Decided(next) => {
            let next = then(next);
            tell!(warn, "{}: what follows", next);
        }
        Note::Discarded => tell!(error, "{} was parked, and is forgotten: too many are"),
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

/// What follows an exit, in words.
fn then(next: &Next) -> String {
    let used = |limit: &Limit| format!("{} restarts in {:?}", limit.max(), limit.window());
    match next {
        Next::Nothing => "it is over".to_owned(),
        Next::WithOthers => "restarts with others".to_owned(),
        Next::Undecided => "what follows is decided later".to_owned(),
        Next::RestartSet {
            delay,
            restarts,
            used,
            others,
        } => {
            let (delay, restarts, used) = (*delay, *restarts, *used);
            let restart = Next::Restart {
                delay,
                restarts,
                used,
            };
            format!("{}, with {others} others", then(&restart))
        }
        Next::Restart { delay, used, .. } => {
            let when = if delay.is_zero() {
                "restarts at once".to_owned()
            } else {
                format!("restarts in {delay:?}")
            };
            match used {
                Some(Used { count, limit }) => {
                    let (max, window) = (limit.max(), limit.window());
                    format!("{when}, {count} of {max} in {window:?}")
                }
                None => when,
            }
        }
        Next::Park { limit, retry } => {
            let why = match limit {
                Some(limit) => format!("used up {}: ", used(limit)),
                None => String::new(),
            };
            match retry {
                Some(retry) => format!("{why}parked, tried again in {retry:?}"),
                None => format!("{why}parked until it is restarted by hand"),
            }
        }
        Next::Remove(limit) => format!("used up {}: it is forgotten", used(limit)),
        Next::Escalate(limit) => format!("used up {}: the supervisor stops", used(limit)),
        Next::EscalateAll(limit) => {
            format!("all together used up {}: the supervisor stops", used(limit))
        }
    }
}

fn failure_text(failure: &Failure) -> String {
    match failure {
        Failure::Failed(cause) => cause.to_string(),
        Failure::Ignored => "ignored by the start function".to_owned(),
        Failure::NameTaken(name) => format!("the name {name:?} is taken"),
        Failure::Cancelled => "cancelled".to_owned(),
        Failure::TimedOut(after) => format!("timed out after {after:?}"),
    }
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
