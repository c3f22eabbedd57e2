//! For how long a node may act on what it owns, by its own clock.
//!
//! etcd counts the TTL of a lease from the arrival of a renewal, this node from the moment at which it
//! sent that renewal, which is earlier. So the node's authority is over before the lease is, unless its
//! clock runs slower than etcd's by more than the margin.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::time::BootTime;

/// The time to live of a lease: whole seconds, since etcd counts no less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(Duration);

/// A time that cannot be that of a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidTtl {
    /// The time.
    pub ttl: Duration,
}

impl fmt::Display for InvalidTtl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (least, most) = (Ttl::LEAST, Ttl::MOST);
        write!(
            f,
            "a lease of {:?}: it must be {least} to {most} whole seconds",
            self.ttl
        )
    }
}

impl Error for InvalidTtl {}

impl Default for Ttl {
    fn default() -> Self {
        Self(Duration::from_secs(10))
    }
}

impl Ttl {
    /// In seconds. etcd itself grants no less by default.
    pub const LEAST: u64 = 2;
    /// In seconds.
    pub const MOST: u64 = 600;

    /// A lease of this length.
    ///
    /// # Errors
    ///
    /// If it is not [`LEAST`](Self::LEAST) to [`MOST`](Self::MOST) whole seconds.
    pub const fn new(ttl: Duration) -> Result<Self, InvalidTtl> {
        let seconds = ttl.as_secs();
        if ttl.subsec_nanos() == 0 && seconds >= Self::LEAST && seconds <= Self::MOST {
            Ok(Self(ttl))
        } else {
            Err(InvalidTtl { ttl })
        }
    }

    /// Its length.
    #[must_use]
    pub const fn length(self) -> Duration {
        self.0
    }

    /// How long after it sent a renewal a node admits work: two thirds.
    fn serving(self) -> Duration {
        self.0 * 2 / 3
    }

    /// What is left of the lease when the last session is killed: a twelfth.
    fn margin(self) -> Duration {
        self.0 / 12
    }
}

/// The authority that comes with one lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Authority {
    ttl: Ttl,
    /// When the latest renewal was sent that etcd has confirmed.
    sent: BootTime,
}

/// What a node may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[expect(
    clippy::exhaustive_enums,
    reason = "another standing must be handled by all that ask for it"
)]
pub enum Standing {
    /// It admits starts and messages.
    Serving,
    /// It admits nothing, and stops its sessions in order.
    Ending {
        /// When it kills what is left.
        kill_at: BootTime,
    },
    /// It kills what is left.
    Over,
}

/// What a confirmed renewal has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
#[expect(
    clippy::exhaustive_enums,
    reason = "there are these three: later, not later, too late"
)]
pub enum Renewal {
    /// The node serves longer than before.
    Taken,
    /// A later one has been confirmed already.
    Old,
    /// The node has stopped serving under this lease, and does not begin again.
    TooLate,
}

impl Authority {
    /// The authority of a lease that was asked for at that moment, and has been granted.
    #[must_use]
    pub const fn granted(ttl: Ttl, sent: BootTime) -> Self {
        Self { ttl, sent }
    }

    /// etcd has confirmed a renewal that was sent at that moment.
    pub fn renewed(&mut self, sent: BootTime, now: BootTime) -> Renewal {
        if self.standing(now) != Standing::Serving {
            return Renewal::TooLate;
        }
        // A renewal cannot have been sent later than now.
        let sent = sent.min(now);
        if sent <= self.sent {
            return Renewal::Old;
        }
        self.sent = sent;
        Renewal::Taken
    }

    /// What the node may do.
    #[must_use]
    pub fn standing(&self, now: BootTime) -> Standing {
        if now < self.serves_until() {
            Standing::Serving
        } else if now < self.kill_at() {
            Standing::Ending {
                kill_at: self.kill_at(),
            }
        } else {
            Standing::Over
        }
    }

