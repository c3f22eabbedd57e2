//! Figures, printed by `--figures`: what a start and a call cost on this node and on another one, what a
//! session costs the nodes that do not run it, and how long a killed node's sessions are away.
//!
//! Everything is measured twice: with a store of each node's own, which shows what the cluster costs, and
//! with PostgreSQL, from which the sessions of a killed node come back. What is compared is measured in
//! turns, in one run. Settings are `SESSIONS` (100,000), `ROUNDS` (5) and `KILLS` (3).

mod calls;
mod cluster;
mod kills;
mod load;
pub(crate) mod node;
mod session;
mod table;
mod work;

use cluster::Cluster;
use table::Table;

/// The lease of each node, in seconds.
const LEASE: u64 = 10;

fn setting(name: &str, usual: usize) -> usize {
    let set = std::env::var(name).ok();
    set.map_or(usual, |text| text.parse().expect("a number"))
}

pub(crate) fn print() {
    if !crate::etcd::is_there() {
        eprintln!("SKIPPED: no `etcd` on the PATH (Debian: apt install etcd-server)");
        return;
    }
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores, load average {}", load_average());
    with("a store of each node's own", node::OWN_STORE);
    #[cfg(feature = "postgres")]
    if let Some(server) = crate::postgres::Server::start() {
        with("PostgreSQL", &server.url());
    }
    #[cfg(not(feature = "postgres"))]
    println!("SKIPPED: PostgreSQL, which needs `--features postgres`");
    println!("\nload average {}", load_average());
}

fn with(what: &str, store: &str) {
    let sessions = setting("SESSIONS", 100_000);
    println!("\nThree nodes, one etcd, a lease of {LEASE} s, 512 shards; the store: {what}\n");
    let mut cluster = Cluster::start(store);
    let mut table = Table::default();
    // First, as long as nothing that was freed is used again.
    load::measure(&mut cluster, &mut table, sessions);
    calls::measure(&mut cluster, &mut table, setting("ROUNDS", 5));
    kills::measure(&mut cluster, &mut table, sessions, setting("KILLS", 3));
    table.print();
}

fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}
