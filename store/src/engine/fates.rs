//! What the events of a session mean for its record: whether it is forgotten at its end, or kept.
//!
//! A session is told from a later one of the same id by its tag. It has ended when it is gone; what
//! came before says how. While the supervisor itself stops, nothing is forgotten: a process that ends
//! is no end of its sessions. (Events do not tell a stop from a restart by hand that the supervisor's
//! stop has overtaken. One who stops a session through the handle forgets it without them.)

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use session_supervisor::{Decision, EventKind, ExitCause, Expiry};

/// How a session has ended, as far as its record is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// It was stopped by a caller, or ended in order by itself.
    Forget,
    /// It is still remembered, and does not run.
    Keep(Kept),
    /// It has never run.
    NeverRan(Arc<str>),
}

/// Why a session that is remembered does not run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kept {
    /// It is to be restored, and its turn has not come yet.
    Waiting,
    /// It failed or was killed, and its supervisor does not restart it.
    Crashed(Arc<str>),
    /// It could not be restored, or resumed.
    NotStarted(Arc<str>),
    /// Its idle timeout was over. Whoever ensures it finds what it has saved.
    Idle,
    /// The supervisor has ended.
    SupervisorEnded,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waits to be restored"),
            Self::Crashed(why) => write!(f, "crashed and was not restarted: {why}"),
            Self::NotStarted(why) => write!(f, "could not be started again: {why}"),
            Self::Idle => f.write_str("was idle"),
            Self::SupervisorEnded => f.write_str("its supervisor has ended"),
        }
    }
}

/// The sessions whose ends are not known yet.
#[derive(Debug, Default)]
pub struct Fates {
    sessions: HashMap<u64, Session>,
    mode: Mode,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Mode {
    #[default]
    Serving,
    Stopping,
}

#[derive(Debug, Default)]
struct Session {
    ran: Ran,
    asked: Option<By>,
    /// What its last exit, or its last failure, says.
    end: Option<End>,
    why: Option<Arc<str>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Ran {
    #[default]
    No,
    Yes,
}

/// Who has asked it to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Caller,
    IdleTimeout,
    Lifetime,
}

impl Fates {
    /// Something has happened to the session of this tag. Answers how it has ended, if it is gone.
    pub fn happened(&mut self, tag: u64, kind: &EventKind) -> Option<End> {
        // It is refused without having been there.
        if let EventKind::ClaimTaken { .. } = kind {
            return None;
        }
        let mode = self.mode;
        let session = self.sessions.entry(tag).or_default();
        session.happened(mode, kind);
        let EventKind::Gone(_) = kind else {
            return None;
        };
        let session = self.sessions.remove(&tag)?;
        Some(session.ended(mode))
    }

    /// The supervisor stops.
    pub const fn stopping(&mut self) {
        self.mode = Mode::Stopping;
    }
}

impl Session {
    fn happened(&mut self, mode: Mode, kind: &EventKind) {
        match kind {
            EventKind::Launching { .. } => {
                (self.asked, self.end, self.why) = (None, None, None);
            }
            EventKind::Started { .. } => self.ran = Ran::Yes,
            EventKind::Stopping | EventKind::Withdrawn => self.ask(mode, By::Caller),
            // One that took too long is given up by no caller.
            EventKind::LaunchCancelled { .. } if self.why.is_none() => {
                self.ask(mode, By::Caller);
            }
            EventKind::Expired(Expiry::Idle(_)) => self.ask(mode, By::IdleTimeout),
            EventKind::Expired(_) => self.ask(mode, By::Lifetime),
            EventKind::StartFailed { .. } | EventKind::StartTimedOut { .. } => {
                self.why = kind.reason().map(Arc::from);
            }
            EventKind::Exited {
                cause,
                asked,
                decision,
                ..
            } => {
                let why: Arc<str> = cause.to_string().into();
                let by_itself = !asked && matches!(cause, ExitCause::Normal { .. });
                self.end = match decision {
                    Decision::Forget if *asked => None,
                    Decision::Forget if by_itself && mode == Mode::Serving => Some(End::Forget),
                    Decision::Forget if by_itself => None,
                    _ => Some(End::Keep(Kept::Crashed(Arc::clone(&why)))),
                };
                self.why = Some(why);
            }
            EventKind::RestartFailed { .. } => {
                let why: Arc<str> = kind.reason().unwrap_or_default().into();
                self.end = Some(End::Keep(Kept::Crashed(Arc::clone(&why))));
                self.why = Some(why);
            }
            EventKind::Discarded => {
                let why = self.why.clone().or_else(|| kind.reason().map(Arc::from));
                self.end = Some(End::Keep(Kept::Crashed(why.unwrap_or_default())));
            }
            _ => {}
        }
    }

    /// The first one that asks is the one that ends it.
    fn ask(&mut self, mode: Mode, by: By) {
        if mode == Mode::Serving {
            self.asked.get_or_insert(by);
        }
    }

    fn ended(self, mode: Mode) -> End {
        let asked = self.asked.filter(|_| mode == Mode::Serving);
        match (asked, self.end, self.ran) {
            // Also of one that waited for a restart or was parked.
            (Some(By::Caller), _, _) | (Some(By::Lifetime), None, _) => End::Forget,
            (Some(By::IdleTimeout), None, _) => End::Keep(Kept::Idle),
            (_, Some(end), _) => end,
            (None, None, Ran::No) => End::NeverRan(self.why.unwrap_or_default()),
            (None, None, Ran::Yes) => End::Keep(Kept::SupervisorEnded),
        }
    }
}