    /// From when on it admits nothing, unless it is renewed.
    #[must_use]
    pub fn serves_until(&self) -> BootTime {
        self.sent.after(self.ttl.serving())
    }

    /// From when on it kills what is left, unless it is renewed.
    #[must_use]
    pub fn kill_at(&self) -> BootTime {
        self.sent
            .after(self.ttl.length().saturating_sub(self.ttl.margin()))
    }

    /// From when on the lease may have expired, and another node may own what this one did.
    #[must_use]
    pub fn over_at(&self) -> BootTime {
        self.sent.after(self.ttl.length())
    }

    /// How long ago the latest renewal was sent that etcd has confirmed.
    #[must_use]
    pub fn age(&self, now: BootTime) -> Duration {
        now.since(self.sent)
    }

    /// Its lease's time to live.
    #[must_use]
    pub const fn ttl(&self) -> Ttl {
        self.ttl
    }
}

#[cfg(test)]
mod tests {
    use super::{Authority, InvalidTtl, Renewal, Standing, Ttl};
    use crate::engine::time::BootTime;
    use std::time::Duration;

    const fn at(ms: u64) -> BootTime {
        BootTime::new(Duration::from_millis(ms))
    }

    fn granted() -> Authority {
        Authority::granted(Ttl::new(Duration::from_secs(12)).unwrap(), at(1_000))
    }

    #[test]
    fn it_serves_two_thirds_and_ends_a_twelfth_before_the_lease() {
        let authority = granted();
        let kill_at = at(12_000);
        assert_eq!(authority.standing(at(0)), Standing::Serving);
        assert_eq!(authority.standing(at(8_999)), Standing::Serving);
        assert_eq!(authority.standing(at(9_000)), Standing::Ending { kill_at });
        assert_eq!(authority.standing(at(11_999)), Standing::Ending { kill_at });
        assert_eq!(authority.standing(kill_at), Standing::Over);
        assert_eq!(authority.serves_until(), at(9_000));
        assert_eq!(authority.kill_at(), kill_at);
        assert_eq!(authority.over_at(), at(13_000));
    }

    #[test]
    fn a_renewal_counts_from_the_moment_at_which_it_was_sent() {
        let mut authority = granted();
        assert_eq!(authority.renewed(at(3_000), at(8_000)), Renewal::Taken);
        assert_eq!(authority.serves_until(), at(11_000));
    }

    #[test]
    fn a_renewal_never_goes_back() {
        let mut authority = granted();
        assert_eq!(authority.renewed(at(3_000), at(3_100)), Renewal::Taken);
        assert_eq!(authority.renewed(at(2_000), at(3_200)), Renewal::Old);
        assert_eq!(authority.renewed(at(3_000), at(3_200)), Renewal::Old);
        assert_eq!(authority.serves_until(), at(11_000));
    }

    #[test]
    fn a_renewal_from_the_future_counts_from_now() {
        let mut authority = granted();
        assert_eq!(authority.renewed(at(60_000), at(2_000)), Renewal::Taken);
        assert_eq!(authority.serves_until(), at(10_000));
    }

    #[test]
    fn once_it_has_stopped_serving_no_renewal_is_taken() {
        let mut authority = granted();
        assert_eq!(authority.renewed(at(8_000), at(9_000)), Renewal::TooLate);
        assert_eq!(authority, granted());
    }

    #[test]
    fn a_lease_has_2_to_600_whole_seconds() {
        for ttl in [0, 1_000, 1_999, 2_500, 601_000].map(Duration::from_millis) {
            assert_eq!(Ttl::new(ttl), Err(InvalidTtl { ttl }));
        }
        for ttl in [2, 10, 600].map(Duration::from_secs) {
            assert_eq!(Ttl::new(ttl).unwrap().length(), ttl);
        }
        let error = Ttl::new(Duration::from_millis(2_500)).unwrap_err();
        let text = "a lease of 2.5s: it must be 2 to 600 whole seconds";
        assert_eq!(error.to_string(), text);
    }
}
