//! The dashboard of real nodes, in a real browser: nodes are processes, of which this program is one too,
//! and etcd is a real one on the loopback interface. What needs no node and no browser is tested in
//! `src/dashboard/tests`.
//!
//! ```sh
//! cargo test -p session-supervisor-cluster --features dashboard --test dashboard
//! cargo test -p session-supervisor-cluster --features dashboard --test dashboard -- moves
//! SCREENSHOTS=write cargo test -p session-supervisor-cluster --features dashboard --test dashboard -- width
//! ```

#[path = "../../../tests/dashboard/browser/driver.rs"]
mod driver;
#[path = "../support/etcd.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod etcd;
mod faults;
mod looks;
mod moves;
mod node;
mod process;
mod safety;
mod stranger;
mod world;

use std::future::Future;
use std::pin::Pin;

/// A test, by its name.
type Case = (&'static str, fn() -> Pin<Box<dyn Future<Output = ()>>>);

const CASES: &[Case] = &[
    ("a_shard_that_moves_is_seen", || Box::pin(moves::moves())),
    ("it_says_when_the_node_is_lost", || Box::pin(moves::lost())),
    ("what_keeps_the_node_from_its_work_is_seen", || {
        Box::pin(faults::faults())
    }),
    (
        "what_is_unowned_or_moving_is_seen_and_what_others_chose_is_text",
        || Box::pin(safety::text()),
    ),
    (
        "all_of_it_works_by_keyboard",
        || Box::pin(looks::keyboard()),
    ),
    ("it_fits_any_width_in_light_and_dark", || {
        Box::pin(looks::widths())
    }),
];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    if let Some(name) = std::env::var_os("NODE_OF_TEST") {
        return runtime.block_on(node::run(&name.to_string_lossy()));
    }
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        return CASES.iter().for_each(|(name, _)| println!("{name}: test"));
    }
    if !etcd::is_there() {
        eprintln!(
            "\nSKIPPED: no `etcd` on the PATH, the dashboard of nodes is not shown (Debian: apt install etcd-server)"
        );
        return;
    }
    // cargo and other programs give flags of the usual harness.
    let wanted: Vec<_> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    let mut failed = Vec::new();
    for (name, case) in CASES {
        if !wanted.is_empty() && !wanted.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let began = std::time::Instant::now();
        let ran = std::panic::AssertUnwindSafe(|| runtime.block_on(case()));
        match std::panic::catch_unwind(ran) {
            Ok(()) => println!("test {name} ... ok ({:.1?})", began.elapsed()),
            Err(_) => {
                println!("test {name} ... FAILED ({:.1?})", began.elapsed());
                failed.push(name);
            }
        }
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
}
