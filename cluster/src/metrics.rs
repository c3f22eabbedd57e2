//! The numbers of a node through the [`metrics`](https://docs.rs/metrics) facade, for Prometheus and
//! others. It needs the feature `metrics`.
//!
//! An [`Exporter`] hands over what [`ClusterSupervisor::stats`] says, and how many faults there are, whenever it
//! is told to [publish](Exporter::publish). Nothing is handed over by itself: a recorder is foreign code that may
//! block or panic, and the node never calls it. The numbers of the node's sessions are those of
//! [`session_supervisor::metrics`]: publish [`sessions`](ClusterSupervisor::sessions) there.
//!
//! | metric | kind | labels beside `cluster` and `node` | what it is |
//! | --- | --- | --- | --- |
//! | `session_supervisor_cluster_nodes` | gauge | | [`Stats::nodes`] |
//! | `session_supervisor_cluster_shards` | gauge | `state`: `owned`, `moving`, `unowned` | [`Stats::shards`] |
//! | `session_supervisor_cluster_peers_connected` | gauge | | [`Stats::peers_connected`] |
//! | `session_supervisor_cluster_requests_in_flight` | gauge | | [`Stats::requests_in_flight`] |
//! | `session_supervisor_cluster_lease_age_seconds` | gauge | | [`Stats::lease_age`]; `+Inf` without a lease |
//! | `session_supervisor_cluster_faults` | gauge | `kind`: `not_joined`, `unread`, `store_not_responding`, `older_epochs`, `unreadable_value` | the [faults](crate::Status::faults) of [`status`](ClusterSupervisor::status): of each kind so many, or 0 |
//! | `session_supervisor_cluster_requests_sent_total` | counter | `kind`: `start`, `lookup`, `stop`, `call`, `cast`, `list`, `leave`; `outcome`: `done`, `refused`, `no_owner`, `unanswered`, `failed`, `cancelled` | [`Stats::sent`] |
//! | `session_supervisor_cluster_requests_served_total` | counter | `kind`: `start`, `lookup`, `stop`, `call`, `cast`, `list`, `leave`; `outcome`: `done`, `refused`, `elsewhere`, `not_now`, `cancelled` | [`Stats::served`] |
//! | `session_supervisor_cluster_requests_refused_total` | counter | `reason`: `bad_request`, `mismatch`, `too_large`, `timed_out`, `panicked`, `not_found`, `already_runs`, `unknown_kind`, `bad_arguments`, `bad_id`, `limit`, `start_failed`, `no_reply`, `stopping`, `store`, `other`, `answer_too_large` | [`Stats::refused`] |
//! | `session_supervisor_cluster_redirects_total` | counter | | [`Stats::redirects`] |
//! | `session_supervisor_cluster_shards_claimed_total` | counter | | [`Stats::claims`] |
//! | `session_supervisor_cluster_shards_handed_over_total` | counter | | [`Stats::hand_overs`] |
//! | `session_supervisor_cluster_shards_lost_total` | counter | | [`Stats::losses`] |
//! | `session_supervisor_cluster_events_lost_total` | counter | | [`Stats::events_lost`] |
//! | `session_supervisor_cluster_request_duration_seconds` | histogram | | [`Stats::request_duration`] |
//! | `session_supervisor_cluster_hand_over_duration_seconds` | histogram | | [`Stats::hand_over_duration`] |
//! | `session_supervisor_cluster_restore_duration_seconds` | histogram | | [`Stats::restore_duration`] |
//!
//! The labels `cluster` and `node` are their names. **No label ever holds the id of a session.**
//!
//! Histograms are handed over as those of the library are, so an exporter with the bounds that
//! [`buckets`] names shows what `stats()` says.
//!
//! ```no_run
//! # fn scrape(cluster: &session_supervisor_cluster::ClusterSupervisor) {
//! use session_supervisor_cluster::metrics;
//!
//! let mut nodes = metrics::Exporter::new();
//! let mut sessions = session_supervisor::metrics::Exporter::new();
//! // At each scrape:
//! nodes.publish(cluster);
//! sessions.publish(cluster.sessions());
//! # }
//! ```

use std::sync::{Arc, Weak};

use ::metrics::{
    Label, SharedString, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};
use session_supervisor::Histogram;
use session_supervisor::metrics::samples::Given;

use crate::cluster_supervisor::ClusterSupervisor;
use crate::fault::Fault;
use crate::meter::Meter;
use crate::stats::Stats;

