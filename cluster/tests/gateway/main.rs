//! Gateways in processes of their own, over loopback: this program is also the node.
//!
//! ```sh
//! cargo test -p session-supervisor-cluster --test gateway
//! cargo test -p session-supervisor-cluster --test gateway -- kill      # those whose names hold this
//! cargo test --release -p session-supervisor-cluster --test gateway -- --figures
//! ```
//!
//! ractor's registries are those of a process, so each node is one.

mod child;
mod failures;
mod figures;
mod good;
mod node;
mod refusals;
mod serving;
mod strange;
mod tls;

/// A test, by its name.
type Case = (&'static str, fn());

fn main() {
    let args: Vec<_> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|first| first == "child") {
        child::run(&args[1..]);
        return;
    }
    if args.iter().any(|arg| arg == "--figures") {
        figures::print();
        return;
    }
    // cargo and other programs give flags of the usual harness.
    let wanted: Vec<_> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let tables: [&[Case]; 5] = [
        good::CASES,
        serving::CASES,
        refusals::CASES,
        failures::CASES,
        tls::CASES,
    ];
    let cases = tables.into_iter().flatten();
    if args.iter().any(|arg| arg == "--list") {
        cases.for_each(|(name, _)| println!("{name}: test"));
        return;
    }
    let mut failed = Vec::new();
    let mut passed = 0;
    for (name, case) in cases {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let began = std::time::Instant::now();
        match std::panic::catch_unwind(case) {
            Ok(()) => {
                passed += 1;
                println!("test {name} ... ok ({:.1?})", began.elapsed());
            }
            Err(_) => {
                println!("test {name} ... FAILED");
                failed.push(*name);
            }
        }
    }
    let outcome = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "test result: {outcome}. {passed} passed; {} failed",
        failed.len()
    );
    if !failed.is_empty() {
        println!("failed: {failed:?}");
        std::process::exit(1);
    }
}
