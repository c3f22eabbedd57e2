//! Whole nodes in processes of their own, with a real etcd and a store that all reach: this program is
//! also the node.
//!
//! ```sh
//! cargo test -p session-supervisor-cluster --test nodes
//! cargo test -p session-supervisor-cluster --test nodes -- kill     # those whose names hold this
//! LOG_OF_TEST=1 cargo test -p session-supervisor-cluster --test nodes    # with the log of the nodes
//! cargo test --release -p session-supervisor-cluster --features postgres --test nodes -- --figures
//! ```

#[path = "../support/chain.rs"]
mod chain;
mod clocks;
mod cluster;
mod draining;
#[path = "../support/etcd.rs"]
#[expect(dead_code, reason = "another test uses the rest of it")]
mod etcd;
mod figures;
mod history;
mod links;
mod node;
#[cfg(feature = "postgres")]
#[path = "../support/postgres.rs"]
#[expect(dead_code, reason = "another test uses the rest of it")]
mod postgres;
mod process;
mod proxy;
mod restored;
mod room;
mod scenarios;
mod shared_store;
mod watched;

use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// How many run at once. They mostly wait for leases to end.
const AT_ONCE: usize = 2;

/// A test, by its name.
pub(crate) type Case = (&'static str, fn());

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let Some(name) = std::env::var_os("NODE_OF_TEST") {
        return node::run(&name.to_string_lossy());
    }
    if arguments.iter().any(|argument| argument == "--figures") {
        return figures::print();
    }
    // cargo and other programs give flags of the usual harness.
    let wanted: Vec<_> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let tables: [&[Case]; 5] = [
        scenarios::CASES,
        draining::CASES,
        links::CASES,
        clocks::CASES,
        restored::CASES,
    ];
    let cases = || tables.into_iter().flatten();
    if arguments.iter().any(|argument| argument == "--list") {
        return cases().for_each(|(name, _)| println!("{name}: test"));
    }
    if !etcd::is_there() {
        eprintln!(
            "\nSKIPPED: no `etcd` on the PATH, nothing is shown (Debian: apt install etcd-server)"
        );
        return;
    }
    let is_wanted =
        |name: &str| wanted.is_empty() || wanted.iter().any(|part| name.contains(part.as_str()));
    let queue = Mutex::new(cases().filter(|(name, _)| is_wanted(name)));
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                // The guard is dropped at once: else the cases would run one after another.
                let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                while let Some((name, case)) = next() {
                    if !passes(name, *case) {
                        failed
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .push(*name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    assert!(failed.is_empty(), "failed: {failed:?}");
}

/// Runs one, and prints what came of it.
fn passes(name: &str, case: fn()) -> bool {
    let began = Instant::now();
    // In a thread with its name, which a panic prints.
    let thread = thread::Builder::new().name(name.to_owned()).spawn(case);
    let passed = thread.expect("a thread").join().is_ok();
    let outcome = if passed { "ok" } else { "FAILED" };
    println!("test {name} ... {outcome} ({:.1?})", began.elapsed());
    passed
}
