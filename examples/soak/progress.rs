//! What is told while it runs, and at the end.
//!
//! It is told from a thread of its own, which also sees when nothing moves any more.
//!
//! It runs outside the runtime, which is what may hang.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::alloc;
use crate::ask::PATIENCE;
use crate::stalls;
use crate::tally::{self, Deed};
use crate::verdict::{self, contradiction};

/// Begins to tell, every few seconds.
pub(crate) fn begin(time: Duration) {
    let pause = (time / 10).clamp(Duration::from_secs(1), Duration::from_secs(5));
    std::thread::spawn(move || {
        let mut before = 0;
        let mut still = Duration::ZERO;
        loop {
            std::thread::sleep(pause);
            let operations = tally::operations();
            still = if operations == before {
                still + pause
            } else {
                Duration::ZERO
            };
            before = operations;
            // Each call has its own watch; this one is for a runtime that hangs with all of them.
            if still > PATIENCE * 2 {
                contradiction(&format!("nothing has moved for {still:?}"));
            }
            line(operations);
        }
    });
}

fn line(operations: u64) {
    println!(
        "{:.0} s, round {}: {operations} operations, {} restarts, {} kills, {} parks, {} sessions alive, \
         {} KiB live, worst answer {}",
        verdict::elapsed().as_secs_f64(),
        verdict::round(),
        tally::RESTARTS.get(),
        tally::KILLS.get(),
        tally::PARKS.get(),
        tally::ALIVE.load(Ordering::Relaxed),
        alloc::live() / 1_024,
        millis(tally::worst_answer()),
    );
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

/// The summary.
pub(crate) fn conclude(seed: u64, live: &[isize]) {
    let (rounds, seconds) = (live.len(), verdict::elapsed().as_secs_f64());
    println!("soak: no contradiction in {rounds} rounds, {seconds:.1} s, seed {seed}");
    let deeds = Deed::ALL.map(|(deed, name)| format!("{name} {}", tally::times(deed)));
    println!("operations {}: {}", tally::operations(), deeds.join(", "));
    println!(
        "sessions: {} restarts, {} kills, {} parks, {} stuck, {} start timeouts",
        tally::RESTARTS.get(),
        tally::KILLS.get(),
        tally::PARKS.get(),
        tally::STUCK.get(),
        tally::TIMEOUTS.get(),
    );
    println!(
        "supervisors: {} stopped, {} stopped from outside, {} drained from outside, {} killed, \
         {} escalated, {} drained in order with more time {} times",
        tally::STOPPED.get(),
        tally::STOPPED_FROM_OUTSIDE.get(),
        tally::DRAINED.get(),
        tally::KILLED.get(),
        tally::ESCALATED.get(),
        tally::ORDERLY_DRAINS.get(),
        tally::MORE_TIME.get(),
    );
    println!(
        "callers who left: {} before they asked, {} before the answer",
        tally::UNPOLLED.get(),
        tally::GIVEN_UP.get(),
    );
    println!(
        "scenes: {} trees, {} families, {} trials, {} outages, {} slow stops",
        tally::TREES.get(),
        tally::FAMILIES.get(),
        tally::TRIALS.get(),
        tally::OUTAGES.get(),
        tally::SLOW_STOPS.get(),
    );
    println!(
        "capabilities: {} idle ends, {} leases, {} lifetimes, {} claims won, {} lost, {} saved over an \
         end, {} crowds of callers, {} quotas, {} rejections, {} tasks",
        tally::IDLE_ENDS.get(),
        tally::LEASES.get(),
        tally::LIFETIMES.get(),
        tally::CLAIMS_WON.get(),
        tally::CLAIMS_LOST.get(),
        tally::SAVES.get(),
        tally::CROWDS.get(),
        tally::QUOTAS.get(),
        tally::REJECTIONS.get(),
        tally::TASKS.get(),
    );
    println!(
        "followed: {} events, {} lags, {} comparisons, {} supervisors to their end, {} accounts, \
         {} failures foretold",
        tally::EVENTS.get(),
        tally::LAGS.get(),
        tally::COMPARED.get(),
        tally::FOLLOWED.get(),
        tally::FIGURES.get(),
        tally::FORETOLD.get(),
    );
    println!(
        "the log: {} lines panicked, {} blocked",
        tally::LOG_PANICS.get(),
        tally::LOG_BLOCKS.get(),
    );
    println!(
        "worst answer {}, of info, list and count {}; the runtime was late by {}",
        millis(tally::worst_answer()),
        millis(tally::worst_question()),
        millis(stalls::worst()),
    );
    println!("allocations {}", alloc::made());
    let live: Vec<_> = live.iter().map(isize::to_string).collect();
    println!("live bytes after each round: {}", live.join(" "));
}
