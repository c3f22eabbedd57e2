//! The values of an event, as fields of its line.

use std::time::Duration;

use crate::engine::{Decision, EventKind, ExitCause};

/// What follows, in fields.
#[derive(Default)]
pub(super) struct Follows {
    pub(super) decision: Option<&'static str>,
    /// Which restart it is.
    pub(super) restarts: Option<u64>,
    pub(super) budget_left: Option<u32>,
    /// The pause before it is restarted, or tried again.
    pub(super) delay_ms: Option<u64>,
}

impl Follows {
    pub(super) fn of(decision: &Decision) -> Self {
        let named = Self {
            decision: Some(decision.name()),
            ..Self::default()
        };
        match *decision {
            Decision::Restart {
                restarts,
                after,
                budget_left,
                ..
            }
            | Decision::RestartWithOthers {
                restarts,
                after,
                budget_left,
                ..
            } => Self {
                restarts: Some(restarts),
                budget_left,
                delay_ms: Some(millis(after)),
                ..named
            },
            Decision::Park { until, .. } => Self {
                delay_ms: until.map(millis),
                ..named
            },
            _ => named,
        }
    }
}

/// How it ended, and how long what took, in fields.
#[derive(Default)]
pub(super) struct Times {
    pub(super) exit: Option<&'static str>,
    pub(super) took_ms: Option<u64>,
    pub(super) uptime_ms: Option<u64>,
    pub(super) timeout_ms: Option<u64>,
    pub(super) time_ms: Option<u64>,
}

impl Times {
    pub(super) fn of(kind: &EventKind) -> Self {
        let nothing = Self::default();
        match kind {
            EventKind::Started { took } => Self {
                took_ms: Some(millis(*took)),
                ..nothing
            },
            EventKind::Exited { cause, uptime, .. } => Self {
                exit: Some(match cause {
                    ExitCause::Normal { .. } => "normal",
                    ExitCause::Shutdown => "shutdown",
                    ExitCause::Killed => "killed",
                    ExitCause::Failed { .. } => "failed",
                    ExitCause::NotRunning => "not_running",
                }),
                uptime_ms: Some(millis(*uptime)),
                ..nothing
            },
            EventKind::StartTimedOut { timeout } => Self {
                timeout_ms: Some(millis(*timeout)),
                ..nothing
            },
            EventKind::MoreTime(time) => Self {
                time_ms: Some(millis(*time)),
                ..nothing
            },
            _ => nothing,
        }
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
