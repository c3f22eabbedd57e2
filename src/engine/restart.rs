//! The rules of a session and of the supervisor, as plain values.
//!
//! Their builders (`spec.rs`, `options.rs`) check what comes from outside.

use std::time::Duration;

use super::backoff::Backoff;
use super::exit::Mark;
use super::limit::Limit;
use super::moment::Span;
use super::rate::StartRate;
use super::shutdown::Shutdown;

/// When a session that ended is started again.
///
/// OTP: the `restart` of a child spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the three kinds are OTP's and complete"
)]
pub enum Restart {
    /// However it ended.
    Permanent,
    /// Only if it ended abnormally: an error, a panic, a kill, or the failure of an actor linked to
    /// it that ended it. The default.
    #[default]
    Transient,
    /// Never.
    Temporary,
}

impl Restart {
    /// Whether one that ended by itself comes back.
    pub(super) fn comes_back(self, mark: Mark) -> bool {
        match self {
            Self::Permanent => true,
            Self::Transient => mark != Mark::Orderly,
            Self::Temporary => false,
        }
    }
}

/// Whether a child is a supervisor itself.
///
/// OTP: the `type` of a child spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the two types are OTP's and complete"
)]
pub enum ChildKind {
    /// A plain actor. The default.
    #[default]
    Worker,
    /// A supervisor.
    Supervisor,
}

/// Whether the end of a child can end its group.
///
/// OTP: `significant` of a child spec.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "OTP has a boolean here; there is no third"
)]
pub enum Significance {
    /// It cannot. The default.
    #[default]
    Ordinary,
    /// It can, if the group's rule of automatic shutdown says so.
    Significant,
}

/// What happens to a session that used up its own restart limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnRestartLimit {
    /// It is set aside: not running, not forgotten, no place taken. The default.
    #[default]
    Park,
    /// It is forgotten; its id can be started anew.
    Remove,
    /// The supervisor stops all sessions in order and ends.
    Escalate,
}

/// The restart limit that a spec asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnLimit {
    /// The supervisor's default for sessions.
    #[default]
    Inherited,
    /// This one.
    Own(Limit),
    /// None.
    Unlimited,
}

/// The rules of one session.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// When it is restarted.
    pub restart: Restart,
    /// How it is stopped.
    pub shutdown: Shutdown,
    /// How long a launch may take.
    pub start_timeout: Duration,
    /// Its own restart limit.
    pub limit: OwnLimit,
    /// The pause before a restart; none: the supervisor's default.
    pub backoff: Option<Backoff>,
    /// Whether it is a supervisor itself.
    pub kind: ChildKind,
    /// Whether its end can end the group it belongs to.
    pub significance: Significance,
    /// How long a session may be without use before it is ended.
    pub idle_timeout: Option<Span>,
    /// How long an incarnation of a session may live, at most.
    pub max_lifetime: Option<Span>,
}

impl Policy {
    /// Whether a session may ever be ended by itself.
    pub(super) const fn may_expire(&self) -> bool {
        self.idle_timeout.is_some() || self.max_lifetime.is_some()
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            restart: Restart::default(),
            shutdown: Shutdown::default(),
            start_timeout: Duration::from_secs(30),
            limit: OwnLimit::default(),
            backoff: None,
            kind: ChildKind::default(),
            significance: Significance::default(),
            idle_timeout: None,
            max_lifetime: None,
        }
    }
}

/// The rules of the supervisor.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How many sessions may take a place.
    pub max_sessions: usize,
    /// The restart limit of sessions without their own.
    pub session_limit: Option<Limit>,
    /// What happens to a session that used up its limit.
    pub on_limit: OnRestartLimit,
    /// The restart limit of all sessions together.
    pub total_limit: Option<Limit>,
    /// The first and the longest pause before a parked session is tried again; none: it is not.
    pub park_trial: Option<(Duration, Duration)>,
    /// How many sessions may be parked.
    pub max_parked: usize,
    /// How many launches may be under way at once.
    pub max_launches: usize,
    /// How many sessions may be new within a window.
    pub start_rate: Option<StartRate>,
    /// How many sessions of one group may take a place.
    pub quota: Option<usize>,
    /// The pause before a restart of sessions without their own.
    pub backoff: Backoff,
    /// The seed of the jitter.
    pub seed: u64,
}

/// Nothing is limited, and nothing waits: a base for what says only some of it.
impl Default for Settings {
    fn default() -> Self {
        Self {
            max_sessions: usize::MAX,
            session_limit: None,
            on_limit: OnRestartLimit::Park,
            total_limit: None,
            park_trial: None,
            max_parked: usize::MAX,
            max_launches: usize::MAX,
            start_rate: None,
            quota: None,
            backoff: Backoff::none(),
            seed: 0,
        }
    }
}
