//! One task per supervisor that outlives the root: it keeps the one timer, drives when the root's
//! loop does not, and finishes every ending.
//!
//! Whatever ends the root, the sessions' ends come here in one path: after a foreign kill the engine
//! is told that the root is gone and kills what is left; when all is gone, whoever waits is answered.
//!
//! Absent on purpose: waiting for zombies. They are reported, and end when their code does. Those of a
//! child supervisor keep its launch held until then.

use std::future::Future;
use std::sync::Arc;

use super::directory;
use super::drive::{Driver, Ended};
use super::inbox::Stage;
use super::leftovers::Leftovers;
use super::log;
use super::plan::Reply;
use super::shared::{Outcome, Shared};
use super::unwind::drop_guarded;
use crate::engine::{Input, KILL_BOUND, Moment};

/// Sees a supervisor to its end. What is to be done then is held from now on, not from the first poll:
/// a runtime that is shut down drops a task that has not had its turn.
pub(super) fn undertake(shared: Arc<Shared>) -> impl Future<Output = ()> + Send + 'static {
    let end = End(shared);
    async move { until_all_is_over(&end.0).await }
}

async fn until_all_is_over(shared: &Arc<Shared>) {
    let mut told = false;
    loop {
        if shared.is_root_gone() && !told {
            told = true;
            shared.inbox.enter(Stage::RootGone);
            shared.report(Input::RootGone);
            // A bell that was rung for the root is ours now.
            shared.hear_for_the_root();
        }
        if told && shared.is_finished() {
            return all_dropped(shared).await;
        }
        let armed = shared.lock_driver().armed();
        tokio::select! {
            biased;
            // Else this is only about the timer or the root's end. The root's bell is the root's: it reads
            // the exits that came before it first.
            () = shared.bell.notified() => if !shared.root_listens() {
                shared.hear_for_the_root();
                shared.others_first().await;
            },
            () = timer(shared, armed) => shared.tick(),
        }
    }
}

/// Waits for the states of killed children that lay in the root's events, since a parent may start the
/// next incarnation as soon as this one is over. One that is stuck does not keep it for long.
async fn all_dropped(shared: &Shared) {
    let ended = |driver: &Driver| Some(driver.ended.as_ref()?.report.zombies);
    let zombies = ended(&shared.lock_driver()).unwrap_or(0);
    drop(tokio::time::timeout(KILL_BOUND, shared.launches_gone(zombies)).await);
}

async fn timer(shared: &Shared, armed: Option<Moment>) {
    match armed {
        Some(at) => shared.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The end of a supervisor, also when its runtime is shut down: nobody is left waiting.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        let shared = &self.0;
        directory::remove(shared);
        for item in shared.inbox.close() {
            drop_guarded(item);
        }
        // What the engine still holds (zombies; everything, if the runtime is shut down) is dropped
        // here, so that nobody waits for an answer that cannot come.
        let mut leftovers = Leftovers::of(shared);
        let (machine, ended) = shared.lock_driver().end(&mut leftovers);
        leftovers.settle(shared);
        drop_guarded(machine);
        if let Some(ended) = &ended
            && shared.is_announced()
        {
            log::stopped(shared, &ended.report);
        }
        shared.over(ended.as_ref().map(|Ended { report, cause, .. }| Outcome {
            report: *report,
            cause: *cause,
        }));
        shared.undertaken();
        if let Some(ended) = ended {
            for ticket in ended.tickets {
                ticket.answer(Reply::Report(ended.report));
            }
        }
    }
}
