//! The options of a session supervisor.
//!
//! Setters do not fail: the call that starts the supervisor fails with the first bad value.

mod admission;
mod drain;

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use crate::engine::{Backoff, Limit, OnRestartLimit, Settings};
use crate::error::InvalidValue;
use crate::fault::Fault;
use crate::names::{self, Naming};
pub(crate) use admission::{GroupOf, Grouping};
pub use drain::Drain;

/// The name of a supervisor that was given none: the `__MODULE__` name of OTP.
pub(crate) const DEFAULT_NAME: &str = "session_supervisor::SessionSupervisor";

/// OTP's default for sessions: 3 restarts in 5 s.
const RESTARTS: u32 = 3;
const WINDOW: Duration = Duration::from_secs(5);

const FIRST_TRIAL: Duration = Duration::from_secs(10);
const LONGEST_TRIAL: Duration = Duration::from_secs(300);
const MAX_PARKED: usize = 10_000;
const MAX_LAUNCHES: usize = 1_024;

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
    /// All but the seed.
    settings: Settings,
    /// Of which group a session is, if there is a quota.
    group_of: Option<GroupOf>,
    seed: Option<u64>,
    fault: Fault,
}

/// What the options of a supervisor come to.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) name: String,
    pub(crate) settings: Settings,
    pub(crate) group_of: Option<GroupOf>,
}

impl Options {
    /// The defaults: the name [`SessionSupervisor::NAME`](crate::SessionSupervisor::NAME), any
    /// number of sessions, 3 restarts in 5 s for each, and no limit for all together. A session
    /// that uses up its limit is parked, and tried again after 5 to 10 s, then after pauses that
    /// double up to 5 min. At most 10,000 are parked, and at most 1,024 launches are under way at
    /// once. The pauses before restarts are those of [`Backoff::default`].
    pub fn new() -> Self {
        Self {
            name: Naming::Given(DEFAULT_NAME.to_owned()),
            settings: Settings {
                session_limit: Limit::new(RESTARTS, WINDOW),
                park_trial: Some((FIRST_TRIAL, LONGEST_TRIAL)),
                max_parked: MAX_PARKED,
                max_launches: MAX_LAUNCHES,
                backoff: Backoff::default(),
                ..Settings::default()
            },
            group_of: None,
            seed: None,
            fault: Fault::default(),
        }
    }

    /// As Elixir's `DynamicSupervisor.init(strategy: :one_for_one)`: sessions have no restart limit
    /// of their own, and more than 3 restarts of all sessions together in 5 s end the supervisor.
    /// Restarts have no pause but after a failed attempt, parked sessions are not tried again, and
    /// any number of launches may be under way.
    ///
    /// Nothing else changes: a child spec is restarted and stopped as by default.
    pub fn otp() -> Self {
        let options = Self::new();
        let settings = Settings {
            total_limit: Limit::new(RESTARTS, WINDOW),
            max_parked: options.settings.max_parked,
            ..Settings::default()
        };
        Self {
            settings,
            ..options
        }
    }

    /// The name in ractor's registry: 1 to 512 bytes, no control character, no `/`. Default:
    /// [`SessionSupervisor::NAME`](crate::SessionSupervisor::NAME).
    pub fn name(mut self, name: impl Into<String>) -> Self {
        let name = name.into();
        match names::check_supervisor(&name) {
            Ok(()) => self.name = Naming::Given(name),
            Err(rule) => self
                .fault
                .add("name", format_args!("{name:?}"), rule.to_string()),
        }
        self
    }
    /// Gives the supervisor a new name at each start, so that several can run side by side, as in
    /// tests.
    pub fn unique_name(mut self) -> Self {
        self.name = Naming::Unique;
        self
    }

    /// Sets how many sessions may be starting, running, restarting, stopping or stuck at a time.
    /// Parked ones do not count. Default: any number. 0 is legal.
    pub fn max_sessions(mut self, max: usize) -> Self {
        self.settings.max_sessions = max;
        self
    }

