//! Every value of a user that the crate ever holds, in every place where it can end, with a drop
//! that panics and with one that blocks its thread. Meanwhile others are served, nothing aborts, no
//! caller waits for ever, and no id says that it is stuck.
//!
//! The values: the actor, its arguments, its state, a message in its mailbox, the spec and what its
//! start function captured, what a session saved in its checkpoint, the error of a start function,
//! of a `pre_start`, of a callback, of a `post_stop`, the payload of a panic of each of these, an
//! answer that is not taken (it holds such an error), what the group function of a quota captured,
//! the subscriber of the log, the waker of a caller.
//!
//! Where they end: `ends::End` for the first thirteen, which `table` crosses with each other;
//! `groups` has the group function, which ends with its supervisor; `tasks` has the values of tasks;
//! `outside` has the log and the wakers, which are not dropped but run; `spans` has the subscriber
//! where a span is made, entered, left and closed.
//!
//! A drop that blocks does so until the others have been served, or for ten seconds, which is a
//! failure. So no time is measured, and a busy machine fails no test.

mod asks;
mod concerns;
mod ends;
mod groups;
mod harm;
mod holder;
mod kept;
mod others;
mod outside;
mod several;
mod spans;
mod table;
mod tasks;
mod trees;
