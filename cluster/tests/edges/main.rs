//! What callers and a process do at the edges: several nodes in one process, a call that has no end, a join
//! that is given up, a runtime that is shut down.

mod ends;
#[path = "../support/etcd.rs"]
#[expect(dead_code, reason = "another test uses the rest of it")]
mod etcd;
mod joins;
mod many;
mod node;
mod outcomes;
mod pages;
mod strange_keys;
mod times;
mod turns;
#[path = "../support/wait.rs"]
mod wait;
