//! One task per supervisor that outlives the root: it keeps the one timer, takes over what a drive
//! has left, and finishes every ending.
//!
//! Whatever ends the root, the ends of the sessions take one path through this task. After a
//! foreign kill the engine is told that the root is gone, and kills what is left. When all is gone,
//! the callers that wait are answered.
//!
//! It does not wait for stuck children. They are reported, and end when their code does. Those of a
//! child supervisor keep its launch held until then.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::directory;
use super::driver::{Alarm, Ended};
use super::log::Line;
use super::outbox::Outbox;
use super::progress::{Progress, RootStage, Work};
use super::shared::{Driver, Item, Shared};
use super::turns::turns;
use crate::engine::{Caller, DrainAnswer, Input, KILL_BOUND, Moment};

/// How long a timer that is due waits for the drops that were asked for by then. They run on
/// threads of their own.
const DROPS: Duration = Duration::from_millis(100);

/// How often a timer that is due yields to other tasks, before and after those drops. tokio polls
/// some sixty tasks between two turns of one that yields, if so many are ready. So a batch of a
/// stop has its turns several times over. On an idle machine all of them together take a tenth of a
/// millisecond.
const TURNS: u32 = 64;

/// If the worker is blocked that keeps the task meanwhile, what is left of so many turns is given up after
/// that time. They take far less on a machine that is only busy.
const SOME: u32 = 8;
const TURNS_BOUND: Duration = Duration::from_millis(20);

/// Sees a supervisor to its end. What is to be done then is held from now on, not from the first
/// poll: a runtime that is shut down drops a task that has not had its turn.
pub(super) fn run(shared: Arc<Shared>) -> impl Future<Output = ()> + Send + 'static {
    let end = End(shared);
    async move {
        until_all_is_over(&end.0).await;
        end.tell();
        // A caller that sees this end, which may be the program's, finds its last lines written.
        // Those of a tree within it are written by then too.
        if end.0.parent_link.is_none() {
            end.0.lines.written().await;
        }
    }
}

async fn until_all_is_over(shared: &Arc<Shared>) {
    serve_until(shared, |progress| progress.root() >= RootStage::Gone).await;
    shared.report(Input::RootGone);
    // In this order: the report of a session that ractor has killed with the root comes after it.
    shared.progress.root_is(RootStage::Reported);
    shared.go_on(shared.inbox.pass_all());
    serve_until(shared, |progress| progress.work() >= Work::Finished).await;
    all_dropped(shared).await;
}

/// Keeps the timer and drives what is handed over, until the supervisor is that far. The timer
/// comes first: however much is handed over, a deadline waits for no more than a share of it in each of
/// its own turns.
async fn serve_until(shared: &Arc<Shared>, is_there: impl Fn(&Progress) -> bool) {
    let mut due = None;
    let mut waiting = pin!(timer(shared, due));
    while !is_there(&shared.progress) {
        let armed = shared.lock_driver().armed();
        if armed != due {
            due = armed;
            waiting.set(timer(shared, due));
        }
        tokio::select! {
            biased;
            alarm = waiting.as_mut() => {
                due = None;
                waiting.set(timer(shared, due));
                if alarm == Alarm::Due {
                    shared.tick();
                }
            }
            () = shared.wake.notified() => take_over(shared).await,
        }
    }
}

/// Drives what another drive has left. If there is more than one drive does, others have their
/// turns first: a caller that was answered may wait in the slot of this thread that no other thread
/// takes from, and tokio would go on with this task.
async fn take_over(shared: &Arc<Shared>) {
    shared.take_over();
    if shared.inbox.is_handed_over() {
        turns(1, TURNS_BOUND).await;
    }
}

/// Waits for the states of killed children that are still to be dropped, since a parent may start
/// the next incarnation as soon as this one is over. One that is stuck does not keep it for long.
async fn all_dropped(shared: &Shared) {
    let ended = |driver: &Driver| Some(driver.ended.as_ref()?.report.stuck);
    let stuck = ended(&shared.lock_driver()).unwrap_or(0);
    drop(timeout(KILL_BOUND, shared.launches_gone(stuck)).await);
}

/// Returns when the timer is due, and what was ready to run by then has had its turns. Where the
/// machine is busy, time passes without them, and a session would be killed, or called stuck, for
/// what it had no chance to do.
async fn timer(shared: &Shared, armed: Option<Moment>) -> Alarm {
    match armed {
        Some(at) => shared.clock.sleep_until(at).await,
        None => std::future::pending().await,
    }
    let alarm = shared.lock_driver().alarm(shared.clock.now());
    if alarm == Alarm::Due {
        all_turns().await;
        shared.drops.caught_up(DROPS).await;
        all_turns().await;
    }
    alarm
}

async fn all_turns() {
    for _ in 0..TURNS / SOME {
        turns(SOME, TURNS_BOUND).await;
    }
}

/// The end of a supervisor, also when its runtime is shut down: no caller is left waiting.
struct End(Arc<Shared>);

impl End {
    /// Tells the log, once.
    fn tell(&self) {
        let shared = &self.0;
        let report = |driver: &Driver| Some(driver.ended.as_ref()?.report);
        let report = report(&shared.lock_driver());
        if let Some(report) = report
            && shared.progress.take_announced()
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
        shared.end_pool();
        let mut outbox = Outbox::of(shared);
        let (mut late, mut late_drains) = (Vec::new(), Vec::new());
        for item in shared.inbox.shut() {
            match item {
                Item::Input(Input::StopSupervisor { ticket, .. }) => late.push(ticket),
                Item::Input(Input::Drain { ticket, .. }) => late_drains.push(ticket),
                item => outbox.discard_item(item),
            }
        }
        // What the engine still holds (stuck children; everything, if the runtime is shut down) is
        // handed over here, so that no caller waits for an answer that cannot come.
        let (ended, drained) = shared.lock_driver().end(&mut outbox);
        shared.claims.free_all();
        outbox.at(shared.clock.now());
        let report = ended.as_ref().map(|ended| ended.report);
        outbox.ended(report);
        shared.over(report);
        shared.driver_done();
        let drains = drained.tickets.into_iter().chain(late_drains);
        match ended {
            Some(Ended { report, tickets }) => {
                for ticket in tickets.into_iter().chain(late) {
                    outbox.report(ticket, report);
                }
                for ticket in drains {
                    let ends = Arc::clone(&drained.ends);
                    outbox.report(ticket, DrainAnswer { report, ends });
                }
            }
            None => {
                let stops = late.into_iter().map(Caller::StopSupervisor);
                stops
                    .chain(drains.map(Caller::Drain))
                    .for_each(|caller| outbox.unanswered(caller));
            }
        }
        outbox.flush(shared);
        shared.drop_group_of();
    }
}
