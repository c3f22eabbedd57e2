//! Every way in which a supervisor ends, with sessions in every situation at that moment.
//!
//! Whatever ends it: no orphan, every name free, every caller answered.

mod after_a_kill;
mod at_the_end;
mod scene;
mod table;
