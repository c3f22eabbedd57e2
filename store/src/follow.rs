//! The task that follows a supervisor, and writes down which of its sessions have ended for good.
//!
//! It keeps every event until it has read it, so it misses none.

use session_supervisor::{Event, EventKind, Subscription, TryNextError};
use tokio::sync::{mpsc, oneshot};

use crate::engine::Fates;
use crate::journal::Journal;

/// A handle to that task.
#[derive(Clone, Debug)]
pub(crate) struct Follower(mpsc::UnboundedSender<oneshot::Sender<()>>);

impl Follower {
    /// Waits until the task has handled all events so far, or has ended. It ends with the supervisor.
    pub(crate) async fn catch_up(&self) {
        let (done, told) = oneshot::channel();
        if self.0.send(done).is_ok() {
            // An error says that it has ended.
            drop(told.await);
        }
    }
}

impl Follower {
    /// Waits until it has ended.
    pub(crate) async fn ended(&self) {
        self.0.closed().await;
    }
}

/// Begins to follow. The task is to be spawned.
pub(crate) fn follow(
    feed: Subscription,
    journal: Journal,
) -> (Follower, impl Future<Output = ()> + Send + 'static) {
    let (asked, asks) = mpsc::unbounded_channel();
    (Follower(asked), run(feed, journal, asks))
}

async fn run(
    mut feed: Subscription,
    journal: Journal,
    mut asks: mpsc::UnboundedReceiver<oneshot::Sender<()>>,
) {
    let mut fates = Fates::default();
    loop {
        tokio::select! {
            biased;
            event = feed.next() => match event {
                Some(Ok(event)) => happened(&mut fates, &journal, &event),
                Some(Err(lagged)) => tracing::error!("sessions may come back: {lagged}"),
                None => break,
            },
            Some(done) = asks.recv() => {
                loop {
                    match feed.try_next() {
                        Ok(event) => happened(&mut fates, &journal, &event),
                        Err(TryNextError::Lagged(lagged)) => {
                            tracing::error!("sessions may come back: {lagged}");
                        }
                        Err(_) => break,
                    }
                }
                let _gone = done.send(());
            }
        }
    }
    journal.all_ended();
    // Told by its end: all that has ended is known.
    drop(asks);
}

fn happened(fates: &mut Fates, journal: &Journal, event: &Event) {
    match (event.tag, &event.id, &event.kind) {
        (_, _, EventKind::SupervisorStopping(_)) => fates.stopping(),
        (Some(tag), Some(id), kind) if event.role.is_none() => {
            if let Some(end) = fates.happened(tag.get(), id, kind) {
                journal.ended(tag.get(), id, end);
            }
        }
        _ => {}
    }
}
