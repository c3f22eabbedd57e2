//! The numbers of session supervisors through the [`metrics`](https://docs.rs/metrics) facade, for
//! Prometheus and others. It needs the feature `metrics`.
//!
//! An [`Exporter`] hands over what [`SessionSupervisor::stats`] says, whenever it is told to
//! [publish](Exporter::publish). Nothing is handed over by itself: a recorder is foreign code that may
//! block or panic, and the supervisor never calls it. So it runs where `publish` is called, in a thread
//! that the program chose, under no lock, and what it does there delays no session.
//!
//! | metric | kind | labels beside `supervisor` | what it is |
//! | --- | --- | --- | --- |
//! | `session_supervisor_sessions` | gauge | `state`: `starting`, `running`, `restarting`, `stopping`, `parked`, `stuck` | sessions that there are now |
//! | `session_supervisor_starts_total` | counter | `outcome`: `started`, `failed`, `ignored`, `name_taken`, `timed_out`, `stopped` | [`Stats::starts`] |
//! | `session_supervisor_exits_total` | counter | `kind`: `normal`, `shutdown`, `killed`, `failed` | [`Stats::exits`] |
//! | `session_supervisor_restarts_total` | counter | | [`Stats::restarts`] |
//! | `session_supervisor_kills_total` | counter | | [`Stats::kills`] |
//! | `session_supervisor_parks_total` | counter | | [`Stats::parks`] |
//! | `session_supervisor_rejected_total` | counter | `reason`: `claim_taken`, `max_sessions`, `quota`, `start_rate` | [`Stats::rejected`] |
//! | `session_supervisor_events_lost_total` | counter | | [`Stats::events_lost`] |
//! | `session_supervisor_start_duration_seconds` | histogram | | [`Stats::start_duration`] |
//! | `session_supervisor_stop_duration_seconds` | histogram | | [`Stats::stop_duration`] |
//! | `session_supervisor_restart_delay_seconds` | histogram | | [`Stats::restart_delay`] |
//! | `session_supervisor_session_lifetime_seconds` | histogram | | [`Stats::lifetime`] |
//!
//! The label `supervisor` is the supervisor's name. **No label ever holds the id of a session.** A
//! supervisor with a [unique name](crate::Options::unique_name) makes new series each time.
//!
//! The facade takes single samples, and the supervisor keeps none. A histogram is handed over as
//! values within the buckets in which the durations were counted, as many as there are, which add up to
//! the same sum. So an exporter with the bounds that [`buckets`] names shows what `stats()` says. With
//! other bounds or with quantiles it shows an approximation.
//!
//! # Examples
//!
//! The whole program is `examples/metrics.rs`.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! use metrics_exporter_prometheus::{Matcher, PrometheusBuilder};
//! use session_supervisor::{Options, SessionSupervisor, metrics};
//!
//! let mut builder = PrometheusBuilder::new();
//! for (name, bounds) in metrics::buckets() {
//!     let name = Matcher::Full(name.to_owned());
//!     builder = builder.set_buckets_for_metric(name, &bounds).unwrap();
//! }
//! let prometheus = builder.install_recorder().unwrap();
//! let sessions = SessionSupervisor::start(Options::new().name("chats")).await.unwrap();
//!
//! let mut exporter = metrics::Exporter::new();
//! // At each scrape:
//! exporter.publish(&sessions);
//! let text = prometheus.render();
//! assert!(text.contains(r#"session_supervisor_sessions{supervisor="chats",state="running"} 0"#));
//! # sessions.stop().await.unwrap();
//! # }
//! ```

#[doc(hidden)]
pub mod samples;

use std::sync::{Arc, Weak};