const NODES: &str = "session_supervisor_cluster_nodes";
const SHARDS: &str = "session_supervisor_cluster_shards";
const PEERS: &str = "session_supervisor_cluster_peers_connected";
const IN_FLIGHT: &str = "session_supervisor_cluster_requests_in_flight";
const LEASE_AGE: &str = "session_supervisor_cluster_lease_age_seconds";
const FAULT_COUNT: &str = "session_supervisor_cluster_faults";
const SENT: &str = "session_supervisor_cluster_requests_sent_total";
const SERVED: &str = "session_supervisor_cluster_requests_served_total";
const REFUSED: &str = "session_supervisor_cluster_requests_refused_total";
const REDIRECTS: &str = "session_supervisor_cluster_redirects_total";
const CLAIMED: &str = "session_supervisor_cluster_shards_claimed_total";
const HANDED_OVER: &str = "session_supervisor_cluster_shards_handed_over_total";
const LOST: &str = "session_supervisor_cluster_shards_lost_total";
const EVENTS_LOST: &str = "session_supervisor_cluster_events_lost_total";
const REQUEST_DURATION: &str = "session_supervisor_cluster_request_duration_seconds";
const HAND_OVER_DURATION: &str = "session_supervisor_cluster_hand_over_duration_seconds";
const RESTORE_DURATION: &str = "session_supervisor_cluster_restore_duration_seconds";

/// Hands the numbers of nodes over to the recorder of the `metrics` facade.
///
/// It remembers what it has handed over of each node, and adds what is more. So a program has one
/// exporter. A node that takes the place of another of the same name goes on where that one was: totals
/// never fall.
#[derive(Debug, Default)]
pub struct Exporter {
    known: Vec<Known>,
}

/// What was handed over of one node.
#[derive(Debug)]
struct Known {
    /// Not its name: the numbers of the next one of that name begin anew.
    node: Weak<Meter>,
    /// In the order of [`totals`].
    totals: Vec<u64>,
    distributions: [Given; 3],
}

impl Exporter {
    /// One that has handed over nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands over what has happened since it was last called for this node, and how the node stands now.
    ///
    /// Call it at each scrape, or as often as numbers are to be new. It looks for the recorder each time;
    /// what it hands over before one is installed is lost. It also tells what the metrics mean
    /// (`describe_counter` and so on).
    ///
    /// It sends the node no message and waits for nothing but the recorder, which it calls once for each
    /// duration that was counted. Call it where that may block: in the handler of the scrape, or in
    /// `spawn_blocking`.
    ///
    /// # Panics
    ///
    /// If the recorder panics. No number is handed over twice for that: the one at which it panicked
    /// counts as handed over, the others follow next time.
    pub fn publish(&mut self, cluster: &ClusterSupervisor) {
        let stats = cluster.stats();
        let node = cluster.of_node();
        let faults = Fault::counts(&Fault::all_of(node));
        let named = [
            Label::new("cluster", SharedString::from(node.options.cluster.clone())),
            Label::new("node", SharedString::from(node.name.to_string())),
        ];
        let labels = |more: &[(&'static str, &'static str)]| -> Vec<Label> {
            let more = more.iter();
            let more = more.map(|(key, value)| Label::from_static_parts(key, value));
            named.iter().cloned().chain(more).collect()
        };
        let known = self.known(&node.local.meter);
        describe();
        for (name, label, value) in gauges(&stats) {
            gauge!(name, labels(label.as_slice())).set(value);
        }
        for (kind, count) in faults {
            gauge!(FAULT_COUNT, labels(&[("kind", kind)])).set(count as f64);
        }
        let totals = totals(&stats);
        known.totals.resize(totals.len(), 0);
        for ((name, label, total), given) in totals.into_iter().zip(&mut known.totals) {
            let more = total.saturating_sub(*given);
            *given += more;
            counter!(name, labels(&label)).increment(more);
        }
        let distributions = distributions(&stats).into_iter();
        for ((name, histogram), given) in distributions.zip(&mut known.distributions) {
            let recorder = histogram!(name, labels(&[]));
            for (seconds, times) in given.more(histogram) {
                recorder.record_many(seconds, times);
            }
        }
    }

    fn known(&mut self, node: &Arc<Meter>) -> &mut Known {
        self.known.retain(|known| known.node.strong_count() > 0);
        let is_it = |known: &Known| std::ptr::eq(known.node.as_ptr(), Arc::as_ptr(node));
        let at = self.known.iter().position(is_it).unwrap_or_else(|| {
            self.known.push(Known {
                node: Arc::downgrade(node),
                totals: Vec::new(),
                distributions: Default::default(),
            });
            self.known.len() - 1
        });
        &mut self.known[at]
    }
}

