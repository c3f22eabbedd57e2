//! What is known of each session: what it is doing, when it was last in use, and its leases.

use std::collections::BTreeSet;
use std::time::Duration;

use session_supervisor::engine::{Key, LeaseNumber, Moment, Policy, Request, Shutdown, Use};

use crate::domain::{SimDomain, SimLife, Waiter};
use crate::rules::ms;

/// What a session is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Launching,
    Running,
    /// By itself.
    Ending,
    /// It was told to, or killed.
    Stopping,
    /// It waits to be launched again, or is parked.
    Down,
}

/// One session of an id.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) policy: Policy,
    pub(super) life: SimLife,
    pub(super) stage: Stage,
    pub(super) cancelled: bool,
    /// Whether it comes back, as a lease was told that was asked for while it stopped.
    pub(super) comes_back: Option<bool>,
    pub(super) expired: bool,
    /// When it began to run.
    pub(super) started: Moment,
    /// When it was last in use.
    pub(super) used: Moment,
    pub(super) leases: BTreeSet<LeaseNumber>,
    /// When the last one was returned.
    pub(super) returned: Moment,
}

impl Session {
    pub(super) fn new(policy: Policy, life: SimLife) -> Self {
        Self {
            policy,
            life,
            stage: Stage::Launching,
            cancelled: false,
            comes_back: None,
            expired: false,
            started: Moment::START,
            used: Moment::START,
            leases: BTreeSet::new(),
            returned: Moment::START,
        }
    }

    /// The next incarnation is launched.
    pub(super) fn begin(&mut self, life: SimLife) {
        self.life = life;
        self.stage = Stage::Launching;
        self.cancelled = false;
        assert_ne!(self.comes_back, Some(false), "a lease was told otherwise");
        self.comes_back = None;
        self.used = Moment::START;
    }

    pub(super) fn key(&self) -> Key {
        self.life.0.key
    }

    pub(super) fn busy(&self) -> bool {
        self.life.0.used.get() == Use::Now
    }

    /// Since when it has been idle, if it is.
    pub(super) fn idle_since(&self) -> Option<Moment> {
        let since = self.started.max(self.used).max(self.returned);
        (self.leases.is_empty() && !self.busy()).then_some(since)
    }
}

/// A lease that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) id: &'static str,
    pub(super) number: LeaseNumber,
}

impl Lease {
    pub(super) fn of(id: &'static str, ticket: &Waiter) -> Self {
        let number = LeaseNumber(ticket.0 as u64);
        Self { id, number }
    }

    pub(super) fn request(self, ticket: Waiter) -> Request<SimDomain> {
        let lease = self.number;
        Request::Lease { lease, ticket }
    }
}

/// How long one that expires has.
pub(super) fn gently(rule: Shutdown) -> Option<Duration> {
    match rule {
        Shutdown::Infinity => None,
        Shutdown::Timeout(grace) | Shutdown::Drain(grace) if grace > Duration::ZERO => Some(grace),
        Shutdown::BrutalKill | Shutdown::Timeout(_) | Shutdown::Drain(_) => Some(ms(5_000)),
    }
}

/// All ids, which are few, so that they collide.
pub(super) const IDS: [&str; 3] = ["a", "b", "c"];

pub(super) fn name(id: &str) -> &'static str {
    let known = IDS.into_iter().find(|known| *known == id);
    known.expect("one of the ids")
}
