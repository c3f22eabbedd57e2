//! Whole nodes in processes of their own, with a real etcd and a store that all reach: this program is
//! also the node.
//!
//! ```sh
//! cargo test -p session-supervisor-cluster --test nodes
//! cargo test -p session-supervisor-cluster --test nodes -- kill     # those whose names hold this
//! LOG_OF_TEST=1 cargo test -p session-supervisor-cluster --test nodes    # with the log of the nodes
//! cargo test --release -p session-supervisor-cluster --features postgres --test nodes -- --figures
//! ```

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
    let mut failed = Vec::new();
    for (name, case) in cases() {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let began = std::time::Instant::now();
        match std::panic::catch_unwind(case) {
            Ok(()) => println!("test {name} ... ok ({:.1?})", began.elapsed()),
            Err(_) => {
                println!("test {name} ... FAILED ({:.1?})", began.elapsed());
                failed.push(name);
            }
        }
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
}
