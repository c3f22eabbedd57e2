//! How far a supervisor is: its root on the one side, its children on the other, in one value.
//!
//! The two move on by themselves: a stop of ours ends the children first and then the root, a kill
//! the root first. Neither ever moves back.

use std::sync::atomic::{AtomicU8, Ordering};

/// How far the root is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum RootStage {
    /// It is in its `pre_start` and reads nothing yet.
    Starting,
    /// Its loop runs.
    Open,
    /// Its loop has ended, for a foreign stop or drain: it reads neither messages nor events. The
    /// engine has been told.
    LoopEnded,
    /// Its task is done, or its start came to nothing.
    Gone,
    /// The engine has been told of that.
    Reported,
}

/// How far the children are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Work {
    /// They are started and restarted.
    Serving,
    /// They are being drained (D30).
    Draining,
    /// They are being stopped.
    Stopping,
    /// All are gone but stuck ones.
    Finished,
}

const ROOT: u8 = 0b0000_0111;
const WORK: u8 = 0b0001_1000;
const WORK_SHIFT: u32 = 3;
/// The log has been told of the start, and not of the end yet.
const ANNOUNCED: u8 = 0b0010_0000;

#[derive(Debug)]
pub(crate) struct Progress(AtomicU8);

impl Progress {
    pub(crate) const fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    pub(crate) fn root(&self) -> RootStage {
        match self.load() & ROOT {
            0 => RootStage::Starting,
            1 => RootStage::Open,
            2 => RootStage::LoopEnded,
            3 => RootStage::Gone,
            _ => RootStage::Reported,
        }
    }

    pub(crate) fn work(&self) -> Work {
        match (self.load() & WORK) >> WORK_SHIFT {
            0 => Work::Serving,
            1 => Work::Draining,
            2 => Work::Stopping,
            _ => Work::Finished,
        }
    }

    /// Whether children can be started: the root is up, and nothing has begun to end it.
    pub(crate) fn is_serving(&self) -> bool {
        self.root() == RootStage::Open && self.work() == Work::Serving
    }

    /// Whether the children are being drained.
    pub(crate) fn is_draining(&self) -> bool {
        self.root() < RootStage::Gone && self.work() == Work::Draining
    }

    /// The root is that far at least.
    pub(crate) fn root_is(&self, stage: RootStage) {
        self.raise(ROOT, stage as u8);
    }

    /// The children are that far at least.
    pub(crate) fn work_is(&self, work: Work) {
        self.raise(WORK, (work as u8) << WORK_SHIFT);
    }

    /// The log is told of the start, and will be of the end.
    pub(crate) fn announce(&self) {
        self.0.fetch_or(ANNOUNCED, Ordering::AcqRel);
    }

    /// Whether the log is to be told of the end; not again after that.
    pub(crate) fn take_announced(&self) -> bool {
        self.0.fetch_and(!ANNOUNCED, Ordering::AcqRel) & ANNOUNCED != 0
    }

    fn load(&self) -> u8 {
        self.0.load(Ordering::Acquire)
    }

    fn raise(&self, field: u8, to: u8) {
        let raised = |now: u8| (now & field < to).then_some(now & !field | to);
        // It is that far already, or further.
        self.0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, raised)
            .ok();
    }
}

#[cfg(test)]
mod tests {
    use super::{Progress, RootStage, Work};

    #[test]
    fn each_side_moves_on_by_itself_and_never_back() {
        let progress = Progress::new();
        assert_eq!(progress.root(), RootStage::Starting);
        assert_eq!(progress.work(), Work::Serving);
        progress.root_is(RootStage::LoopEnded);
        progress.announce();
        progress.work_is(Work::Finished);
        progress.root_is(RootStage::Open);
        progress.work_is(Work::Stopping);
        assert_eq!(progress.root(), RootStage::LoopEnded);
        assert_eq!(progress.work(), Work::Finished);
        progress.root_is(RootStage::Gone);
        assert_eq!(progress.root(), RootStage::Gone);
        progress.root_is(RootStage::Reported);
        progress.work_is(Work::Serving);
        assert_eq!(progress.root(), RootStage::Reported);
        assert_eq!(progress.work(), Work::Finished);
        assert!(progress.take_announced());
        assert!(!progress.take_announced());
    }
}
