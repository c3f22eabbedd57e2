//! What follows an exit, or a restart that failed: as a value, and as the sentence that people
//! read.

use std::fmt;
use std::time::Duration;

use super::limit::Limit;

/// What follows an exit, or a restart that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it ended as it may, or as it was told to.
    Nothing,
    /// It is restarted.
    Restart {
        /// After this pause.
        delay: Duration,
        /// How many restarts there were since its first start, this one included.
        restarts: u64,
        /// How much of its restart limit that uses up; none: it has no limit.
        used: Option<Used>,
    },
    /// It is restarted, and others with it.
    RestartSet {
        /// After this pause, when all of them are stopped.
        delay: Duration,
        /// How many restarts there were since its first start, this one included.
        restarts: u64,
        /// How much of the restart limit that uses up; none: there is no limit.
        used: Option<Used>,
        /// How many others are started again.
        others: usize,
    },
    /// It is restarted with others, as was decided before.
    WithOthers,
    /// That is decided later: when all children of a group that begins have been started, or when
    /// nothing is left of it.
    Undecided,
    /// It is set aside.
    Park {
        /// The limit that it used up; none: it was parked before, and its trial failed.
        limit: Option<Limit>,
        /// When it is tried again by itself; none: when somebody asks.
        retry: Option<Duration>,
    },
    /// It used up this limit and is forgotten.
    Remove(Limit),
    /// It used up this limit, and the supervisor stops.
    Escalate(Limit),
    /// All children together used up this limit, and the supervisor stops.
    EscalateAll(Limit),
}

/// How much of a restart limit is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// So many restarts within the window, the latest included.
    pub count: u32,
    /// The limit.
    pub limit: Limit,
}

impl fmt::Display for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing follows"),
            Self::Restart { delay, used, .. } => restart(f, *delay, *used),
            Self::RestartSet {
                delay,
                used,
                others,
                ..
            } => {
                restart(f, *delay, *used)?;
                write!(f, ", with {others} others")
            }
            Self::WithOthers => f.write_str("restarts with others"),
            Self::Undecided => f.write_str("what follows is decided later"),
            Self::Park { limit, retry } => {
                if let Some(limit) = limit {
                    write!(f, "used up {limit}: ")?;
                }
                match retry {
                    Some(retry) => write!(f, "parked, tried again in {retry:.1?}"),
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

fn restart(f: &mut fmt::Formatter<'_>, delay: Duration, used: Option<Used>) -> fmt::Result {
    if delay.is_zero() {
        f.write_str("restarts at once")?;
    } else {
        write!(f, "restarts in {delay:?}")?;
    }
    match used {
        Some(Used { count, limit }) => {
            write!(f, ", {count} of {} in {:?}", limit.max(), limit.window())
        }
        None => Ok(()),
    }
}
