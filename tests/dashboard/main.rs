//! The dashboard: over HTTP, with requests made by hand, and in a real browser.

mod actions;
mod browser;
mod events;
mod hostile;
mod http;
mod pages;
mod requests;
mod tables;

/// What a program holds of it, and what its check is given, crosses threads.
#[test]
fn what_a_program_holds_crosses_threads() {
    fn value<T: Clone + std::fmt::Debug + Send + Sync + 'static>() {}
    fn sent<T: std::fmt::Debug + Send + 'static>() {}
    value::<session_supervisor::ActionRequest>();
    value::<session_supervisor::Action>();
    sent::<session_supervisor::Dashboard>();
}
