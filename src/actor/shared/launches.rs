//! The launches of a supervisor: the tasks that wait for the next one, and how many there are of
//! which something is left, where a parent waits for that.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Launch, Naming, RootArguments, Shared};
use crate::actor::launch_pool::LaunchPool;
use crate::actor::life::Hold;

/// At most so many launch tasks of a session supervisor wait for the next launch, of a session or of a
/// child in a session's tree: as many as a thread makes launches in one drive. There are never more than
/// there were launches at once, and each takes 1.7 KB until the supervisor ends.
const IDLE_LAUNCH_TASKS: usize = 64;

/// The launch tasks that wait. A static supervisor has none of its own, since there may be one for
/// each session: its children are launched by those of its parent.
pub(super) fn pool_of(arguments: &RootArguments) -> Arc<LaunchPool<Launch>> {
    match (arguments.naming, &arguments.parent_link) {
        (Naming::Sessions, _) => Arc::new(LaunchPool::new(IDLE_LAUNCH_TASKS)),
        (_, Some(parent_link)) => Arc::clone(&parent_link.parent.launch_pool),
        (_, None) => Arc::new(LaunchPool::new(0)),
    }
}

/// Whether a supervisor counts its launches of which something is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counting {
    /// A parent waits for all of them: it may start the next incarnation as soon as this one is
    /// over.
    On,
    Off,
}

impl Shared {
    /// No launch task waits any more, unless it is a parent's.
    pub(in crate::actor) fn end_pool(&self) {
        if self.has_sessions() {
            self.launch_pool.close();
        }
    }

    /// Something of a launch will be left until [`launch_gone`](Self::launch_gone).
    pub(in crate::actor) fn launch_made(&self) {
        if self.counting == Counting::On {
            self.launches.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// Nothing of a launch is left, or the driver task is done. The last of these calls releases
    /// the supervisor's own launch.
    pub(in crate::actor) fn launch_gone(&self) {
        if self.counting == Counting::Off {
            return;
        }
        if self.launches.fetch_sub(1, Ordering::AcqRel) == 1
            && let Some(parent_link) = &self.parent_link
        {
            parent_link.parent.release(&parent_link.life, Hold::Tree);
        }
        self.launches_wake.notify_one();
    }

    /// The driver task is done. What is left of the launches now is stuck.
    pub(in crate::actor) fn driver_done(&self) {
        let stuck = self.launches.load(Ordering::Acquire) > 1;
        if stuck
            && let Some(parent_link) = &self.parent_link
            && !parent_link.life.mark_outlived()
        {
            parent_link.parent.outlived(&parent_link.life);
        }
        self.launch_gone();
    }

    /// Returns when something is left of so many launches at most. For one waiter.
    pub(in crate::actor) async fn launches_gone(&self, but: usize) {
        while self.launches.load(Ordering::Acquire) > but + 1 {
            self.launches_wake.notified().await;
        }
    }
}