/// The bounds of the buckets of each histogram, in seconds: what an exporter is to be told so that it
/// shows the buckets in which the durations were counted.
pub fn buckets() -> impl Iterator<Item = (&'static str, Vec<f64>)> {
    let stats = Stats::default();
    let bounds = |of: &Histogram| of.bounds().iter().map(|it| it.as_secs_f64()).collect();
    let all = distributions(&stats).map(|(name, histogram)| (name, bounds(histogram)));
    all.into_iter()
}

type Pair = (&'static str, &'static str);

fn gauges(stats: &Stats) -> [(&'static str, Option<Pair>, f64); 7] {
    let age = stats
        .lease_age
        .map_or(f64::INFINITY, |age| age.as_secs_f64());
    let shards = &stats.shards;
    [
        (NODES, None, stats.nodes as f64),
        (SHARDS, Some(("state", "owned")), shards.owned.into()),
        (SHARDS, Some(("state", "moving")), shards.moving.into()),
        (SHARDS, Some(("state", "unowned")), shards.unowned.into()),
        (PEERS, None, stats.peers_connected as f64),
        (IN_FLIGHT, None, stats.requests_in_flight as f64),
        (LEASE_AGE, None, age),
    ]
}

/// A counter: its name, its labels, and how many there were.
type Total = (&'static str, Vec<Pair>, u64);

/// Always as many, in the same order.
fn totals(stats: &Stats) -> Vec<Total> {
    let mut totals = Vec::new();
    for (kind, sent) in stats.sent.iter() {
        for (outcome, count) in [
            ("done", sent.done),
            ("refused", sent.refused),
            ("no_owner", sent.no_owner),
            ("unanswered", sent.unanswered),
            ("failed", sent.failed),
            ("cancelled", sent.cancelled),
        ] {
            totals.push((SENT, vec![("kind", kind), ("outcome", outcome)], count));
        }
    }
    for (kind, served) in stats.served.iter() {
        for (outcome, count) in [
            ("done", served.done),
            ("refused", served.refused),
            ("elsewhere", served.elsewhere),
            ("not_now", served.not_now),
            ("cancelled", served.cancelled),
        ] {
            totals.push((SERVED, vec![("kind", kind), ("outcome", outcome)], count));
        }
    }
    let refused = stats.refused.iter();
    totals.extend(refused.map(|(reason, count)| (REFUSED, vec![("reason", reason)], count)));
    totals.extend([
        (REDIRECTS, Vec::new(), stats.redirects),
        (CLAIMED, Vec::new(), stats.claims),
        (HANDED_OVER, Vec::new(), stats.hand_overs),
        (LOST, Vec::new(), stats.losses),
        (EVENTS_LOST, Vec::new(), stats.events_lost),
    ]);
    totals
}

fn distributions(stats: &Stats) -> [(&'static str, &Histogram); 3] {
    [
        (REQUEST_DURATION, &stats.request_duration),
        (HAND_OVER_DURATION, &stats.hand_over_duration),
        (RESTORE_DURATION, &stats.restore_duration),
    ]
}

fn describe() {
    for (name, unit, what) in [
        (NODES, Unit::Count, "Nodes of the cluster."),
        (
            SHARDS,
            Unit::Count,
            "Shards, by how they stand to this node.",
        ),
        (PEERS, Unit::Count, "Other nodes that can be asked."),
        (IN_FLIGHT, Unit::Count, "Requests without an answer yet."),
        (
            LEASE_AGE,
            Unit::Seconds,
            "Since the last confirmed renewal of the lease was sent.",
        ),
        (
            FAULT_COUNT,
            Unit::Count,
            "What keeps this node from its work, by kind.",
        ),
    ] {
        describe_gauge!(name, unit, what);
    }
    for (name, what) in [
        (
            SENT,
            "Requests of this node's callers, by kind and outcome.",
        ),
        (SERVED, "Requests of other nodes, by kind and outcome."),
        (
            REFUSED,
            "Requests of this node's callers that were refused, by reason.",
        ),
        (
            REDIRECTS,
            "How often a node that was asked has named another one.",
        ),
        (CLAIMED, "Shards that this node has claimed."),
        (
            HANDED_OVER,
            "Shards that this node has handed over in order.",
        ),
        (LOST, "Shards that this node has lost."),
        (EVENTS_LOST, "Events that a subscriber did not get."),
    ] {
        describe_counter!(name, Unit::Count, what);
    }
    for (name, what) in [
        (
            REQUEST_DURATION,
            "How long requests took that were done or refused.",
        ),
        (HAND_OVER_DURATION, "How long hand-overs of shards took."),
        (RESTORE_DURATION, "How long restores of shards took."),
    ] {
        describe_histogram!(name, Unit::Seconds, what);
    }
}
