//! Nothing is kept of what is over: 300 lives of each kind leave not one byte more than 100 of them
//! did. And what an idle session takes, and each capability that it uses.
//!
//! The live bytes of the whole process are counted, so nothing else may run meanwhile: this binary
//! has no harness, and its rows run one after another, each on a runtime of its own. An argument is
//! a part of the names of the rows that are to run.

mod actors;
mod admission;
mod checkpoints;
mod children;
mod claims;
mod costs;
mod crowds;
#[cfg(feature = "dashboard")]
mod dashboards;
mod draining;
mod expiry;
mod failures;
mod feed;
mod gone;
mod hostile;
mod linked;
mod lives;
mod runtimes;
mod sessions;
mod spans;
mod supervisors;
mod surveys;
mod tasks;

#[path = "../../benches/sides/alloc.rs"]
mod alloc;
#[expect(dead_code, reason = "the rest of it is for the benchmark")]
#[path = "../../benches/sides/used.rs"]
mod used;

use std::process::ExitCode;

use alloc::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Everything here is to run by default, and nothing of it has been set aside.
    let asks = |flag: &str| arguments.iter().any(|argument| argument == flag);
    if asks("--list") || asks("--ignored") {
        return ExitCode::SUCCESS;
    }
    let wanted = |row: &str| {
        let mut names = arguments.iter().filter(|name| !name.starts_with('-'));
        names.clone().next().is_none() || names.any(|name| row.contains(name.as_str()))
    };
    let tables = [
        sessions::rows(),
        gone::rows(),
        expiry::rows(),
        checkpoints::rows(),
        claims::rows(),
        admission::rows(),
        failures::rows(),
        hostile::rows(),
        children::rows(),
        linked::rows(),
        supervisors::rows(),
        surveys::rows(),
        draining::rows(),
        tasks::rows(),
        feed::rows(),
        #[cfg(feature = "dashboard")]
        dashboards::rows(),
        spans::rows(),
    ];
    crowds::fill_the_registry();
    crowds::fill_the_directory();
    let rows = tables.into_iter().flatten();
    let rows = rows.filter(|row| wanted(row.name));
    // First: a table of the process that others have filled would grow while sessions are counted.
    let mut failed = costs::failed(wanted);
    failed.extend(rows.flat_map(|row| row.run()));
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    // Once more at the end, so that the last lines of a long output name them.
    println!("these kept something, or took too much:");
    for row in &failed {
        println!("    {row}");
    }
    ExitCode::FAILURE
}
