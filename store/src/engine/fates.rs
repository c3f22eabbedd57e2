//! What the events of a session mean for its record: whether it is forgotten at its end, or kept.
//!
//! The tag tells a session from a later one of the same id. The id tells it from a session that another
//! program gave the same tag. A session has ended when the event `Gone` comes; the events before it say how.
//! While the supervisor itself stops, nothing is forgotten, so that the sessions start again with the next
//! process. (Events do not tell a stop from a manual restart that the supervisor's stop has overtaken. A stop
//! through the handle forgets the session without them.)

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use session_supervisor::{Decision, EventKind, ExitCause, SessionId};

/// How a session has ended, as far as its record is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// It was stopped by a caller, or ended in order by itself.
    Forget,
    /// It is still remembered, and does not run.
    Keep(Kept),
    /// It has never run. None: its supervisor stops, and nothing is known against it.
    NeverRan(Option<Arc<str>>),
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
    /// Its idle timeout or its lifetime was over. It rests until it is used: whoever ensures it finds
    /// what it has saved.
    Resting,
    /// The supervisor has ended.
    SupervisorEnded,
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Waiting => f.write_str("waits to be restored"),
            Self::Crashed(why) => write!(f, "crashed and was not restarted: {why}"),
            Self::NotStarted(why) => write!(f, "could not be started again: {why}"),
            Self::Resting => f.write_str("rests until it is used"),
            Self::SupervisorEnded => f.write_str("its supervisor has ended"),
        }
    }
}

/// The sessions whose ends are not known yet.
#[derive(Debug, Default)]
pub struct Fates {
    sessions: HashMap<(u64, SessionId), Session>,
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
    /// How it has exited last.
    exit: Exit,
    /// What that says, if nothing follows it.
    end: Option<End>,
    why: Option<Arc<str>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Exit {
    /// Somebody has asked for it, or there was none.
    #[default]
    Asked,
    InOrder,
    /// It failed, was killed, or could not be started again.
    Failed,
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
    /// Its idle timeout, or its lifetime.
    Time,
}

impl Fates {
    /// Something has happened to the session of this tag and this id. Answers how it has ended, if it is
    /// gone.
    pub fn happened(&mut self, tag: u64, id: &SessionId, kind: &EventKind) -> Option<End> {
        // It is refused without having been there.
        if let EventKind::ClaimTaken { .. } = kind {
            return None;
        }
        let mode = self.mode;
        let key = (tag, id.clone());
        let first = || Session::first_seen(kind);
        let session = self.sessions.entry(key.clone()).or_insert_with(first);
        session.happened(mode, kind);
        let EventKind::Gone(_) = kind else {
            return None;
        };
        let session = self.sessions.remove(&key)?;
        Some(session.ended(mode))
    }

    /// The supervisor stops.
    pub const fn stopping(&mut self) {
        self.mode = Mode::Stopping;
    }
}

impl Session {
    /// One whose beginning was not told may have run.
    fn first_seen(kind: &EventKind) -> Self {
        let ran = match kind {
            EventKind::Queued { .. } | EventKind::Launching { .. } => Ran::No,
            _ => Ran::Yes,
        };
        Self {
            ran,
            ..Self::default()
        }
    }

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
            EventKind::Expired(_) => self.ask(mode, By::Time),
            EventKind::StartFailed { .. } | EventKind::StartTimedOut { .. } => {
                self.why = kind.reason().map(Arc::from);
            }
            EventKind::Exited {
                cause,
                asked,
                decision,
                ..
            } => {
                self.why = Some(cause.to_string().into());
                self.exit = match cause {
                    _ if *asked => Exit::Asked,
                    ExitCause::Normal { .. } => Exit::InOrder,
                    _ => Exit::Failed,
                };
                self.decided(mode, decision);
            }
            EventKind::RestartFailed { decision, .. } => {
                self.why = Some(kind.reason().unwrap_or_default().into());
                self.exit = Exit::Failed;
                self.decided(mode, decision);
            }
            EventKind::Decided(decision) => self.decided(mode, decision),
            EventKind::Discarded => {
                let why = self.why.clone().or_else(|| kind.reason().map(Arc::from));
                self.end = Some(End::Keep(Kept::Crashed(why.unwrap_or_default())));
            }
            _ => {}
        }
    }

    /// What follows its last exit. As long as its supervisor goes on with it, it has not ended. Nor has
    /// it if the supervisor ends for it, or before it: one that stops, or was killed, starts nothing again,
    /// whatever its sessions end by.
    fn decided(&mut self, mode: Mode, decision: &Decision) {
        let ends = matches!(
            decision,
            Decision::Forget | Decision::Nothing | Decision::Remove(_)
        );
        self.end = match self.exit {
            _ if !ends || mode == Mode::Stopping => None,
            Exit::Asked => None,
            Exit::InOrder => Some(End::Forget),
            Exit::Failed => Some(self.crashed()),
        };
    }

    fn crashed(&self) -> End {
        End::Keep(Kept::Crashed(self.why.clone().unwrap_or_default()))
    }

    /// The first one that asks is the one that ends it.
    fn ask(&mut self, mode: Mode, by: By) {
        if mode == Mode::Serving {
            self.asked.get_or_insert(by);
        }
    }

    fn ended(self, mode: Mode) -> End {
        // One whose time was over rests, whoever stops meanwhile.
        let counts = |by: &By| mode == Mode::Serving || *by == By::Time;
        let asked = self.asked.filter(counts);
        let failed = mode == Mode::Serving && self.exit == Exit::Failed;
        let crashed = failed.then(|| self.crashed());
        match (asked, self.end, self.ran) {
            // Also of one that waited for a restart or was parked.
            (Some(By::Caller), _, _) => End::Forget,
            (Some(By::Time), None, _) => End::Keep(Kept::Resting),
            (_, Some(end), _) => end,
            (None, None, Ran::No) => End::NeverRan(self.why),
            (None, None, Ran::Yes) => crashed.unwrap_or(End::Keep(Kept::SupervisorEnded)),
        }
    }
}
