//! Nodes in this process from which a shard, the lease or one of their own tasks is taken at a bad moment.

mod ends;
#[path = "../support/etcd.rs"]
#[expect(dead_code, reason = "another test uses the rest of it")]
mod etcd;
mod hand_over;
mod lists;
mod log;
mod node;
mod reads;
mod store;
#[path = "../support/wait.rs"]
mod wait;
