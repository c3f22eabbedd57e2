//! The dashboard over HTTP, with requests made by hand.

mod actions;
mod events;
mod http;
mod pages;
mod tables;
