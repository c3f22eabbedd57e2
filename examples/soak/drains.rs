//! A supervisor that is ended by a drain, with callers that ask for more time for its sessions. How
//! far it is and its report add up, and it is over in its time.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use session_supervisor::error::{AskForTimeError, DrainError};
use session_supervisor::{
    Drain, DrainOutcome, DrainProgress, DrainReport, KILL_BOUND, ShutdownReport,
};

use crate::ask::{ask, within};
use crate::stalls;
use crate::succession::Instance;
use crate::tally::{self, Deed};
use crate::verdict::{contradiction, must};

/// How much more time sessions may get.
const MORE: Duration = Duration::from_millis(100);
/// What the runtime may take beside that, if it is not late.
const SLACK: Duration = Duration::from_secs(1);

/// Drains it. The report, if it was not ended before.
pub(crate) async fn drain(
    instance: &Instance,
    time: Duration,
    at_most: usize,
) -> Option<ShutdownReport> {
    let name = instance.sessions.name();
    let order = Drain::within(time).at_most(at_most).extend_up_to(MORE);
    let mut drain = instance.sessions.drain(order);
    let began = Instant::now();
    let mut before: Option<DrainProgress> = None;
    loop {
        let step = within(drain.progress(), || format!("{name}: a drain stands still"));
        let Some(now) = step.await else {
            break;
        };
        let adds_up = now.sessions == now.waiting + now.ending + now.ended;
        let goes_on = before.is_none_or(|before| {
            before.sessions == now.sessions
                && before.waiting >= now.waiting
                && before.ended <= now.ended
        });
        must(adds_up && goes_on, || {
            format!("{name}: a drain tells {before:?}, and then {now:?}")
        });
        before = Some(now);
        more_time(instance, now.ended).await;
    }
    let report = match ask(Deed::StopSupervisor, drain).await {
        Ok(report) => report,
        Err(DrainError::SupervisorDown) => return None,
        Err(error) => contradiction(&format!("{name}: a drain says: {error}")),
    };
    let took = began.elapsed();
    let bound = time + MORE + KILL_BOUND + SLACK;
    must(took <= bound || stalls::was_busy().await, || {
        format!("{name}: a drain within {time:?} took {took:?}: {report:?}")
    });
    must(adds_up(&report, before), || {
        format!("{name}: a drain told {before:?}, and reports {report:?}")
    });
    tally::ORDERLY_DRAINS.one();
    Some(report.summary)
}

/// Each session is in it once, and is counted as what became of it.
fn adds_up(report: &DrainReport, last: Option<DrainProgress>) -> bool {
    let ids: HashSet<_> = report.sessions.iter().map(|end| &end.id).collect();
    let of = |outcome| {
        let same = report.sessions.iter().filter(|end| end.outcome == outcome);
        same.count()
    };
    let all = report.sessions.len();
    let summary = report.summary;
    // The children of trees are counted too.
    ids.len() == all
        && last.is_none_or(|last| (last.sessions, last.ended) == (all, all))
        && of(DrainOutcome::Stopped) <= summary.stopped
        && of(DrainOutcome::Failed) <= summary.failed
        && of(DrainOutcome::Killed) <= summary.killed
        && of(DrainOutcome::Stuck) <= summary.stuck
        && of(DrainOutcome::NotRunning) <= summary.not_running
}

/// Asks for a session what it would ask for itself.
async fn more_time(instance: &Instance, step: usize) {
    let entries = instance.census.entries();
    let entry = &entries[step % entries.len()];
    let asked = MORE / 2;
    match instance.sessions.ask_for_time(&entry.id, asked).await {
        Ok(granted) => {
            tally::MORE_TIME.one();
            must(granted <= asked, || {
                format!("{} asks for {asked:?}, and has {granted:?}", entry.id)
            });
        }
        Err(
            AskForTimeError::NotFound
            | AskForTimeError::NotDraining
            | AskForTimeError::SupervisorDown,
        ) => {}
        Err(error) => contradiction(&format!("{} asks for time: {error}", entry.id)),
    }
}
