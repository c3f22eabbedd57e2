//! The dashboard: over HTTP, with requests made by hand, and in a real browser.

mod actions;
mod browser;
mod events;
mod hostile;
mod http;
mod pages;
mod tables;
