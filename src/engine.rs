//! The engine: everything that is decided about sessions, as a pure value.
//!
//! [`Engine`] (a dynamic supervisor) and [`OrderedEngine`] (a static one) have the same four verbs:
//! `handle(now, input)`, `handle_timeout(now)`, `poll_effect()` and `poll_timeout()`. Mutate once,
//! drain all effects, then mutate again. Time is an argument, the random numbers come from a seed,
//! and no input can make it fail.
//!
//! What happens to one child is the same in both (`lifecycle`, `docs/lifecycle.md`). Queues,
//! limits, pauses, parking and the order of stops are those of `dynamic` or of `ordered`.
//!
//! The engine has no clock, no `await`, no task and no type of ractor or tokio. It drops no value
//! of the user's: what is no longer needed leaves as [`Effect::Discard`]. The feature `serde` adds
//! derives to what it tells, and changes nothing else.

#![expect(
    clippy::exhaustive_enums,
    reason = "inputs and effects are matched in full by the shell; the module is not public interface"
)]

mod answers;
mod apart;
#[cfg(feature = "serde")]
mod as_data;
mod backoff;
mod callers;
mod chain;
mod child;
mod claim;
mod counts;
mod decision;
mod domain;
mod dossier;
mod drain;
mod dynamic;
mod end;
mod event;
mod exit;
mod expiry;
mod failure;
mod groups;
mod incarnation;
mod index;
mod io;
mod jitter;
mod leases;
mod lifecycle;
mod limit;
mod listening;
mod meter;
mod moment;
mod number;
mod ordered;
mod plain;
mod rate;
mod rejection;
mod repeats;
mod report;
mod request;
mod restart;
mod ring;
#[cfg(feature = "serde")]
pub(crate) mod serial;
mod shutdown;
mod stats;
mod stop;
mod sums;
mod table;
mod timers;
mod waiters;
mod waiting;

pub(crate) use answers::Answer;
pub use answers::{
    AwaitAnswer, BeginAnswer, Cancellation, DeleteAnswer, EnsureAnswer, GoneAnswer, LeaseAnswer,
    NotStarted, Refusal, RestartAnswer, RestartChildAnswer, StartAnswer, StartChildAnswer,
    StopAnswer,
};
pub use backoff::Backoff;
pub use callers::{Caller, LaunchCaller, Reply};
pub use chain::Chain;
pub(crate) use chain::error_text;
pub use claim::{BadPart, Claim, LONGEST_KIND, LONGEST_VALUE, Taken, claim_of};
pub use counts::{Counts, SessionState};
pub use decision::{Decision, Pending};
pub use domain::{Domain, Ending, Life, Spec, Ticket};
pub use dossier::{KEPT_EXITS, Record};
pub use drain::{
    DrainAnswer, DrainEnd, DrainEnds, DrainOrder, DrainOutcome, DrainProgress, MoreTimeAnswer,
    ProgressAnswer,
};
pub use dynamic::{Dossier, Engine, Outlook, STOP_WINDOW};
pub use end::{EndReason, SessionEnd};
pub use event::{EventKind, ExitCause, Severity, StartFailure};
pub(crate) use exit::GaveUp;
pub use exit::{Asked, Cause, Exit, Mark, Seen};
pub use expiry::{Expiry, Use};
pub use failure::Failure;
pub use incarnation::{Key, Launch};
pub use io::{Context, Discard, Effect, Input, Recall};
pub use leases::LeaseNumber;
pub use limit::{Limit, Window};
pub use listening::Listening;
pub use meter::Meter;
pub use moment::{Moment, Span};
pub use ordered::{
    AutoShutdown, ChildState, ChildView, FirstStart, OrderedEngine, OrderedSettings, StopOrder,
    Strategy,
};
pub(crate) use plain::Plain;
pub use rate::StartRate;
pub use rejection::Rejection;
pub use repeats::Repeat;
pub use report::ShutdownReport;
pub use request::{ChildRequest, Request};
pub use restart::{ChildKind, OnRestartLimit, OwnLimit, Policy, Restart, Settings, Significance};
pub use ring::Ring;
pub use shutdown::{KILL_BOUND, Shutdown};
pub use stats::{BOUNDS, Exits, Histogram, Rejected, Starts, Stats};
pub use stop::{Kill, StopCause, StopWay};
pub use sums::Sums;
pub use table::{Cursor, Info};
pub(crate) use waiters::{Waiters, Waits};
