//! Sessions in PostgreSQL, on a server that the test starts.

mod bound;
#[path = "../support/chain.rs"]
mod chain;
mod contract;
#[path = "../support/etcd.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod etcd;
mod faults;
mod figures;
mod garbage;
mod outage;
mod owners;
mod rows;
mod schema;
#[path = "../support/postgres.rs"]
mod server;
mod support;
mod tls;
