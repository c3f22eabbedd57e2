//! A drain of this node, from its beginning to its report.

use super::Picture;
use crate::engine::drain::{DrainLog, DrainProgress, DrainReport, DrainedShard, ShardOutcome};
use crate::engine::event::EventKind;
use crate::engine::time::BootTime;

impl Picture {
    /// This node drains from now on. A second call changes nothing.
    pub fn drain_begun(&mut self, sessions: usize, now: BootTime, out: &mut Vec<EventKind>) {
        if self.drain.is_some() || self.snapshot.drain.is_some() {
            return;
        }
        self.drain = Some(DrainLog::new(sessions, now));
        let shards = self.snapshot.shards_of(&self.snapshot.node).count();
        self.emit(EventKind::DrainBegun { shards, sessions }, out);
    }

    /// How far the drain is now. The same progress is not told again.
    pub fn drain_progressed(&mut self, progress: DrainProgress, out: &mut Vec<EventKind>) {
        if self.drain.is_some() && self.snapshot.drain != Some(progress) {
            self.emit(EventKind::DrainProgressed(progress), out);
        }
    }

    /// The drain is over; `killed` sessions were killed meanwhile. A shard that this node still owns is
    /// stuck. None: there is no drain, or it was over before.
    pub fn drain_done(
        &mut self,
        killed: u64,
        now: BootTime,
        out: &mut Vec<EventKind>,
    ) -> Option<DrainReport> {
        let mut log = self.drain.take()?;
        let own = self.snapshot.shards_of(&self.snapshot.node);
        for (shard, owner) in own.filter(|(_, owner)| self.is_own(owner)) {
            let frozen = self.frozen(shard);
            log.ended(DrainedShard {
                shard,
                epoch: owner.epoch,
                outcome: ShardOutcome::Stuck,
                took: frozen.map(|frozen| now.since(frozen)).unwrap_or_default(),
            });
        }
        let report = log.report(killed, now);
        self.emit(EventKind::DrainDone(report.summary), out);
        Some(report)
    }
}
