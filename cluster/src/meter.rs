//! Counting what a node does, on any of its threads, for anybody to read at any time.

mod ask;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use session_supervisor::Histogram;
use session_supervisor::engine::BOUNDS;

pub(crate) use ask::{Asking, Serving};

use crate::engine::{EventKind, NodeName};
use crate::stats::{ByKind, MOVE, REASONS, REQUEST, Refused, Sent, Served, ShardCounts, Stats};
use crate::wire::{Ask, RefusalKind, Wanted};

/// How many kinds of requests are counted.
const KINDS: usize = 7;

/// What a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Start,
    Lookup,
    Stop,
    Call,
    Cast,
    List,
    Leave,
}

impl RequestKind {
    /// None: nodes ask it of each other, and it is no request of anybody.
    pub(crate) const fn of(ask: &Ask) -> Option<Self> {
        Some(match ask {
            Ask::Hello(_) | Ask::Figures => return None,
            Ask::Start { .. } => Self::Start,
            Ask::Lookup { .. } => Self::Lookup,
            Ask::Stop { .. } => Self::Stop,
            Ask::Call {
                reply: Wanted::Yes, ..
            } => Self::Call,
            Ask::Call {
                reply: Wanted::No, ..
            } => Self::Cast,
            Ask::List { .. } => Self::List,
            Ask::Leave => Self::Leave,
        })
    }

    const fn place(self) -> usize {
        match self {
            Self::Start => 0,
            Self::Lookup => 1,
            Self::Stop => 2,
            Self::Call => 3,
            Self::Cast => 4,
            Self::List => 5,
            Self::Leave => 6,
        }
    }
}

/// What came of a request of this node's callers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SentHow {
    Done,
    Refused(RefusalKind),
    NoOwner,
    Unanswered,
    Failed,
    Cancelled,
}

/// What was answered to a request of another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServedHow {
    Done,
    Refused,
    Elsewhere,
    NotNow,
    Cancelled,
}

/// A number that any thread adds to.
#[derive(Debug, Default)]
struct Number(AtomicU64);

impl Number {
    /// Who sees it sees what was counted before it.
    fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Release);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// A distribution of durations, whose sum is in nanoseconds: full after 584 years.
#[derive(Debug, Default)]
struct Distribution {
    buckets: [Number; BOUNDS + 1],
    sum: Number,
}

impl Distribution {
    fn add(&self, took: Duration, bounds: &[Duration; BOUNDS]) {
        // Before the bucket, so that who sees the bucket sees this.
        self.sum
            .add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX));
        let bucket = bounds.partition_point(|bound| *bound < took);
        if let Some(bucket) = self.buckets.get(bucket) {
            bucket.add(1);
        }
    }

    fn read(&self, bounds: &'static [Duration; BOUNDS]) -> Histogram {
        let buckets = self.buckets.each_ref().map(Number::get);
        Histogram::counted(bounds, buckets, Duration::from_nanos(self.sum.get()))
    }
}

/// The numbers of one node.
#[derive(Debug, Default)]
pub struct Meter {
    in_flight: AtomicU64,
    sent: [[Number; 6]; KINDS],
    served: [[Number; 5]; KINDS],
    refused: [Number; REASONS],
    redirects: Number,
    claims: Number,
    losses: Number,
    events_lost: Number,
    requests: Distribution,
    hand_overs: Distribution,
    restores: Distribution,
}

impl Meter {
    fn sent(&self, kind: RequestKind, how: SentHow) {
        let place = match how {
            SentHow::Done => 0,
            SentHow::Refused(_) => 1,
            SentHow::NoOwner => 2,
            SentHow::Unanswered => 3,
            SentHow::Failed => 4,
            SentHow::Cancelled => 5,
        };
        if let SentHow::Refused(why) = how {
            self.refused[reason(why)].add(1);
        }
        self.sent[kind.place()][place].add(1);
    }

    fn served(&self, kind: RequestKind, how: ServedHow) {
        let place = match how {
            ServedHow::Done => 0,
            ServedHow::Refused => 1,
            ServedHow::Elsewhere => 2,
            ServedHow::NotNow => 3,
            ServedHow::Cancelled => 4,
        };
        self.served[kind.place()][place].add(1);
    }

    /// A node that was asked has named another one.
    pub(crate) fn redirected(&self) {
        self.redirects.add(1);
    }

    /// A subscriber has lost so many events.
    pub(crate) fn lose_events(&self, lost: u64) {
        self.events_lost.add(lost);
    }

