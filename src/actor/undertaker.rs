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
use super::log::Line;
use super::plan::Reply;
use super::shared::{Outcome, Shared};
use crate::engine::{Input, KILL_BOUND, Moment};

/// So often a timer that is due gives way to others. tokio polls some sixty tasks between two turns of one
/// that yields, if so many are ready, so a batch of a stop has its turns several times over. With nothing
/// else to do all of them together take less than a tenth of a millisecond.
const TURNS: u32 = 64;

/// Sees a supervisor to its end. What is to be done then is held from now on, not from the first poll:
/// a runtime that is shut down drops a task that has not had its turn.
pub(super) fn undertake(shared: Arc<Shared>) -> impl Future<Output = ()> + Send + 'static {
    let end = End(shared);
    async move {
        until_all_is_over(&end.0).await;
        end.tell();
        // Whoever sees the whole end, which may be the program's, finds its last lines written. Those of a
        // tree within it are written by then too.
        if end.0.nest.is_none() {
            end.0.lines.written().await;
        }
    }
}

async fn until_all_is_over(shared: &Arc<Shared>) {
    let mut told = false;
    let (mut due, mut turns) = (None, 0);
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
        if armed != due {
            (due, turns) = (armed, 0);
        }
        tokio::select! {
            biased;
            // Else this is only about the timer or the root's end. The root's bell is the root's: it reads
            // the exits that came before it first.
            () = shared.bell.notified() => if !shared.root_listens() {
                shared.hear_for_the_root();
                shared.others_first().await;
            },
            () = timer(shared, armed, &mut turns) => shared.tick(),
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

/// Returns when the timer is due, and what was ready to run by then has had its turns, of which so many have
/// been given already. Where the machine is busy, time passes without them, and a session would be killed,
/// or called stuck, for what it had no chance to do.
async fn timer(shared: &Shared, armed: Option<Moment>, turns: &mut u32) {
    match armed {
        Some(at) => shared.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
    while *turns < TURNS {
        tokio::task::yield_now().await;
        *turns += 1;
    }
}

/// The end of a supervisor, also when its runtime is shut down: nobody is left waiting.
struct End(Arc<Shared>);

impl End {
    /// Tells the log, once.
    fn tell(&self) {
        let shared = &self.0;
        let report = |driver: &Driver| Some(driver.ended.as_ref()?.report);
        let report = report(&shared.lock_driver());
        if let Some(report) = report
            && shared.take_announced()
        {
            let line = Line::Stopped(Arc::clone(&shared.speaker), report);
            drop(shared.lines.push(line));
            shared.lines.write();
        }
    }
}

impl Drop for End {
    fn drop(&mut self) {
        self.tell();
        let shared = &self.0;
        directory::remove(shared);
        let mut leftovers = Leftovers::of(shared);
        for item in shared.inbox.close() {
            leftovers.discard_item(item);
        }
        // What the engine still holds (zombies; everything, if the runtime is shut down) is handed over
        // here, so that nobody waits for an answer that cannot come.
        let ended = shared.lock_driver().end(&mut leftovers);
        shared.over(ended.as_ref().map(|Ended { report, cause, .. }| Outcome {
            report: *report,
            cause: *cause,
        }));
        shared.undertaken();
        if let Some(ended) = ended {
            for ticket in ended.tickets {
                leftovers.answer(ticket, Reply::Report(ended.report));
            }
        }
        leftovers.settle(shared);
    }
}
