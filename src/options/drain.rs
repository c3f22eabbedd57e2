//! How a session supervisor is to drain.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::engine::DrainOrder;
use crate::error::InvalidValue;
use crate::fault::Fault;

/// How [`SessionSupervisor::drain`](crate::SessionSupervisor::drain) ends the sessions.
///
/// ```
/// use session_supervisor::Drain;
/// use std::time::Duration;
///
/// let drain = Drain::within(Duration::from_secs(300))
///     .at_most(20)
///     .extend_up_to(Duration::from_secs(60));
/// # let _ = drain;
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Drain {
    order: DrainOrder,
    fault: Fault,
}

impl Drain {
    /// A drain of at most this long: what is left then is killed. Zero kills at once.
    pub fn within(time: Duration) -> Self {
        Self {
            order: DrainOrder {
                within: time,
                at_most: None,
                more: Duration::ZERO,
            },
            fault: Fault::default(),
        }
    }

    /// Sets how many sessions at a time have been asked to end and are not gone. A stuck one does
    /// not count. Must be at least 1. Default: as many as in a
    /// [`stop`](crate::SessionSupervisor::stop).
    ///
    /// While others wait for their turn, a session may take its share of the time that is left,
    /// and is killed after that, whatever its shutdown rule: so each is asked before the deadline.
    /// The share is the time until the deadline, divided by the number of rounds that are still to
    /// be made, its own included. It grows when others end sooner. Many sessions with a small
    /// number at a time have small shares: of 20,000 sessions, 20 at a time within 300 s, each may
    /// take 300 ms, also if most of them take none of that. Let the deadline, times this number,
    /// divided by the number of sessions, be longer than the slowest of them needs.
    pub fn at_most(mut self, sessions: usize) -> Self {
        match NonZeroUsize::new(sessions) {
            Some(sessions) => self.order.at_most = Some(sessions),
            None => self.fault.add("at_most", sessions, "must be at least 1"),
        }
        self
    }

    /// Sets how much more time sessions may get that
    /// [ask for it](crate::SessionSupervisor::ask_for_time). Default: none.
    ///
    /// A session gets at most this much beyond the time of its shutdown rule. The drain as a whole
    /// ends at most this long after its deadline, however many sessions ask.
    pub fn extend_up_to(mut self, time: Duration) -> Self {
        self.order.more = time;
        self
    }

    /// What the engine is told, or the first bad value.
    pub(crate) fn check(self) -> Result<DrainOrder, InvalidValue> {
        self.fault.check()?;
        Ok(self.order)
    }
}
