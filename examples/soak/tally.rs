//! What was done, in numbers.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    Start,
    Ensure,
    Stop,
    Restart,
    Info,
    List,
    Count,
    Find,
    Work,
    Crash,
    ForeignStop,
    ForeignDrain,
    ForeignKill,
    StartSupervisor,
    StopSupervisor,
    Cast,
    Await,
    WaitEnd,
    Lease,
    Explain,
}

impl Deed {
    pub(crate) const ALL: [(Self, &str); 20] = [
        (Self::Start, "start"),
        (Self::Ensure, "ensure"),
        (Self::Stop, "stop"),
        (Self::Restart, "restart"),
        (Self::Info, "info"),
        (Self::List, "list"),
        (Self::Count, "count"),
        (Self::Find, "find"),
        (Self::Work, "work"),
        (Self::Crash, "crash"),
        (Self::ForeignStop, "foreign stop"),
        (Self::ForeignDrain, "foreign drain"),
        (Self::ForeignKill, "foreign kill"),
        (Self::StartSupervisor, "start supervisor"),
        (Self::StopSupervisor, "stop supervisor"),
        (Self::Cast, "cast"),
        (Self::Await, "await"),
        (Self::WaitEnd, "wait end"),
        (Self::Lease, "lease"),
        (Self::Explain, "explain"),
    ];

    /// Whether its answer waits for no session, whatever they do.
    const fn is_question(self) -> bool {
        matches!(self, Self::Info | Self::List | Self::Count | Self::Explain)
    }
}

static DEEDS: [Count; Deed::ALL.len()] = [const { Count::new() }; Deed::ALL.len()];

pub(crate) fn did(deed: Deed) {
    DEEDS[deed as usize].one();
}

pub(crate) fn times(deed: Deed) -> u64 {
    DEEDS[deed as usize].get()
}

pub(crate) fn operations() -> u64 {
    DEEDS.iter().map(Count::get).sum()
}

static WORST_ANSWER: AtomicU64 = AtomicU64::new(0);
static WORST_QUESTION: AtomicU64 = AtomicU64::new(0);

/// Notes how long an answer took.
pub(crate) fn answered(deed: Deed, took: Duration) {
    did(deed);
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    WORST_ANSWER.fetch_max(micros, Ordering::Relaxed);
    if deed.is_question() {
        WORST_QUESTION.fetch_max(micros, Ordering::Relaxed);
    }
}

pub(crate) fn worst_answer() -> Duration {
    Duration::from_micros(WORST_ANSWER.load(Ordering::Relaxed))
}

/// The longest that a caller waited for an answer that waits for no session.
pub(crate) fn worst_question() -> Duration {
    Duration::from_micros(WORST_QUESTION.load(Ordering::Relaxed))
}

/// Callers who created a call and never polled it.
pub(crate) static UNPOLLED: Count = Count::new();
/// Callers who asked and did not wait for the answer.
pub(crate) static GIVEN_UP: Count = Count::new();

/// What the library's own log says of the sessions.
pub(crate) static RESTARTS: Count = Count::new();
pub(crate) static KILLS: Count = Count::new();
pub(crate) static PARKS: Count = Count::new();
pub(crate) static STUCK: Count = Count::new();
pub(crate) static TIMEOUTS: Count = Count::new();

/// Lines at which the log panicked, or blocked.
pub(crate) static LOG_PANICS: Count = Count::new();
pub(crate) static LOG_BLOCKS: Count = Count::new();

/// What was played to its end besides.
pub(crate) static TREES: Count = Count::new();
pub(crate) static FAMILIES: Count = Count::new();
pub(crate) static TRIALS: Count = Count::new();
pub(crate) static OUTAGES: Count = Count::new();
pub(crate) static SLOW_STOPS: Count = Count::new();

/// Those who follow supervisors: events, times they were too slow, looks at one id, supervisors that
/// were followed to the end without a loss.
pub(crate) static EVENTS: Count = Count::new();
pub(crate) static LAGS: Count = Count::new();
pub(crate) static COMPARED: Count = Count::new();
pub(crate) static FOLLOWED: Count = Count::new();
pub(crate) static FIGURES: Count = Count::new();
pub(crate) static FORETOLD: Count = Count::new();

/// What sessions need beyond starts and stops.
pub(crate) static IDLE_ENDS: Count = Count::new();
pub(crate) static LEASES: Count = Count::new();
pub(crate) static LIFETIMES: Count = Count::new();
pub(crate) static CLAIMS_WON: Count = Count::new();
pub(crate) static CLAIMS_LOST: Count = Count::new();
pub(crate) static SAVES: Count = Count::new();
pub(crate) static CROWDS: Count = Count::new();
pub(crate) static QUOTAS: Count = Count::new();
pub(crate) static REJECTIONS: Count = Count::new();
pub(crate) static TASKS: Count = Count::new();
pub(crate) static MORE_TIME: Count = Count::new();

/// How supervisors ended.
pub(crate) static STOPPED: Count = Count::new();
pub(crate) static STOPPED_FROM_OUTSIDE: Count = Count::new();
pub(crate) static DRAINED: Count = Count::new();
pub(crate) static ORDERLY_DRAINS: Count = Count::new();
pub(crate) static KILLED: Count = Count::new();
pub(crate) static ESCALATED: Count = Count::new();

/// How many sessions are alive now, of all supervisors.
pub(crate) static ALIVE: AtomicI64 = AtomicI64::new(0);
