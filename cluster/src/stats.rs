//! What a node has done so far and how it stands now, as numbers. `meter` counts them.

use std::time::Duration;

use serde::Serialize;
use session_supervisor::Histogram;
use session_supervisor::engine::BOUNDS;

use crate::engine::serial;

/// The bounds of requests.
pub(crate) static REQUEST: [Duration; BOUNDS] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// The bounds of hand-overs and of restores.
pub(crate) static MOVE: [Duration; BOUNDS] = [
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
];

/// What a node has done since its start, and how it stands now:
/// [`ClusterSupervisor::stats`](crate::ClusterSupervisor::stats).
///
/// Totals never become less, also when the node loses its lease and joins again. They are read one after
/// another while the node goes on, so they may be of slightly different moments. What happens to sessions
/// is counted by the supervisor of each node
/// ([`sessions().stats()`](session_supervisor::SessionSupervisor::stats)).
///
/// The upper bounds of the histograms' buckets are, for the
///
/// - durations of requests: 50 µs, 100 µs, 250 µs, 500 µs, 1 ms, 2.5 ms, 5 ms, 10 ms, 25 ms, 50 ms,
///   100 ms, 250 ms, 500 ms, 1 s, 5 s, 30 s;
/// - durations of hand-overs and restores: 1 ms, 2.5 ms, 5 ms, 10 ms, 25 ms, 50 ms, 100 ms, 250 ms,
///   500 ms, 1 s, 2.5 s, 5 s, 10 s, 30 s, 1 min, 5 min;
///
/// and one more bucket holds what took longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// How many nodes there are.
    pub nodes: usize,
    /// How many shards stand how.
    pub shards: ShardCounts,
    /// How many other nodes can be asked.
    pub peers_connected: usize,
    /// Requests of this node's callers that are not answered yet.
    pub requests_in_flight: u64,
    /// How long ago the latest confirmed renewal of the lease was sent. None: there is no lease.
    #[serde(serialize_with = "serial::seconds_if_any")]
    pub lease_age: Option<Duration>,
    /// Requests of this node's callers, those among them that this node carried out itself.
    pub sent: ByKind<Sent>,
    /// Requests of other nodes.
    pub served: ByKind<Served>,
    /// Requests of this node's callers that were refused, by the reason.
    pub refused: Refused,
    /// How often a node that was asked has named another one.
    pub redirects: u64,
    /// Shards that this node has claimed.
    pub claims: u64,
    /// Shards that this node has handed over in order.
    pub hand_overs: u64,
    /// Shards that this node has lost, with its lease or otherwise.
    pub losses: u64,
    /// Events that were lost to those who [subscribe](crate::ClusterSupervisor::subscribe) and read too
    /// slowly. They count when the reader is told.
    pub events_lost: u64,
    /// How long requests took that were done or refused: from the call to its answer, with all that was
    /// waited for and tried again.
    pub request_duration: Histogram,
    /// How long hand-overs took: from the moment from which on nothing was admitted until etcd had
    /// confirmed that the shard is free.
    pub hand_over_duration: Histogram,
    /// How long restores took: from the first read of the store until the last session of the shard ran.
    pub restore_duration: Histogram,
}

/// Those of a node that has done nothing yet.
impl Default for Stats {
    fn default() -> Self {
        let none = |bounds| Histogram::counted(bounds, [0; BOUNDS + 1], Duration::ZERO);
        Self {
            nodes: 0,
            shards: ShardCounts::default(),
            peers_connected: 0,
            requests_in_flight: 0,
            lease_age: None,
            sent: ByKind::default(),
            served: ByKind::default(),
            refused: Refused::default(),
            redirects: 0,
            claims: 0,
            hand_overs: 0,
            losses: 0,
            events_lost: 0,
            request_duration: none(&REQUEST),
            hand_over_duration: none(&MOVE),
            restore_duration: none(&MOVE),
        }
    }
}

/// Shards by how they stand. Those of other nodes are in none of the three.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ShardCounts {
    /// This node serves them.
    pub owned: u32,
    /// This node is claiming or giving them up.
    pub moving: u32,
    /// No node owns them, as far as this node knows.
    pub unowned: u32,
}

