//! The race between a launch and its cancellation for the caller that waits for it.

#[derive(Debug)]
pub(super) enum Claim<C> {
    Open(Option<C>),
    Reported,
    Cancelled,
}

impl<C> Claim<C> {
    /// The first taker decides the race, and answers the caller if there is one. `None`: the other
    /// one was first.
    pub(super) fn take(&mut self, by: Self) -> Option<Option<C>> {
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
