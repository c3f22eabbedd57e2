//! Many tasks on the same ids at once, on both kinds of runtime.
//!
//! Absent on purpose: luck. What is random comes from a seed that a failure prints; what must hold,
//! holds in every order.

mod callers;
mod exits;
mod grandchildren;
mod hammer;
mod held_names;