/// Something for each kind of request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ByKind<T> {
    /// `start_session` and `ensure_session`.
    pub start: T,
    /// `find`.
    pub lookup: T,
    /// `stop_session`.
    pub stop: T,
    /// `call` of a [`ClusterRef`](crate::ClusterRef).
    pub call: T,
    /// `cast` of a [`ClusterRef`](crate::ClusterRef).
    pub cast: T,
    /// `list`: one for each node.
    pub list: T,
    /// That the node leave.
    pub leave: T,
}

impl<T> ByKind<T> {
    /// All of them, each with the name of the kind.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &T)> {
        [
            ("start", &self.start),
            ("lookup", &self.lookup),
            ("stop", &self.stop),
            ("call", &self.call),
            ("cast", &self.cast),
            ("list", &self.list),
            ("leave", &self.leave),
        ]
        .into_iter()
    }
}

/// Requests of this node's callers, by what came of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Sent {
    /// They were done.
    pub done: u64,
    /// They were refused.
    pub refused: u64,
    /// No node that could be reached owned the id in time.
    pub no_owner: u64,
    /// The owner gave no answer.
    pub unanswered: u64,
    /// They could not be sent, or the answer could not be read.
    pub failed: u64,
    /// The caller went away.
    pub cancelled: u64,
}

impl Sent {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.done + self.refused + self.no_owner + self.unanswered + self.failed + self.cancelled
    }
}

/// Requests of other nodes, by what was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Served {
    /// They were done.
    pub done: u64,
    /// They were refused.
    pub refused: u64,
    /// Another node owned the id.
    pub elsewhere: u64,
    /// Nobody could do it just then.
    pub not_now: u64,
    /// They were given up: their time was over, or they panicked. What was begun may have been done.
    pub cancelled: u64,
}

impl Served {
    /// All of them.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.done + self.refused + self.elsewhere + self.not_now + self.cancelled
    }
}

/// Requests that were refused, by the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Refused {
    /// The request could not be read, or was of another version.
    pub bad_request: u64,
    /// The two nodes could not work together.
    pub mismatch: u64,
    /// The request was too large.
    pub too_large: u64,
    /// It was not done in time.
    pub timed_out: u64,
    /// What carried it out panicked.
    pub panicked: u64,
    /// No session had this id.
    pub not_found: u64,
    /// A session with this id ran already, or was remembered.
    pub already_runs: u64,
    /// The node knew no kind of this name.
    pub unknown_kind: u64,
    /// The arguments or the message were not of the kind's type.
    pub bad_arguments: u64,
    /// The id broke the rules of ids.
    pub bad_id: u64,
    /// A limit of the node was reached.
    pub limit: u64,
    /// The start of the session failed.
    pub start_failed: u64,
    /// The session did not reply.
    pub no_reply: u64,
    /// The node or the session was stopping.
    pub stopping: u64,
    /// The store failed or could not be reached.
    pub store: u64,
    /// Anything else.
    pub other: u64,
    /// The answer was too large. What was asked may have been done.
    pub answer_too_large: u64,
}

/// How many reasons there are.
pub(crate) const REASONS: usize = 17;

impl Refused {
    /// All of them, each with the name of the reason.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.table().into_iter()
    }

    /// The sum.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.iter().map(|(_, count)| count).sum()
    }

    const fn table(&self) -> [(&'static str, u64); REASONS] {
        [
            ("bad_request", self.bad_request),
            ("mismatch", self.mismatch),
            ("too_large", self.too_large),
            ("timed_out", self.timed_out),
            ("panicked", self.panicked),
            ("not_found", self.not_found),
            ("already_runs", self.already_runs),
            ("unknown_kind", self.unknown_kind),
            ("bad_arguments", self.bad_arguments),
            ("bad_id", self.bad_id),
            ("limit", self.limit),
            ("start_failed", self.start_failed),
            ("no_reply", self.no_reply),
            ("stopping", self.stopping),
            ("store", self.store),
            ("other", self.other),
            ("answer_too_large", self.answer_too_large),
        ]
    }
}
