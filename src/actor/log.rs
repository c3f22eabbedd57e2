//! What the engine tells as `tracing` events, and the other lines about a supervisor. None is inside
//! another caller's span.
//!
//! The target, the names in the field `event`, the levels and the fields are public interface:
//! `docs/log.md` lists them (D36). A healthy system is quiet at `info` apart from the start and the
//! stop of the supervisor. What an operator should look at is a warning or an error.
//!
//! `lines` keeps the order of lines and writes them.

mod fields;
mod line;

use tokio::runtime::Handle;
use tracing::Level;
use tracing::dispatcher::{self, Dispatch};
use tracing::level_filters::LevelFilter;

use super::unwind::{Panicked, guard};
use crate::engine::{EventKind, Listening, Repeat, Severity, ShutdownReport, StopCause};
use fields::{Follows, Times, millis};
pub(super) use line::{Children, Line, Speaker, Stands};

/// The target of all lines and spans of this crate.
pub(crate) const TARGET: &str = "session_supervisor";

/// One event at a level that is not known before. `tracing` has a macro for each level.
macro_rules! tell {
    ($level:expr, $($fields:tt)+) => {
        match $level {
            Level::ERROR => tracing::error!(target: TARGET, parent: None, $($fields)+),
            Level::WARN => tracing::warn!(target: TARGET, parent: None, $($fields)+),
            Level::INFO => tracing::info!(target: TARGET, parent: None, $($fields)+),
            _ => tracing::debug!(target: TARGET, parent: None, $($fields)+),
        }
    };
}

/// Writes a line. The subscriber is the user's code: one that panics loses the line.
pub(super) fn write(line: Line) {
    let level = level(&line);
    drop(match line {
        Line::Note {
            speaker,
            child,
            label,
            incarnation,
            kind,
            repeat,
        } => {
            let label = label.as_deref();
            guard(|| event(level, &speaker, &child, label, incarnation, &kind, repeat))
        }
        Line::Started(speaker) => guard(|| started(level, &speaker)),
        Line::Stopping(speaker, cause) => guard(|| stopping(level, &speaker, cause)),
        Line::Stopped(speaker, report) => guard(|| stopped(level, &speaker, &report)),
        Line::Broken(speaker, panic) => guard(|| broken(level, &speaker, &panic)),
        Line::DropPanicked(panic) => guard(|| drop_panicked(level, &panic)),
    });
}

fn started(level: Level, speaker: &Speaker) {
    let supervisor = &*speaker.name;
    let title = speaker.title();
    tell!(
        level,
        event = "supervisor_started",
        supervisor,
        "{title} started"
    );
}

fn stopping(level: Level, speaker: &Speaker, cause: StopCause) {
    let reason = cause.to_string();
    let supervisor = &*speaker.name;
    let title = speaker.title();
    tell!(
        level,
        event = "supervisor_stopping",
        supervisor,
        reason,
        "{title} is stopping"
    );
}

fn broken(level: Level, speaker: &Speaker, panic: &str) {
    let supervisor = &*speaker.name;
    let title = speaker.title();
    tell!(
        level,
        event = "supervisor_broken",
        supervisor,
        panic,
        "{title} has a fault and is killed"
    );
}

fn drop_panicked(level: Level, panic: &str) {
    tell!(
        level,
        event = "drop_panicked",
        panic,
        "a value of a session panicked in its drop"
    );
}

/// Tells the present log of a drop that has panicked, where no supervisor is known.
pub(super) fn tell_drop_panicked(Panicked(text): Panicked) {
    // A subscriber is the user's code too: it may block, and this thread may be one of a runtime's.
    let log = guard(|| dispatcher::get_default(Clone::clone)).unwrap_or_else(|_| Dispatch::none());
    let tell = move || {
        drop(guard(|| {
            dispatcher::with_default(&log, || write(Line::DropPanicked(text)))
        }))
    };
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(tell)),
        Err(_) => tell(),
    }
}

/// How many lines found no place in the queue.
pub(super) fn lost(lines: u64) {
    let tell = || {
        tell!(
            Level::WARN,
            event = "lines_lost",
            lines,
            "the log was too slow, lines are lost"
        );
    };
    drop(guard(tell));
}

fn stopped(level: Level, speaker: &Speaker, report: &ShutdownReport) {
    let supervisor = &*speaker.name;
    let title = speaker.title();
    let took_ms = millis(report.took);
    let (stopped, failed, killed) = (report.stopped, report.failed, report.killed);
    let (stuck, not_running) = (report.stuck, report.not_running);
    let but = match stuck {
        0 => "",
        _ => ", but some of its children are stuck",
    };
    tell!(
        level,
        event = "supervisor_stopped",
        supervisor,
        stopped,
        failed,
        killed,
        stuck,
        not_running,
        took_ms,
        "{title} stopped{but}"
    );
}

