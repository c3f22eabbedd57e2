//! The statistics of a supervisor against what the census knows.

use session_supervisor::{Counts, Stats};

use crate::closing::until;
use crate::succession::Instance;
use crate::tally;
use crate::verdict::must;

/// At any time: no gauge is below zero, and no end is shown without its start.
pub(crate) fn look(instance: &Instance) {
    let stats = instance.sessions.stats();
    let ids = instance.census.entries().len();
    let gauges = gauges(&stats.sessions);
    // They are read one after another, while sessions come and go.
    let fit = gauges.iter().all(|gauge| *gauge <= 4 * ids);
    must(fit, || format!("{ids} ids, and gauges of {gauges:?}"));
    must(stats.exits.total() <= stats.starts.started, || {
        format!("an end is shown without its start: {stats:?}")
    });
}

fn gauges(counts: &Counts) -> [usize; 9] {
    [
        counts.specs,
        counts.active,
        counts.supervisors,
        counts.workers,
        counts.starting,
        counts.restarting,
        counts.stopping,
        counts.parked,
        counts.stuck,
    ]
}

/// How many sessions of a supervisor that has ended were given up as stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stuck(pub(crate) u64);

/// When it has ended: nothing is there any more, and what has started has ended.
pub(crate) async fn at_the_end(instance: &Instance, stuck: Stuck) -> Stats {
    let name = instance.sessions.name();
    let counts = || gauges(&instance.sessions.stats().sessions);
    until(
        || counts() == [0; 9],
        "the statistics show sessions of",
        instance,
    )
    .await;
    let stats = instance.sessions.stats();
    let Stuck(stuck) = stuck;
    let (starts, exits) = (stats.starts, stats.exits);
    must(starts.started == exits.total() + stuck, || {
        format!("{name} has ended, after {starts:?} and {exits:?}")
    });
    let launches: u64 = (instance.census.entries().iter())
        .map(|entry| entry.launches() + entry.tree_launches())
        .sum();
    // A launch that is given up in the instant of its order calls no start function.
    let adds_up = starts.total() - starts.stopped - starts.timed_out <= launches
        && launches <= starts.total();
    must(adds_up, || {
        format!("{name}: {launches} launches are counted as {starts:?}")
    });
    let timed = [
        (stats.start_duration.count(), starts.started),
        (stats.lifetime.count(), exits.total()),
        (stats.restart_delay.count(), stats.restarts),
    ];
    let fit = timed[..2].iter().all(|(times, number)| times == number) && timed[2].0 <= timed[2].1;
    must(fit, || {
        format!("{name}: durations and numbers are {timed:?}")
    });
    tally::FIGURES.one();
    stats
}
