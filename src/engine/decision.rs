//! What follows an exit, or a start that failed: as a value, and as the sentence that people read
//! in the log, in an event and in a dossier.

use std::fmt;
use std::time::Duration;

use super::limit::Limit;

/// What the supervisor has decided after an exit, or after a restart that failed.
///
/// Its text is a part of a sentence: "restarts in 250ms, 1 of 3 in 5s".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// The session is forgotten: it ended as it may, or as it was told to.
    Forget,
    /// The child of a tree is left as it has ended.
    Nothing,
    /// It is restarted, and counted against its restart limit.
    Restart {
        /// After this pause.
        after: Duration,
        /// How many restarts there were since its first start, this one included.
        restarts: u64,
        /// How many more restarts its limit allows now; none: it has no limit.
        budget_left: Option<u32>,
        /// Its restart limit.
        limit: Option<Limit>,
    },
    /// The child of a tree is restarted, and others with it, as the strategy says.
    RestartWithOthers {
        /// After this pause, when all of them are stopped.
        after: Duration,
        /// How many restarts there were since its first start, this one included.
        restarts: u64,
        /// How many more restarts the tree's limit allows now; none: it has no limit.
        budget_left: Option<u32>,
        /// The restart limit of the tree.
        limit: Option<Limit>,
        /// How many others are started again.
        others: usize,
    },
    /// The child of a tree is restarted with others, as was decided before.
    WithOthers,
    /// It is restarted since a caller has asked for that. No limit counts it.
    RestartByHand,
    /// That is told by a later event.
    Undecided(Pending),
    /// It is set aside.
    Park {
        /// For so long, and then tried again by itself; none: until somebody resumes it.
        until: Option<Duration>,
        /// The limit that it used up; none: it was parked before, and its trial failed.
        limit: Option<Limit>,
    },
    /// It used up this limit and is forgotten.
    Remove(Limit),
    /// It used up this limit, and the supervisor stops.
    Escalate(Limit),
    /// All together used up this limit, and the supervisor stops.
    EscalateAll(Limit),
}

/// With what a decision comes that is not made yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Pending {
    /// With the end of what is left of the session, which is stuck.
    Release,
    /// With the next event: its start had been given up before it succeeded, so this end counts as
    /// a start that failed.
    Attempt,
    /// With its tree: when all children have been started, or when nothing is left of this one.
    Tree,
}

impl Decision {
    /// Its stable name, such as `restart`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Forget => "forget",
            Self::Nothing => "nothing",
            Self::Restart { .. } => "restart",
            Self::RestartWithOthers { .. } => "restart_with_others",
            Self::WithOthers => "with_others",
            Self::RestartByHand => "restart_by_hand",
            Self::Undecided(_) => "undecided",
            Self::Park { .. } => "park",
            Self::Remove(_) => "remove",
            Self::Escalate(_) => "escalate",
            Self::EscalateAll(_) => "escalate_all",
        }
    }

    /// How many restarts were used up of the limit, this one included; none if nothing is restarted
    /// or there is no limit.
    #[must_use]
    pub const fn used(&self) -> Option<u32> {
        match self {
            Self::Restart {
                budget_left: Some(left),
                limit: Some(limit),
                ..
            }
            | Self::RestartWithOthers {
                budget_left: Some(left),
                limit: Some(limit),
                ..
            } => Some(limit.max().saturating_sub(*left)),
            _ => None,
        }
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forget | Self::Nothing => f.write_str("nothing follows"),
            Self::Restart { after, limit, .. } => restart(f, *after, self.used(), *limit),
            Self::RestartWithOthers {
                after,
                limit,
                others,
                ..
            } => {
                restart(f, *after, self.used(), *limit)?;
                write!(f, ", with {others} others")
            }
            Self::WithOthers => f.write_str("restarts with others"),
            Self::RestartByHand => f.write_str("restarts by hand"),
            Self::Undecided(_) => f.write_str("what follows is decided later"),
            Self::Park { limit, until } => {
                if let Some(limit) = limit {
                    write!(f, "used up {limit}: ")?;
                }
                match until {
                    Some(until) => write!(f, "parked, tried again in {until:.1?}"),
                    None => f.write_str("parked until it is restarted by hand"),
                }
            }
            Self::Remove(limit) => write!(f, "used up {limit}: forgotten"),
            Self::Escalate(limit) => write!(f, "used up {limit}: the supervisor stops"),
            Self::EscalateAll(limit) => {
                write!(f, "all together used up {limit}: the supervisor stops")
            }
        }
    }
}

fn restart(
    f: &mut fmt::Formatter<'_>,
    after: Duration,
    used: Option<u32>,
    limit: Option<Limit>,
) -> fmt::Result {
    if after.is_zero() {
        f.write_str("restarts at once")?;
    } else {
        write!(f, "restarts in {after:?}")?;
    }
    match (used, limit) {
        (Some(used), Some(limit)) => {
            write!(f, ", {used} of {} in {:?}", limit.max(), limit.window())
        }
        _ => Ok(()),
    }
}
