//! The race between a launch and its cancellation for the caller that waits for it.

use crate::actor::plan::Actors;
use crate::engine::LaunchCaller;

#[derive(Debug)]
pub(super) enum Claim {
    Open(Option<LaunchCaller<Actors>>),
    Reported,
    Cancelled,
}

impl Claim {
    /// The first taker decides the race, and answers the caller if there is one. `None`: the other
    /// one was first.
    pub(super) fn take(&mut self, by: Self) -> Option<Option<LaunchCaller<Actors>>> {
        match self {
            Self::Open(caller) => {
                let caller = caller.take();
                *self = by;
                Some(caller)
            }
            Self::Reported | Self::Cancelled => None,
        }
    }
}
