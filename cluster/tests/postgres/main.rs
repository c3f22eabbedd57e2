//! Sessions in PostgreSQL, on a server that the test starts.

mod contract;
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
