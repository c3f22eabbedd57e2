//! How events are shown as data: an object whose `kind` is the name of the variant, with its values beside
//! it, and its text. And what is a text or a number by itself.

use serde::ser::{Serialize, SerializeMap, Serializer};

use super::event::EventKind;
use super::node::{Incarnation, NodeName};
use super::serial;
use super::time::BootTime;

impl Serialize for NodeName {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

/// As text: it is a number of etcd, which JavaScript could not hold.
impl Serialize for Incarnation {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// As a number of seconds since the machine was started.
impl Serialize for BootTime {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        serial::seconds(&self.since_boot(), to)
    }
}

impl EventKind {
    /// Its stable name, such as `shard_claimed`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NodeJoined { .. } => "node_joined",
            Self::NodeChanged { .. } => "node_changed",
            Self::NodeGone { .. } => "node_gone",
            Self::ShardClaimed { .. } => "shard_claimed",
            Self::ShardRestored { .. } => "shard_restored",
            Self::ShardFrozen { .. } => "shard_frozen",
            Self::ShardReleased { .. } => "shard_released",
            Self::ShardLost { .. } => "shard_lost",
            Self::AuthorityGained { .. } => "authority_gained",
            Self::AuthorityLapsed { .. } => "authority_lapsed",
            Self::AuthorityRegained { .. } => "authority_regained",
            Self::PlannerElected { .. } => "planner_elected",
            Self::PlannerGone { .. } => "planner_gone",
            Self::PlanMade { .. } => "plan_made",
            Self::PeerConnected { .. } => "peer_connected",
            Self::PeerLost { .. } => "peer_lost",
            Self::PeerFailed { .. } => "peer_failed",
            Self::PeerRefused { .. } => "peer_refused",
            Self::DrainBegun { .. } => "drain_begun",
            Self::DrainProgressed(_) => "drain_progressed",
            Self::DrainDone(_) => "drain_done",
            Self::Left => "left",
        }
    }
}

impl Serialize for EventKind {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("kind", self.name())?;
        map.serialize_entry("text", &self.to_string())?;
        match self {
            Self::NodeJoined { node, as_node } | Self::NodeChanged { node, as_node } => {
                map.serialize_entry("node", node)?;
                map.serialize_entry("as_node", as_node)?;
            }
            Self::NodeGone { node, incarnation }
            | Self::PlannerElected { node, incarnation }
            | Self::PeerConnected { node, incarnation } => {
                map.serialize_entry("node", node)?;
                map.serialize_entry("incarnation", incarnation)?;
            }
            Self::ShardClaimed { shard, owner } => {
                map.serialize_entry("shard", shard)?;
                map.serialize_entry("owner", owner)?;
            }
            Self::ShardRestored {
                shard,
                epoch,
                sessions,
            } => {
                map.serialize_entry("shard", shard)?;
                map.serialize_entry("epoch", epoch)?;
                map.serialize_entry("sessions", sessions)?;
            }
            Self::ShardFrozen { shard, epoch } => {
                map.serialize_entry("shard", shard)?;
                map.serialize_entry("epoch", epoch)?;
            }
            Self::ShardReleased { shard, owner, took } => {
                map.serialize_entry("shard", shard)?;
                map.serialize_entry("owner", owner)?;
                map.serialize_entry("took", &took.map(|took| took.as_secs_f64()))?;
            }
            Self::ShardLost { shard, owner, why } => {
                map.serialize_entry("shard", shard)?;
                map.serialize_entry("owner", owner)?;
                map.serialize_entry("why", why)?;
            }
            Self::AuthorityGained { incarnation } => {
                map.serialize_entry("incarnation", incarnation)?;
            }
            Self::AuthorityLapsed { why } => map.serialize_entry("why", why)?,
            Self::AuthorityRegained { incarnation, after } => {
                map.serialize_entry("incarnation", incarnation)?;
                map.serialize_entry("after", &after.as_secs_f64())?;
            }
            Self::PlannerGone { node } => map.serialize_entry("node", node)?,
            Self::PlanMade { moves } => map.serialize_entry("moves", moves)?,
            Self::PeerLost { node, why } | Self::PeerFailed { node, why } => {
                map.serialize_entry("node", node)?;
                map.serialize_entry("why", why)?;
            }
            Self::PeerRefused {
                address,
                why,
                others,
            } => {
                map.serialize_entry("address", address)?;
                map.serialize_entry("why", why)?;
                map.serialize_entry("others", others)?;
            }
            Self::DrainBegun { shards, sessions } => {
                map.serialize_entry("shards", shards)?;
                map.serialize_entry("sessions", sessions)?;
            }
            Self::DrainProgressed(progress) => map.serialize_entry("progress", progress)?,
            Self::DrainDone(summary) => map.serialize_entry("summary", summary)?,
            Self::Left => {}
        }
        map.end()
    }
}
