//! The router of a dashboard over a node that is made up: no etcd, no browser, time paused.

mod big;
mod events;
pub(super) mod fake;
mod http;
mod pages;
mod requests;
