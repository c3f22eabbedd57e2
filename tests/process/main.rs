//! Whole programs, which are sent signals and end, whatever has become of their output and their
//! sessions: seen from outside, as by the program that has started them.

#![cfg(unix)]

#[path = "../built/mod.rs"]
mod built;
mod driver;
mod ends;
mod tasks;
