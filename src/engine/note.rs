//! What the engine tells the log.

use std::time::Duration;

use super::claim::Taken;
use super::exit::{Asked, Exit};
use super::expiry::Expiry;
use super::failure::Failure;
use super::next::Next;
use super::stop::Kill;

/// Something worth a line in the log.
#[derive(Clone, Debug)]
pub enum Note {
    /// A session was started.
    Started,
    /// A first start failed.
    StartFailed(Failure),
    /// A first start is refused, since another session has a claim that it needs.
    ClaimTaken(Taken),
    /// A launch took longer than its start timeout.
    StartTimedOut(Duration),
    /// A session ended.
    Exited {
        /// How.
        exit: Exit,
        /// Whether it was told to.
        asked: Asked,
        /// What follows.
        next: Next,
    },
    /// A restart failed.
    RestartFailed {
        /// Why.
        failure: Failure,
        /// What follows.
        next: Next,
    },
    /// What follows an end or a failure that was told before.
    Decided(Next),
    /// A parked session is forgotten, since more are parked than may be.
    Discarded,
    /// A session is asked to stop.
    Stopping,
    /// A session is ended by itself: it is asked to stop when it has handled what is in its mailbox.
    Expired(Expiry),
    /// A session that was asked to stop has so much time from now on, since it asked for it.
    MoreTime(Duration),
    /// A session is killed.
    Killing(Kill),
    /// A session survived its kill.
    Stuck,
    /// A stuck child ended after all.
    StuckEnded,
}
