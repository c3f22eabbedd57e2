//! How a node stands to one shard.

use std::fmt;

use crate::engine::shard::Epoch;
use crate::engine::time::BootTime;

/// How a node stands to one shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "another one must be handled by all that carry out effects"
)]
pub enum Hold {
    /// It has nothing to do with it.
    Elsewhere,
    /// It has asked for it, or is about to ask again.
    Claiming(Wait),
    /// It serves it.
    Owned(Epoch),
    /// It admits nothing for it, and ends what runs of it.
    Draining(Epoch),
    /// Nothing of it runs any more. Its key is being removed.
    Releasing(Epoch, Wait),
    /// Its key was removed or replaced by something else. What runs of it is being killed.
    Lost(Epoch),
}

/// What a request is waiting for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a request is under way or it is not"
)]
pub enum Wait {
    /// The answer.
    Answer,
    /// The moment at which it is made again.
    Until(BootTime),
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elsewhere => f.write_str("elsewhere"),
            Self::Claiming(Wait::Answer) => f.write_str("being claimed"),
            Self::Claiming(Wait::Until(_)) => f.write_str("to be claimed again"),
            Self::Owned(epoch) => write!(f, "owned since epoch {epoch}"),
            Self::Draining(epoch) => write!(f, "draining in epoch {epoch}"),
            Self::Releasing(epoch, _) => write!(f, "being released in epoch {epoch}"),
            Self::Lost(epoch) => write!(f, "lost in epoch {epoch}"),
        }
    }
}
