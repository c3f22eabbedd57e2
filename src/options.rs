//! The options of a session supervisor.
//!
//! Absent on purpose: errors in the setters. The first bad value is kept and is the error of the
//! call that starts the supervisor.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::engine::{Backoff, Limit, OnRestartLimit, Settings};
use crate::error::InvalidValue;
use crate::names::{self, Naming};

/// The name of a supervisor that was given none: the `__MODULE__` name of OTP.
pub(crate) const DEFAULT_NAME: &str = "session_supervisor::SessionSupervisor";

/// OTP's default for sessions: 3 restarts in 5 s.
const RESTARTS: u32 = 3;
const WINDOW: Duration = Duration::from_secs(5);

/// How a [`SessionSupervisor`](crate::SessionSupervisor) works.
///
/// ```
/// use session_supervisor::{OnRestartLimit, Options};
/// use std::time::Duration;
///
/// let options = Options::new()
///     .name("chats")
///     .max_sessions(10_000)
///     .session_restart_limit(5, Duration::from_secs(60))
///     .on_restart_limit(OnRestartLimit::Park);
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Options {
    name: Naming,
    max_sessions: Option<usize>,
    session_limit: Option<Limit>,
    on_limit: OnRestartLimit,
    total_limit: Option<Limit>,
    backoff: Backoff,
    seed: Option<u64>,
    fault: Option<InvalidValue>,
}

impl Options {
    /// The defaults: named
    /// [`SessionSupervisor::NAME`](crate::SessionSupervisor::NAME), any number of sessions, each may
    /// restart 3 times in 5 s and is parked after that, no limit for all together.
    pub fn new() -> Self {
        Self {
            name: Naming::Given(DEFAULT_NAME.to_owned()),
            max_sessions: None,
            session_limit: Limit::new(RESTARTS, WINDOW),
            on_limit: OnRestartLimit::Park,
            total_limit: None,
            backoff: Backoff::default(),
            seed: None,
            fault: None,
        }
    }

    /// As Elixir's `DynamicSupervisor.init(strategy: :one_for_one)`: no restart limit of a session's
    /// own, and 3 restarts in 5 s for all sessions together, which end the supervisor.
    ///
    /// Nothing else changes: the defaults of a child spec stay as they are.
    pub fn otp() -> Self {
        Self {
            session_limit: None,
            total_limit: Limit::new(RESTARTS, WINDOW),
            backoff: Backoff::none(),
            ..Self::new()
        }
    }

    /// The name in ractor's registry: 1 to 512 bytes, no control character, no `/`. Default:
    /// [`SessionSupervisor::NAME`](crate::SessionSupervisor::NAME).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        match names::check_supervisor(&name) {
            Ok(()) => self.name = Naming::Given(name),
            Err(rule) => {
                self.fault.get_or_insert_with(|| InvalidValue {
                    field: "name",
                    value: format!("{name:?}"),
                    rule: rule.to_string(),
                });
            }
        }
        self
    }

    /// A name of its own for each start, for supervisors that run side by side, as in tests.
    pub fn unique_name(mut self) -> Self {
        self.name = Naming::Unique;
        self
    }

    /// How many sessions may be starting, running, restarting, stopping or zombies at a time. Parked
    /// ones take no place. Default: any number. 0 is legal.
    pub fn max_sessions(mut self, max: usize) -> Self {
        self.max_sessions = Some(max);
        self
    }

    /// How often a session may be restarted within `window`, unless its spec says otherwise.
    /// Default: 3 in 5 s. The window must be longer than zero. So that memory is bounded, a limit above
    /// 1,024 may forget a restart early, by a 1,024th of the window at most.
    pub fn session_restart_limit(mut self, max: u32, window: Duration) -> Self {
        if let Some(limit) = self.limit("session_restart_limit.window", max, window) {
            self.session_limit = Some(limit);
        }
        self
    }

    /// Sessions whose spec has no restart limit are restarted without end.
    pub fn without_session_restart_limit(mut self) -> Self {
        self.session_limit = None;
        self
    }

    /// What happens to a session that used up its own restart limit. Default: it is parked.
    pub fn on_restart_limit(mut self, action: OnRestartLimit) -> Self {
        self.on_limit = action;
        self
    }

    /// How often all sessions together may be restarted within `window`. Reaching it always ends the
    /// supervisor. Default: no such limit. The window must be longer than zero.
    ///
    /// OTP: `max_restarts` and `max_seconds` of a supervisor.
    pub fn total_restart_limit(mut self, max: u32, window: Duration) -> Self {
        if let Some(limit) = self.limit("total_restart_limit.window", max, window) {
            self.total_limit = Some(limit);
        }
        self
    }

    /// The seed of the jitter, for runs that can be repeated. Default: a random one.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    fn limit(&mut self, field: &'static str, max: u32, window: Duration) -> Option<Limit> {
        let limit = Limit::new(max, window);
        if limit.is_none() {
            self.fault
                .get_or_insert_with(|| InvalidValue::zero(field, window));
        }
        limit
    }

    /// The same with its name settled, so that a supervisor that is restarted keeps it; and the name.
    pub(crate) fn settled(mut self) -> (Self, String) {
        let name = self.name.clone().name(DEFAULT_NAME);
        self.name = Naming::Given(name.clone());
        (self, name)
    }

    pub(crate) fn fault(&self) -> Option<InvalidValue> {
        self.fault.clone()
    }

    /// The name and the settings, or the first bad value.
    pub(crate) fn check(self) -> Result<(String, Settings), InvalidValue> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let name = self.name.name(DEFAULT_NAME);
        let settings = Settings {
            max_sessions: self.max_sessions.unwrap_or(usize::MAX),
            session_limit: self.session_limit,
            on_limit: self.on_limit,
            total_limit: self.total_limit,
            backoff: self.backoff,
            seed: self.seed.unwrap_or_else(random_seed),
        };
        Ok((name, settings))
    }
}

/// A seed for whoever gave none.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().hash_one(DEFAULT_NAME)
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