    /// Sets how often a session may be restarted within `window`, unless its spec says otherwise.
    /// Default: 3 in 5 s. The window must be longer than zero. So that memory is bounded, a limit
    /// above 1,024 may forget a restart early, by a 1,024th of the window at most.
    pub fn session_restart_limit(mut self, max: u32, window: Duration) -> Self {
        if let Some(limit) = self.limit("session_restart_limit.window", max, window) {
            self.settings.session_limit = Some(limit);
        }
        self
    }
    /// Removes that limit: sessions whose spec has none are restarted without end.
    pub fn without_session_restart_limit(mut self) -> Self {
        self.settings.session_limit = None;
        self
    }
    /// Sets what happens to a session that used up its own restart limit. Default: it is parked.
    pub fn on_restart_limit(mut self, action: OnRestartLimit) -> Self {
        self.settings.on_limit = action;
        self
    }

    /// Sets when a parked session is tried again: after `first`, then after pauses that double up
    /// to `max`. Each pause is between half and all of its length at random, so that sessions which
    /// were parked together do not come back together.
    ///
    /// A trial is one start. The session is no longer parked once it has run for the window of its
    /// restart limit. If it ends before that, or does not start, it is parked again. A trial needs
    /// a place of [`max_sessions`](Self::max_sessions); without one it waits for the next pause.
    ///
    /// Default: 10 s, up to 5 min. `first` must be longer than zero and at most `max`.
    pub fn park_trial(mut self, first: Duration, max: Duration) -> Self {
        if first.is_zero() || first > max {
            let rule = format!("must be longer than zero and at most the maximum of {max:?}");
            self.fault
                .add("park_trial.first", format_args!("{first:?}"), rule);
            return self;
        }
        self.settings.park_trial = Some((first, max));
        self
    }

    /// A parked session stays parked until it is restarted by hand or stopped.
    pub fn without_park_trial(mut self) -> Self {
        self.settings.park_trial = None;
        self
    }

    /// Sets how many sessions may be parked at once. When one more is parked, the one that was
    /// parked longest is forgotten and logged. Default: 10,000. With 0 a session that used up its
    /// limit is forgotten at once, as with [`OnRestartLimit::Remove`].
    pub fn max_parked(mut self, max: usize) -> Self {
        self.settings.max_parked = max;
        self
    }

    /// Sets how many launches may be under way at once. Further starts and restarts wait in line,
    /// restarts before starts. The time in line does not count against the start timeout. A launch
    /// that was cancelled counts until it is gone, at most for [`KILL_BOUND`](crate::KILL_BOUND). A
    /// start in line whose callers have all gone makes way for one that needs its claim or its
    /// place; of very many in line, a thousand are looked at for each start that would be refused.
    ///
    /// A launch whose start function or `pre_start` waits for another start of this supervisor
    /// keeps its place meanwhile. If all places are kept by such launches, each of them waits until
    /// its start timeout.
    ///
    /// Default: 1,024. Must be at least 1.
    pub fn max_concurrent_launches(mut self, max: usize) -> Self {
        if max == 0 {
            self.fault
                .add("max_concurrent_launches", max, "must be at least 1");
            return self;
        }
        self.settings.max_launches = max;
        self
    }

    /// Sets how often all sessions together may be restarted within `window`. A restart above the
    /// limit always ends the supervisor. Default: no such limit. The window must be longer than
    /// zero.
    ///
    /// OTP: `max_restarts` and `max_seconds` of a supervisor.
    pub fn total_restart_limit(mut self, max: u32, window: Duration) -> Self {
        if let Some(limit) = self.limit("total_restart_limit.window", max, window) {
            self.settings.total_limit = Some(limit);
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
            self.fault.add_zero(field, window);
        }
        limit
    }

    /// The same with its name fixed, so that a supervisor that is restarted keeps it; and the
    /// name.
    pub(crate) fn with_fixed_name(mut self) -> (Self, String) {
        let name = self.name.clone().name(DEFAULT_NAME);
        self.name = Naming::Given(name.clone());
        (self, name)
    }

    pub(crate) fn fault(&self) -> Fault {
        self.fault.clone()
    }

    /// What they come to, or the first bad value.
    pub(crate) fn check(self) -> Result<Checked, InvalidValue> {
        self.fault.check()?;
        let name = self.name.name(DEFAULT_NAME);
        let settings = Settings {
            seed: self.seed.unwrap_or_else(random_seed),
            ..self.settings
        };
        Ok(Checked {
            name,
            settings,
            group_of: self.group_of,
        })
    }
}

/// The seed of a supervisor that was given none.
pub(crate) fn random_seed() -> u64 {
    RandomState::new().hash_one(DEFAULT_NAME)
}

impl Default for Options {
    fn default() -> Self {
        Self::new()
    }
}
