//! The engine's notes as `tracing` events, and the other lines about a supervisor. None is inside
//! another caller's span.
//!
//! Levels: a healthy system is quiet at `info` apart from the start and the stop of the supervisor.
//! What an operator should look at is a warning or an error.
//!
//! `lines` keeps the order of lines and writes them.

mod line;

use tokio::runtime::Handle;
use tracing::dispatcher::{self, Dispatch};
use tracing::level_filters::LevelFilter;

use super::unwind::{Panicked, guard};
use crate::engine::{Asked, Chain, Exit, Failure, Kill, Next, Note, ShutdownReport, StopCause};
pub(super) use line::{Children, Line, Speaker};

/// Writes a line, and hands back a note that may hold a value of the user's. The subscriber is the
/// user's code, and so are the texts of the user's errors: one that panics loses the line.
pub(super) fn write(line: Line) -> Option<Note> {
    let (written, note) = match line {
        Line::Note {
            speaker,
            child,
            label,
            incarnation,
            note,
        } => {
            let label = label.as_deref();
            let written = guard(|| event(&speaker, &child, label, incarnation, &note));
            (written, Some(note))
        }
        Line::Started(speaker) => (guard(|| started(&speaker)), None),
        Line::Stopping(speaker, cause) => (guard(|| stopping(&speaker, cause)), None),
        Line::Stopped(speaker, report) => (guard(|| stopped(&speaker, &report)), None),
        Line::Broken(speaker, panic) => (guard(|| broken(&speaker, &panic)), None),
        Line::DropPanicked(panic) => (guard(|| drop_panicked(&panic)), None),
    };
    drop(written);
    note
}

/// The tree of a session is logged as a session is, at `debug`.
fn started(speaker: &Speaker) {
    let supervisor = &*speaker.name;
    let title = speaker.title();
    match speaker.home {
        None => tracing::info!(parent: None, supervisor, "{title} started"),
        Some(_) => tracing::debug!(parent: None, supervisor, "{title} started"),
    }
}

fn stopping(speaker: &Speaker, cause: StopCause) {
    let reason = match cause {
        StopCause::Requested => "requested",
        StopCause::Drained => "drained",
        StopCause::Escalated => "restart limit reached",
        StopCause::Foreign => "stopped from outside",
        StopCause::Killed => "killed",
        StopCause::AutoShutdown => "a significant child ended",
        StopCause::FailedStart => "a child did not start",
    };
    let supervisor = &*speaker.name;
    let title = speaker.title();
    tracing::debug!(parent: None, supervisor, reason, "{title} is stopping");
}

fn broken(speaker: &Speaker, panic: &str) {
    let supervisor = &*speaker.name;
    let title = speaker.title();
    tracing::error!(parent: None, supervisor, panic, "{title} has a fault and is killed");
}

fn drop_panicked(panic: &str) {
    tracing::warn!(parent: None, panic, "a value of a session panicked in its drop");
}

/// Tells the present log of a drop that has panicked, where no supervisor is known.
pub(super) fn tell_drop_panicked(Panicked(text): Panicked) {
    // A subscriber is the user's code too: it may block, and this thread may be one of a runtime's.
    let log = guard(|| dispatcher::get_default(Clone::clone)).unwrap_or_else(|_| Dispatch::none());
    let tell = move || {
        drop(guard(|| {
            dispatcher::with_default(&log, || drop_panicked(&text))
        }))
    };
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(tell)),
        Err(_) => tell(),
    }
}

/// So many lines found no place in the queue.
pub(super) fn lost(lines: u64) {
    let tell = || tracing::warn!(parent: None, lines, "the log was too slow, lines are lost");
    drop(guard(tell));
}

fn stopped(speaker: &Speaker, report: &ShutdownReport) {
    let supervisor = &*speaker.name;
    let title = speaker.title();
    let took_ms = millis(report.took);
    let (stopped, failed, killed) = (report.stopped, report.failed, report.killed);
    let (stuck, not_running) = (report.stuck, report.not_running);
    macro_rules! tell {
        ($level:ident, $text:literal) => {
            tracing::$level!(
                parent: None,
                supervisor,
                stopped,
                failed,
                killed,
                stuck,
                not_running,
                took_ms,
                $text,
                title
            )
        };
    }
    match speaker.home {
        _ if stuck > 0 => tell!(warn, "{} stopped, but some of its children are stuck"),
        None => tell!(info, "{} stopped"),
        Some(_) => tell!(debug, "{} stopped"),
    }
}

impl Speaker {
    const fn title(&self) -> &'static str {
        match (self.children, &self.home) {
            (Children::Sessions, _) => "session supervisor",
            (Children::Static, None) => "supervisor",
            (Children::Static, Some(_)) => "session tree",
        }
    }
}

/// Whether a subscriber wants the note.
pub(super) fn is_enabled(note: &Note) -> bool {
    let least = match note {
        Note::Started
        | Note::StartFailed(_)
        | Note::ClaimTaken(_)
        | Note::Stopping
        | Note::Expired(_)
        | Note::MoreTime(_) => LevelFilter::DEBUG,
        // What its level is depends on more.
        _ => LevelFilter::ERROR,
    };
    LevelFilter::current() >= least
}

/// What a note is about, in the fields of the log.
#[derive(Clone, Copy)]
struct Subject<'a> {
    /// What the text calls it.
    title: &'static str,
    /// The session, or the one whose tree this is a part of.
    session: Option<&'a str>,
    /// The role of a child. A session has none.
    child: Option<&'a str>,
}

