//! The decisions, without a clock, a thread, a disk or a runtime: what is still to be written
//! ([`Backlog`]), what is known of each id ([`Ledger`]), and what a session's events mean for its
//! record ([`Fates`]).

mod ahead;
mod awaits;
mod backlog;
mod by_shard;
mod fates;
mod held;
mod ledger;
mod owned;
mod pending;
mod repeats;

pub use ahead::Ahead;
pub use awaits::Outcome;
pub use backlog::{Backlog, Found, Refused, Scope};
pub use fates::{End, Fates, Kept};
pub use ledger::{Admission, Claimed, Intent, LAST_REVISION, Ledger, NoStart, Reading, Standing};
pub use repeats::Repeats;
