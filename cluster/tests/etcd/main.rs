//! What a node does with etcd, shown with a real one: claims, the lease, the watch, the planner, and
//! everything that goes wrong.
//!
//! Without an `etcd` on the PATH each test prints that it was skipped. The figures are printed by
//! `cargo test -p session-supervisor-cluster --release --test etcd -- --ignored --nocapture --test-threads 1`.

#[path = "../support/chain.rs"]
mod chain;
#[path = "../support/etcd.rs"]
mod support;
#[path = "../support/wait.rs"]
mod wait;

mod away;
mod claims;
mod figures;
mod full;
mod lease;
mod login;
mod names;
mod node;
mod planner;
mod restored;
mod servers;
mod settings;
#[cfg(feature = "etcd-tls")]
mod tls;
mod watch;
