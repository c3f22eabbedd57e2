//! What a node that drains is told, and what it tells: how far it is, and what became of each shard.
//! How it drains is decided in `handover::draining`.

use std::fmt;
use std::num::NonZeroUsize;
use std::time::Duration;

use serde::Serialize;

use super::shard::{Epoch, Shard};
use super::time::BootTime;

/// How a node is to drain. The default has no deadline, and as many shards at a time as in any hand-over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct DrainOrder {
    /// When what is left of its sessions is killed.
    pub until: Option<BootTime>,
    /// How many shards may be on their way at once.
    pub at_most: Option<NonZeroUsize>,
}

impl DrainOrder {
    /// Both at once: the earlier deadline and the smaller number.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        Self {
            until: least(self.until, other.until),
            at_most: least(self.at_most, other.at_most),
        }
    }
}

/// Whether a drain is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "there are these three")]
pub enum DrainStage {
    /// It goes on.
    Open,
    /// The node has nothing any more.
    Done,
    /// Its deadline has passed for so long that what is left cannot end.
    Stuck,
}

/// How far a node is that drains. The first number is the sum of the next four.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DrainProgress {
    /// The shards that the node had when the drain began, or was about to have.
    pub shards: usize,
    /// Those that wait for their turn. Their sessions serve their callers; no new one is started.
    pub waiting: usize,
    /// Those of which sessions are ending, or what they have saved is being written.
    pub ending: usize,
    /// Those of which nothing runs any more, and etcd has not answered yet.
    pub releasing: usize,
    /// Those that the node has no more.
    pub ended: usize,
    /// Those of [`ending`](Self::ending) with sessions that were killed and do not end.
    pub stuck: usize,
    /// How many sessions there are on the node.
    pub sessions: usize,
}

impl fmt::Display for DrainProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            shards,
            waiting,
            ending,
            releasing,
            ended,
            stuck,
            sessions,
        } = self;
        write!(
            f,
            "{ended} of {shards} shards are handed over, {ending} end their sessions, \
             {releasing} wait for etcd, {waiting} wait for their turn; {sessions} sessions are left"
        )?;
        match stuck {
            0 => Ok(()),
            stuck => write!(f, "; {stuck} shards have sessions that do not end"),
        }
    }
}

/// What became of a shard of a node that drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ShardOutcome {
    /// It was given up in order: what its sessions have saved is written.
    HandedOver,
    /// It was lost with the lease, or its key was taken from the node.
    Lost,
    /// Its sessions were killed and do not end. The node keeps it as long as it lives and they do not.
    Stuck,
}

/// What became of one shard of a node that drained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DrainedShard {
    /// The shard.
    pub shard: Shard,
    /// Since when the node owned it.
    pub epoch: Epoch,
    /// What became of it.
    pub outcome: ShardOutcome,
    /// How long its end took from its turn on. Zero if its turn never came.
    #[serde(serialize_with = "super::serial::seconds")]
    pub took: Duration,
}

/// What became of a node that drained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DrainReport {
    /// Each shard that the node owned, in the order of their ends; the stuck ones last.
    pub shards: Vec<DrainedShard>,
    /// The same in numbers.
    pub summary: DrainSummary,
}

/// What became of a node that drained, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct DrainSummary {
    /// Shards that were handed over in order.
    pub handed_over: usize,
    /// Shards that were lost.
    pub lost: usize,
    /// Shards that the node still has.
    pub stuck: usize,
    /// Sessions that there were when the drain began.
    pub sessions: usize,
    /// Sessions that were killed meanwhile, whatever killed them.
    pub killed: u64,
    /// How long the drain took.
    #[serde(serialize_with = "super::serial::seconds")]
    pub took: Duration,
}

impl fmt::Display for DrainSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            handed_over,
            lost,
            stuck,
            sessions,
            killed,
            took,
        } = self;
        write!(
            f,
            "{handed_over} shards are handed over, {lost} lost, {stuck} stuck, \
             of {sessions} sessions {killed} were killed, in {took:.1?}"
        )
    }
}

/// What has become of the shards so far.
#[derive(Clone, Debug)]
pub(super) struct DrainLog {
    begun: BootTime,
    sessions: usize,
    ends: Vec<DrainedShard>,
}

impl DrainLog {
    pub(super) const fn new(sessions: usize, now: BootTime) -> Self {
        Self {
            begun: now,
            sessions,
            ends: Vec::new(),
        }
    }

    pub(super) fn ended(&mut self, shard: DrainedShard) {
        self.ends.push(shard);
    }

    /// The report. `killed` sessions were killed meanwhile.
    pub(super) fn report(self, killed: u64, now: BootTime) -> DrainReport {
        let count = |outcome| {
            let these = self.ends.iter().filter(|end| end.outcome == outcome);
            these.count()
        };
        let summary = DrainSummary {
            handed_over: count(ShardOutcome::HandedOver),
            lost: count(ShardOutcome::Lost),
            stuck: count(ShardOutcome::Stuck),
            sessions: self.sessions,
            killed,
            took: now.since(self.begun),
        };
        DrainReport {
            shards: self.ends,
            summary,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::time::Duration;

    use super::DrainOrder;
    use crate::engine::time::BootTime;

    #[test]
    fn two_orders_are_the_earlier_deadline_and_the_smaller_number() {
        let order = |seconds: Option<u64>, at_most: Option<usize>| DrainOrder {
            until: seconds.map(|seconds| BootTime::new(Duration::from_secs(seconds))),
            at_most: at_most.and_then(NonZeroUsize::new),
        };
        let joined = order(Some(5), None).join(order(Some(3), Some(2)));
        assert_eq!(joined, order(Some(3), Some(2)));
        let joined = order(None, Some(1)).join(order(Some(3), Some(2)));
        assert_eq!(joined, order(Some(3), Some(1)));
        assert_eq!(
            DrainOrder::default().join(order(None, None)),
            order(None, None)
        );
    }
}
