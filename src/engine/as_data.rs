//! How events and decisions are shown as data: an object whose `kind` is the name of the variant,
//! with its values beside it, and its text. For the feature `serde` alone.

use std::time::Duration;

use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::decision::Decision;
use super::end::EndReason;
use super::event::EventKind;
use super::expiry::Expiry;
use super::limit::Limit;
use super::serial;
use super::stats::Histogram;
use super::stop::Kill;

/// A duration, as a number of seconds.
struct Seconds(Duration);

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serial::seconds(&self.0, to)
    }
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(Some(2))?;
        map.serialize_entry("max", &self.max())?;
        map.serialize_entry("window", &Seconds(self.window()))?;
        map.end()
    }
}

/// What its methods answer.
impl Serialize for Histogram {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let bounds: Vec<_> = self.bounds().iter().copied().map(Seconds).collect();
        let mut map = to.serialize_map(Some(4))?;
        map.serialize_entry("count", &self.count())?;
        map.serialize_entry("sum", &Seconds(self.sum()))?;
        map.serialize_entry("bounds", &bounds)?;
        map.serialize_entry("buckets", self.buckets())?;
        map.end()
    }
}

impl Serialize for Kill {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        match self {
            Self::ByRule => map.serialize_entry("kind", "by_rule")?,
            Self::Grace(grace) => {
                map.serialize_entry("kind", "grace")?;
                map.serialize_entry("grace", &Seconds(*grace))?;
            }
            Self::Deadline => map.serialize_entry("kind", "deadline")?,
            Self::Turn => map.serialize_entry("kind", "turn")?,
        }
        map.end()
    }
}

impl Serialize for Expiry {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        match self {
            Self::Idle(timeout) => {
                map.serialize_entry("kind", "idle")?;
                map.serialize_entry("timeout", &Seconds(*timeout))?;
            }
            Self::Lifetime(longest) => {
                map.serialize_entry("kind", "lifetime")?;
                map.serialize_entry("longest", &Seconds(*longest))?;
            }
        }
        map.end()
    }
}

impl Serialize for EndReason {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("kind", self.name())?;
        map.serialize_entry("text", &self.to_string())?;
        match self {
            Self::Expired(expiry) => map.serialize_entry("expiry", expiry)?,
            Self::Supervisor(cause) => map.serialize_entry("cause", cause)?,
            Self::Limit(limit) | Self::TotalLimit(limit) => {
                map.serialize_entry("limit", limit)?;
            }
            Self::Itself | Self::Requested | Self::Discarded | Self::NotStarted => {}
        }
        map.end()
    }
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("kind", self.name())?;
        map.serialize_entry("text", &self.to_string())?;
        match self {
            Self::Forget | Self::Nothing | Self::WithOthers | Self::RestartByHand => {}
            Self::Restart {
                after,
                restarts,
                budget_left,
                limit,
            } => {
                map.serialize_entry("after", &Seconds(*after))?;
                map.serialize_entry("restarts", restarts)?;
                map.serialize_entry("budget_left", budget_left)?;
                map.serialize_entry("limit", limit)?;
            }
            Self::RestartWithOthers {
                after,
                restarts,
                budget_left,
                limit,
                others,
            } => {
                map.serialize_entry("after", &Seconds(*after))?;
                map.serialize_entry("restarts", restarts)?;
                map.serialize_entry("budget_left", budget_left)?;
                map.serialize_entry("limit", limit)?;
                map.serialize_entry("others", others)?;
            }
            Self::Undecided(pending) => map.serialize_entry("pending", pending)?,
            Self::Park { until, limit } => {
                map.serialize_entry("until", &until.map(Seconds))?;
                map.serialize_entry("limit", limit)?;
            }
            Self::Remove(limit) | Self::Escalate(limit) | Self::EscalateAll(limit) => {
                map.serialize_entry("limit", limit)?;
            }
        }
        map.end()
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("kind", self.name())?;
        map.serialize_entry("severity", &self.severity())?;
        map.serialize_entry("text", &self.to_string())?;
        match self {
            Self::Queued { state } | Self::LaunchCancelled { state } => {
                map.serialize_entry("state", state)?;
            }
            Self::Launching { attempt, state } => {
                map.serialize_entry("attempt", attempt)?;
                map.serialize_entry("state", state)?;
            }
            Self::Started { took } => map.serialize_entry("took", &Seconds(*took))?,
            Self::StartFailed { failure } => map.serialize_entry("failure", failure)?,
            Self::ClaimTaken { claim, holder } => {
                map.serialize_entry("claim", claim)?;
                map.serialize_entry("holder", holder)?;
            }
            Self::StartTimedOut { timeout } => {
                map.serialize_entry("timeout", &Seconds(*timeout))?;
            }
            Self::Exited {
                cause,
                asked,
                uptime,
                decision,
            } => {
                map.serialize_entry("cause", cause)?;
                map.serialize_entry("asked", asked)?;
                map.serialize_entry("uptime", &Seconds(*uptime))?;
                map.serialize_entry("decision", decision)?;
            }
            Self::RestartFailed { failure, decision } => {
                map.serialize_entry("failure", failure)?;
                map.serialize_entry("decision", decision)?;
            }
            Self::Decided(decision) => map.serialize_entry("decision", decision)?,
            Self::Expired(expiry) => map.serialize_entry("expiry", expiry)?,
            Self::MoreTime(time) => map.serialize_entry("time", &Seconds(*time))?,
            Self::Killing(kill) => map.serialize_entry("kill", kill)?,
            Self::Gone(why) => map.serialize_entry("why", why)?,
            Self::SupervisorStopping(cause) => map.serialize_entry("cause", cause)?,
            Self::SupervisorStopped { report } => map.serialize_entry("report", report)?,
            Self::Withdrawn | Self::Discarded | Self::Stopping | Self::Stuck | Self::StuckEnded => {
            }
        }
        map.end()
    }
}