impl<'a> Subject<'a> {
    fn of(speaker: &'a Speaker, child: &'a str) -> Self {
        if speaker.children == Children::Sessions {
            return Self {
                title: "session",
                session: Some(child),
                child: None,
            };
        }
        Self {
            title: "child",
            session: speaker.home.as_deref(),
            child: Some(child),
        }
    }
}

/// One note about a child.
fn event(speaker: &Speaker, child: &str, label: Option<&str>, incarnation: u64, note: &Note) {
    let supervisor = &*speaker.name;
    let Subject {
        title,
        session,
        child,
    } = Subject::of(speaker, child);
    macro_rules! tell {
        ($level:ident, $text:expr $(, $field:ident)*) => {
            tracing::$level!(
                parent: None, supervisor, session, child, label, incarnation, $($field,)* $text, title
            )
        };
    }
    // The same with what follows, at the level that this asks for.
    macro_rules! tell_with_next {
        ($gravity:expr, $what:literal, $next:expr, $reason:expr) => {{
            let reason = $reason;
            let reason = reason.as_deref();
            let (restarts, delay_ms) = (restarts($next), delay_ms($next));
            let what_next = $next.to_string();
            match $gravity {
                Gravity::Error => tell!(
                    error,
                    concat!("{} ", $what),
                    reason,
                    what_next,
                    restarts,
                    delay_ms
                ),
                Gravity::Warning => tell!(
                    warn,
                    concat!("{} ", $what),
                    reason,
                    what_next,
                    restarts,
                    delay_ms
                ),
                Gravity::Detail => tell!(
                    debug,
                    concat!("{} ", $what),
                    reason,
                    what_next,
                    restarts,
                    delay_ms
                ),
            }
        }};
    }
    match note {
        Note::Started => tell!(debug, "{} started"),
        Note::StartFailed(failure) => {
            let reason = failure_text(failure);
            tell!(debug, "{} failed to start", reason);
        }
        Note::ClaimTaken(taken) => {
            let reason = taken.to_string();
            tell!(debug, "{} is not started", reason);
        }
        Note::StartTimedOut(after) => {
            let timeout_ms = millis(*after);
            tell!(warn, "{} start timed out", timeout_ms);
        }
        Note::Exited { exit, asked, next } => {
            let reason = exit.to_string();
            // The result of our own kill is not logged again: the kill itself was.
            let abnormal = match (exit, asked) {
                (Exit::Failed { .. }, _) | (Exit::Killed, Asked::No) => Gravity::Warning,
                _ => Gravity::Detail,
            };
            match abnormal.max(gravity(next)) {
                Gravity::Detail => tell_with_next!(Gravity::Detail, "ended", next, Some(reason)),
                level => tell_with_next!(level, "ended abnormally", next, Some(reason)),
            }
        }
        Note::RestartFailed { failure, next } => {
            let reason = failure_text(failure);
            let level = gravity(next).max(Gravity::Warning);
            tell_with_next!(level, "failed to restart", next, Some(reason));
        }
        Note::Decided(next) => match gravity(next).max(Gravity::Warning) {
            Gravity::Error => {
                tell_with_next!(
                    Gravity::Error,
                    "could not be restarted",
                    next,
                    None::<String>
                );
            }
            level => tell_with_next!(level, "is tried again", next, None::<String>),
        },
        Note::Discarded => {
            let reason = "more sessions are parked than may be, and it was parked longest";
            tell!(error, "parked {} is forgotten", reason);
        }
        Note::Stopping => tell!(debug, "{} is to stop"),
        Note::Expired(expiry) => {
            let reason = expiry.to_string();
            tell!(debug, "{} is to stop", reason);
        }
        Note::Killing(Kill::ByRule) => {
            let reason = "its shutdown rule";
            tell!(debug, "{} is killed", reason);
        }
        Note::Killing(Kill::Grace(grace)) => {
            let reason = format!("not stopped within its grace of {grace:?}");
            tell!(warn, "{} is killed", reason);
        }
        Note::Killing(Kill::Deadline) => {
            let reason = "the deadline of its supervisor's stop has come";
            tell!(warn, "{} is killed", reason);
        }
        Note::Killing(Kill::Turn) => {
            let reason = "its share of the time of its supervisor's drain is over";
            tell!(warn, "{} is killed", reason);
        }
        Note::MoreTime(time) => {
            let time_ms = millis(*time);
            tell!(debug, "{} has more time to stop", time_ms);
        }
        Note::Stuck => tell!(error, "{} survived its kill and is stuck"),
        Note::StuckEnded => {
            tracing::warn!(
                parent: None, supervisor, session, child, label, incarnation, "stuck actor ended"
            );
        }
    }
}

/// How much an operator has to look at a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    Detail,
    Warning,
    Error,
}

const fn gravity(next: &Next) -> Gravity {
    match next {
        Next::Nothing
        | Next::Restart { .. }
        | Next::RestartSet { .. }
        | Next::WithOthers
        | Next::Undecided => Gravity::Detail,
        // It was parked before, and was logged as an error then.
        Next::Park { limit: None, .. } => Gravity::Warning,
        Next::Park { .. } | Next::Remove(_) | Next::Escalate(_) | Next::EscalateAll(_) => {
            Gravity::Error
        }
    }
}

const fn restarts(next: &Next) -> Option<u64> {
    match next {
        Next::Restart { restarts, .. } | Next::RestartSet { restarts, .. } => Some(*restarts),
        _ => None,
    }
}

fn delay_ms(next: &Next) -> Option<u64> {
    match next {
        Next::Restart { delay, .. } | Next::RestartSet { delay, .. } => Some(millis(*delay)),
        _ => None,
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