    /// Something has happened, as the node of this name tells it.
    pub(crate) fn happened(&self, kind: &EventKind, node: &NodeName) {
        match kind {
            EventKind::ShardClaimed { owner, .. } if owner.node == *node => self.claims.add(1),
            EventKind::ShardLost { owner, .. } if owner.node == *node => self.losses.add(1),
            EventKind::ShardReleased {
                took: Some(took), ..
            } => self.hand_overs.add(*took, &MOVE),
            EventKind::ShardRestored { sessions, .. } => self.restores.add(sessions.took, &MOVE),
            _ => {}
        }
    }

    /// All numbers, as they are now. What is not counted but looked up is zero.
    pub(crate) fn read(&self) -> Stats {
        let sent = |kind: RequestKind| {
            let [done, refused, no_owner, unanswered, failed, cancelled] =
                self.sent[kind.place()].each_ref().map(Number::get);
            Sent {
                done,
                refused,
                no_owner,
                unanswered,
                failed,
                cancelled,
            }
        };
        let served = |kind: RequestKind| {
            let [done, refused, elsewhere, not_now, cancelled] =
                self.served[kind.place()].each_ref().map(Number::get);
            Served {
                done,
                refused,
                elsewhere,
                not_now,
                cancelled,
            }
        };
        let hand_over_duration = self.hand_overs.read(&MOVE);
        let sent = by_kind(sent);
        Stats {
            nodes: 0,
            shards: ShardCounts::default(),
            peers_connected: 0,
            requests_in_flight: self.in_flight.load(Ordering::Acquire),
            lease_age: None,
            sent,
            served: by_kind(served),
            // After what was sent, so that no refusal is missing here.
            refused: self.refused(),
            redirects: self.redirects.get(),
            claims: self.claims.get(),
            hand_overs: hand_over_duration.count(),
            losses: self.losses.get(),
            events_lost: self.events_lost.get(),
            request_duration: self.requests.read(&REQUEST),
            hand_over_duration,
            restore_duration: self.restores.read(&MOVE),
        }
    }

    fn refused(&self) -> Refused {
        let of = |why| self.refused[reason(why)].get();
        Refused {
            bad_request: of(RefusalKind::BadRequest),
            mismatch: of(RefusalKind::Mismatch),
            too_large: of(RefusalKind::TooLarge),
            timed_out: of(RefusalKind::TimedOut),
            panicked: of(RefusalKind::Panicked),
            not_found: of(RefusalKind::NotFound),
            already_runs: of(RefusalKind::AlreadyRuns),
            unknown_kind: of(RefusalKind::UnknownKind),
            bad_arguments: of(RefusalKind::BadArguments),
            bad_id: of(RefusalKind::BadId),
            limit: of(RefusalKind::Limit),
            start_failed: of(RefusalKind::StartFailed),
            no_reply: of(RefusalKind::NoReply),
            stopping: of(RefusalKind::Stopping),
            store: of(RefusalKind::Store),
            other: of(RefusalKind::Other),
            answer_too_large: of(RefusalKind::AnswerTooLarge),
        }
    }
}

fn by_kind<T>(of: impl Fn(RequestKind) -> T) -> ByKind<T> {
    ByKind {
        start: of(RequestKind::Start),
        lookup: of(RequestKind::Lookup),
        stop: of(RequestKind::Stop),
        call: of(RequestKind::Call),
        cast: of(RequestKind::Cast),
        list: of(RequestKind::List),
        leave: of(RequestKind::Leave),
    }
}

/// The place of a reason among the others.
const fn reason(why: RefusalKind) -> usize {
    match why {
        RefusalKind::BadRequest => 0,
        RefusalKind::Mismatch => 1,
        RefusalKind::TooLarge => 2,
        RefusalKind::TimedOut => 3,
        RefusalKind::Panicked => 4,
        RefusalKind::NotFound => 5,
        RefusalKind::AlreadyRuns => 6,
        RefusalKind::UnknownKind => 7,
        RefusalKind::BadArguments => 8,
        RefusalKind::BadId => 9,
        RefusalKind::Limit => 10,
        RefusalKind::StartFailed => 11,
        RefusalKind::NoReply => 12,
        RefusalKind::Stopping => 13,
        RefusalKind::Store => 14,
        RefusalKind::Other => 15,
        RefusalKind::AnswerTooLarge => 16,
    }
}

#[cfg(test)]
mod tests;
