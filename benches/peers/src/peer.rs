//! One side of the table.

use std::future::Future;
use std::sync::Arc;

use crate::census::{Census, SpawnArguments};

/// A supervisor with the sessions under it.
pub trait Peer: Sized + Send + Sync + 'static {
    /// What a session that has been started is known by.
    type Session: Send + Sync + 'static;

    /// A supervisor without sessions, and the census of those to come.
    fn supervisor(census: Arc<Census>) -> impl Future<Output = Self> + Send;

    /// Starts a session, as one would who waits for the answer.
    fn start(
        &self,
        id: String,
        arguments: SpawnArguments,
    ) -> impl Future<Output = Self::Session> + Send;

    /// Waits until it runs, if the answer to the start does not say so.
    fn running(_session: &Self::Session) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }

    /// Tells a session to fail.
    fn crash(session: &Self::Session) -> impl Future<Output = ()> + Send;

    /// Stops the supervisor with all its sessions.
    fn stop(&self) -> impl Future<Output = ()> + Send;
}
