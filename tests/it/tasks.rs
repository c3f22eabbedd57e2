//! D31: futures that are supervised as actors are.
//!
//! The sentences that begin a test are those of the documentation.

mod ends;
mod linked;
mod places;
mod signal;
mod stops;
mod stuck;
mod wakeups;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ractor::ActorProcessingErr;
use session_supervisor::{Backoff, ChildSpec, StartContext, StopSignal, Task};
use tokio::sync::watch;

const SECOND: Duration = Duration::from_secs(1);

pub(crate) type Outcome = Result<(), ActorProcessingErr>;

/// Counts the futures of one id.
#[derive(Clone, Debug)]
pub(crate) struct Track(Arc<watch::Sender<Lives>>);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lives {
    pub(crate) made: usize,
    pub(crate) alive: usize,
    /// How many were alive at once, at most.
    pub(crate) most: usize,
}

impl Track {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Lives::default())))
    }

    pub(crate) fn lives(&self) -> Lives {
        *self.0.borrow()
    }

    /// What a future is to hold.
    pub(crate) fn begin(&self) -> Life {
        self.0.send_modify(|lives| {
            lives.made += 1;
            lives.alive += 1;
            lives.most = lives.most.max(lives.alive);
        });
        Life(self.clone())
    }

    /// Waits until it is as wished, woken by its changes.
    pub(crate) async fn until(&self, wish: impl FnMut(&Lives) -> bool) -> Lives {
        let mut changes = self.0.subscribe();
        let waiting = changes.wait_for(wish);
        match tokio::time::timeout(60 * SECOND, waiting).await {
            Ok(lives) => *lives.expect("this track sends"),
            Err(_) => panic!("never came true: {:?}", self.lives()),
        }
    }

    pub(crate) async fn made(&self, so_many: usize) {
        self.until(|lives| lives.made == so_many).await;
    }

    /// A task whose futures are counted, without pauses between them.
    pub(crate) fn task<F, Fut>(&self, run: F) -> ChildSpec<Task>
    where
        F: Fn(StartContext, StopSignal) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let spec = ChildSpec::task_with(self.clone(), move |track, start, stop| {
            let life = track.begin();
            let run = run(start, stop);
            async move {
                let _life = life;
                run.await
            }
        });
        spec.backoff(Backoff::none())
    }

    /// A task that does nothing until it is asked to stop.
    pub(crate) fn waits(&self) -> ChildSpec<Task> {
        self.task(|_, stop| async move {
            stop.requested().await;
            Ok(())
        })
    }

    /// A task that never ends by itself and never looks at its signal.
    pub(crate) fn ignores(&self) -> ChildSpec<Task> {
        self.task(|_, _| std::future::pending())
    }
}

/// A future that has not been dropped.
#[derive(Debug)]
pub(crate) struct Life(Track);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.0.send_modify(|lives| lives.alive -= 1);
    }
}