use ::metrics::{
    Label, SharedString, Unit, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

use crate::SessionSupervisor;
use crate::actor::shared::Shared;
use crate::engine::{Histogram, Stats};
use samples::Given;

const SESSIONS: &str = "session_supervisor_sessions";
const STARTS: &str = "session_supervisor_starts_total";
const EXITS: &str = "session_supervisor_exits_total";
const RESTARTS: &str = "session_supervisor_restarts_total";
const KILLS: &str = "session_supervisor_kills_total";
const PARKS: &str = "session_supervisor_parks_total";
const REJECTED: &str = "session_supervisor_rejected_total";
const EVENTS_LOST: &str = "session_supervisor_events_lost_total";
const START_DURATION: &str = "session_supervisor_start_duration_seconds";
const STOP_DURATION: &str = "session_supervisor_stop_duration_seconds";
const RESTART_DELAY: &str = "session_supervisor_restart_delay_seconds";
const LIFETIME: &str = "session_supervisor_session_lifetime_seconds";

/// Hands the numbers of session supervisors over to the recorder of the `metrics` facade.
///
/// It remembers what it has handed over of each supervisor, and adds what is more. So a program has one
/// exporter, for all its supervisors. A supervisor that takes the place of another of the same name
/// goes on where that one was: totals never fall.
#[derive(Debug, Default)]
pub struct Exporter {
    known: Vec<Known>,
}

/// What was handed over of one supervisor.
#[derive(Debug)]
struct Known {
    /// Not its name: the numbers of the next one of that name begin anew.
    supervisor: Weak<Shared>,
    totals: [u64; TOTALS],
    distributions: [Given; DISTRIBUTIONS],
}

impl Exporter {
    /// One that has handed over nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hands over what has happened since it was last called for this supervisor, and how many
    /// sessions there are now.
    ///
    /// Call it at each scrape, or as often as numbers are to be new. It looks for the recorder each
    /// time; what it hands over before one is installed is lost. It also tells what the metrics mean
    /// (`describe_counter` and so on). After the end of the supervisor it hands over the last of its
    /// numbers, and that there are no sessions.
    ///
    /// It sends the supervisor no message and waits for nothing but the recorder, which it calls once
    /// for each duration that was counted. Call it where that may block: in the handler of the scrape,
    /// or in `spawn_blocking`.
    ///
    /// # Panics
    ///
    /// If the recorder panics. No number is handed over twice for that: the one at which it panicked
    /// counts as handed over, the others follow next time.
    pub fn publish(&mut self, sessions: &SessionSupervisor) {
        let stats = sessions.stats();
        let supervisor = SharedString::from(Arc::<str>::from(sessions.name()));
        let known = self.known(&sessions.shared);
        describe();
        for (state, count) in states(&stats) {
            let labels = labels(&supervisor, Some(("state", state)));
            gauge!(SESSIONS, labels).set(count as f64);
        }
        for ((name, label, total), given) in totals(&stats).into_iter().zip(&mut known.totals) {
            let more = total.saturating_sub(*given);
            *given += more;
            counter!(name, labels(&supervisor, label)).increment(more);
        }
        let distributions = distributions(&stats).into_iter();
        for ((name, histogram), given) in distributions.zip(&mut known.distributions) {
            let recorder = histogram!(name, labels(&supervisor, None));
            for (seconds, times) in given.more(histogram) {
                recorder.record_many(seconds, times);
            }
        }
    }

    fn known(&mut self, supervisor: &Arc<Shared>) -> &mut Known {
        self.known
            .retain(|known| known.supervisor.strong_count() > 0);
        let is_it =
            |known: &Known| std::ptr::eq(known.supervisor.as_ptr(), Arc::as_ptr(supervisor));
        let at = self.known.iter().position(is_it).unwrap_or_else(|| {
            self.known.push(Known {
                supervisor: Arc::downgrade(supervisor),
                totals: [0; TOTALS],
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

fn labels(supervisor: &SharedString, label: Option<(&'static str, &'static str)>) -> Vec<Label> {
    let supervisor = Label::new("supervisor", supervisor.clone());
    let label = label.map(|(key, value)| Label::from_static_parts(key, value));
    [supervisor].into_iter().chain(label).collect()
}

fn states(stats: &Stats) -> [(&'static str, usize); 6] {
    let counts = &stats.sessions;
    [
        ("starting", counts.starting),
        ("running", counts.active),
        ("restarting", counts.restarting),
        ("stopping", counts.stopping),
        ("parked", counts.parked),
        ("stuck", counts.stuck),
    ]
}

const TOTALS: usize = 18;

/// A counter: its name, its label, and how many there were.
type Total = (&'static str, Option<(&'static str, &'static str)>, u64);

fn totals(stats: &Stats) -> [Total; TOTALS] {
    let Stats {
        starts,
        exits,
        rejected,
        ..
    } = stats;
    [
        (STARTS, Some(("outcome", "started")), starts.started),
        (STARTS, Some(("outcome", "failed")), starts.failed),
        (STARTS, Some(("outcome", "ignored")), starts.ignored),
        (STARTS, Some(("outcome", "name_taken")), starts.name_taken),
        (STARTS, Some(("outcome", "timed_out")), starts.timed_out),
        (STARTS, Some(("outcome", "stopped")), starts.stopped),
        (EXITS, Some(("kind", "normal")), exits.normal),
        (EXITS, Some(("kind", "shutdown")), exits.shutdown),
        (EXITS, Some(("kind", "killed")), exits.killed),
        (EXITS, Some(("kind", "failed")), exits.failed),
        (RESTARTS, None, stats.restarts),
        (KILLS, None, stats.kills),
        (PARKS, None, stats.parks),
        (
            REJECTED,
            Some(("reason", "claim_taken")),
            rejected.claim_taken,
        ),
        (
            REJECTED,
            Some(("reason", "max_sessions")),
            rejected.max_sessions,
        ),
        (REJECTED, Some(("reason", "quota")), rejected.quota),
        (
            REJECTED,
            Some(("reason", "start_rate")),
            rejected.start_rate,
        ),
        (EVENTS_LOST, None, stats.events_lost),
    ]
}

const DISTRIBUTIONS: usize = 4;

fn distributions(stats: &Stats) -> [(&'static str, &Histogram); DISTRIBUTIONS] {
    [
        (START_DURATION, &stats.start_duration),
        (STOP_DURATION, &stats.stop_duration),
        (RESTART_DELAY, &stats.restart_delay),
        (LIFETIME, &stats.lifetime),
    ]
}

fn describe() {
    describe_gauge!(
        SESSIONS,
        Unit::Count,
        "Sessions that there are now, by state."
    );
    for (name, what) in [
        (STARTS, "Starts of sessions that are over, by outcome."),
        (EXITS, "Ends of sessions that had started, by kind."),
        (RESTARTS, "Restarts that were decided by the rules."),
        (KILLS, "Sessions that the supervisor killed."),
        (PARKS, "How often a session was parked."),
        (
            REJECTED,
            "Starts and resumptions that were refused, by reason.",
        ),
        (EVENTS_LOST, "Events that a subscriber did not get."),
    ] {
        describe_counter!(name, Unit::Count, what);
    }
    for (name, what) in [
        (START_DURATION, "How long starts took that succeeded."),
        (STOP_DURATION, "How long stops of running sessions took."),
        (RESTART_DELAY, "The pauses before restarts."),
        (LIFETIME, "How long sessions ran that have ended."),
    ] {
        describe_histogram!(name, Unit::Seconds, what);
    }
}