impl Speaker {
    /// Whether its start and its stop are told at `info`. A supervisor below another one is a child
    /// like others, and so is what belongs to a session.
    fn is_told(&self) -> bool {
        match self.children {
            Children::Sessions => self.home.is_none(),
            Children::Static => self.stands == Stands::Alone,
        }
    }

    const fn title(&self) -> &'static str {
        match (self.children, &self.home) {
            (Children::Sessions, _) => "session supervisor",
            (Children::Static, None) => "supervisor",
            (Children::Static, Some(_)) => "session tree",
        }
    }
}

/// What a subscriber may want to read of.
pub(super) fn listening() -> Listening {
    match LevelFilter::current() {
        LevelFilter::OFF => Listening::Nobody,
        LevelFilter::ERROR | LevelFilter::WARN | LevelFilter::INFO => Listening::Warnings,
        _ => Listening::Off,
    }
}

/// Whether a subscriber wants to read of that.
pub(super) fn is_enabled(kind: &EventKind, repeat: Repeat) -> bool {
    // They are for those who follow the sessions step by step.
    !is_only_followed(kind) && LevelFilter::current() >= level_of(kind, repeat)
}

/// Whether a subscriber wants this line.
pub(super) fn is_wanted(line: &Line) -> bool {
    LevelFilter::current() >= level(line)
}

/// The level at which a line is written.
fn level(line: &Line) -> Level {
    match line {
        Line::Note { kind, repeat, .. } => level_of(kind, *repeat),
        Line::Stopped(_, report) if report.stuck > 0 => Level::WARN,
        Line::Started(speaker) | Line::Stopped(speaker, _) if speaker.is_told() => Level::INFO,
        Line::Started(_) | Line::Stopping(..) | Line::Stopped(..) => Level::DEBUG,
        Line::Broken(..) => Level::ERROR,
        Line::DropPanicked(_) => Level::WARN,
    }
}

fn level_of(kind: &EventKind, repeat: Repeat) -> Level {
    match severity(kind, repeat) {
        Severity::Detail => Level::DEBUG,
        Severity::Warning => Level::WARN,
        Severity::Error => Level::ERROR,
    }
}

/// A crash that is summed up is for those who follow each step.
fn severity(kind: &EventKind, repeat: Repeat) -> Severity {
    match repeat {
        Repeat::Summed => Severity::Detail,
        Repeat::None | Repeat::After(_) | Repeat::LastOfMinute => kind.severity(),
    }
}

const fn is_only_followed(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::Queued { .. }
            | EventKind::Launching { .. }
            | EventKind::LaunchCancelled { .. }
            | EventKind::Withdrawn
            | EventKind::Gone(_)
    )
}

/// What a note is about, in the fields of the log.
#[derive(Clone, Copy)]
struct Subject<'a> {
    /// What the text calls it.
    title: &'static str,
    /// The session, or the one whose tree this is a part of.
    session: Option<&'a str>,
    /// The role of a child. A session has none.
    role: Option<&'a str>,
}

impl<'a> Subject<'a> {
    fn of(speaker: &'a Speaker, child: &'a str) -> Self {
        if speaker.children == Children::Sessions {
            return Self {
                title: "session",
                session: Some(child),
                role: None,
            };
        }
        Self {
            title: "child",
            session: speaker.home.as_deref(),
            role: Some(child),
        }
    }
}

/// One line about a child.
fn event(
    level: Level,
    speaker: &Speaker,
    child: &str,
    label: Option<&str>,
    incarnation: u64,
    kind: &EventKind,
    repeat: Repeat,
) {
    let supervisor = &*speaker.name;
    let Subject {
        title,
        session,
        role,
    } = Subject::of(speaker, child);
    let event = kind.name();
    let reason = kind.reason();
    let reason = reason.as_deref();
    let decision = kind.decision();
    let what_next = decision.map(ToString::to_string);
    let what_next = what_next.as_deref();
    let Follows {
        decision,
        restarts,
        budget_left,
        delay_ms,
    } = decision.map(Follows::of).unwrap_or_default();
    let Times {
        exit,
        took_ms,
        uptime_ms,
        timeout_ms,
        time_ms,
    } = Times::of(kind);
    let summed = match repeat {
        Repeat::After(summed) => Some(summed),
        Repeat::None | Repeat::LastOfMinute | Repeat::Summed => None,
    };
    let further = match repeat {
        Repeat::LastOfMinute => "; further ones in this minute are summed up",
        Repeat::None | Repeat::After(_) | Repeat::Summed => "",
    };
    let text = match kind {
        EventKind::StuckEnded => "stuck actor ended".to_owned(),
        EventKind::Discarded => format!("parked {title} {}", kind.headline()),
        _ => format!("{title} {}{further}", kind.headline()),
    };
    tell!(
        level,
        event,
        supervisor,
        session,
        role,
        label,
        incarnation,
        reason,
        what_next,
        exit,
        decision,
        restarts,
        budget_left,
        delay_ms,
        took_ms,
        uptime_ms,
        timeout_ms,
        time_ms,
        summed,
        "{text}"
    );
}
