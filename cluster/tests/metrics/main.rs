//! The feature `metrics`: what a recorder is told is what `stats()` says, under the names of the
//! documentation, by a node in this process.

#[path = "../../../tests/metrics/recorder.rs"]
#[expect(dead_code, reason = "the library's own test uses the rest of it")]
mod recorder;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use metrics::{Unit, with_local_recorder};
use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use recorder::Record;
use session_supervisor::{ChildSpec, Histogram};
use session_supervisor_cluster::metrics::{Exporter, buckets};
use session_supervisor_cluster::{ClusterOptions, ClusterSupervisor, Drain, Kinds, Remote, Stats};
use session_supervisor_store::MemoryStore;
use tokio::sync::Notify;

#[path = "../support/etcd.rs"]
#[expect(dead_code, reason = "other tests use the rest of it")]
mod etcd;

/// Until then [`Echo`] leaves 0 unanswered.
static LET_GO: Notify = Notify::const_new();

struct Echo;
struct Ask(u64, Option<RpcReplyPort<u64>>);

impl ractor::Message for Ask {}

impl Remote for Ask {
    const PROTOCOL: &'static str = "echo/1";
    type Request = u64;
    type Reply = u64;

    fn of(number: u64, reply: Option<RpcReplyPort<u64>>) -> Self {
        Self(number, reply)
    }
}

#[ractor::actor(message = Ask, state = (), arguments = ())]
impl Echo {
    async fn handle(
        &self,
        _: ActorRef<Ask>,
        Ask(number, reply): Ask,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        let Some(reply) = reply else {
            return Ok(());
        };
        if number == 0 {
            LET_GO.notified().await;
        }
        // The caller may be gone.
        let _ = reply.send(number);
        Ok(())
    }
}

async fn join(etcd: &etcd::Cluster) -> ClusterSupervisor {
    let kinds = Kinds::new().kind("echo", |(): (), _seat| ChildSpec::new(|_| (Echo, ())));
    let options = ClusterOptions::new("numbers", "one", "a cookie")
        .etcd(etcd.endpoints())
        .lease(Duration::from_secs(10))
        .request_timeout(Duration::from_secs(60))
        .shards(8);
    let joined = ClusterSupervisor::join(options, kinds, MemoryStore::new()).await;
    joined.expect("it joins")
}

/// Something that is no node has written it, which is a fault of every node.
async fn strange_key(etcd: &etcd::Cluster) {
    let client = etcd_client::Client::connect(etcd.endpoints(), None).await;
    let mut client = client.expect("a client");
    let written = client.put("/session-supervisor/numbers/nodes/z", "?", None);
    written.await.expect("a write");
}

/// Requests of each outcome that a node alone has, and a drain. Nothing is under way then.
async fn some_work(cluster: &ClusterSupervisor) {
    for id in ["secret-a", "secret-b"] {
        cluster
            .start_session(id, "echo", &())
            .await
            .expect("it starts");
    }
    cluster
        .start_session("secret-a", "echo", &())
        .await
        .expect_err("it runs");
    cluster
        .ensure_session("secret-a", "echo", &())
        .await
        .expect("it runs");
    cluster
        .start_session("secret-c", "none", &())
        .await
        .expect_err("no such kind");
    cluster.find("secret-d").await.expect("an answer");
    cluster.find("").await.expect_err("no id");
    let call = cluster.session_ref::<Ask>("secret-a");
    call.call(&1, Duration::from_secs(60))
        .await
        .expect("a reply");
    call.cast(&1).await.expect("it is taken");
    drop(cluster.list(None, 10).await);
    cluster.stop_session("secret-b").await.expect("it stops");
    // A caller that goes away as soon as it has asked.
    let mut asks = Box::pin(call.call(&0, Duration::from_secs(60)));
    let nothing = std::future::poll_fn(|context| {
        let _ = asks.as_mut().poll(context);
        std::task::Poll::Ready(())
    });
    nothing.await;
    drop(asks);
    LET_GO.notify_one();
    let mut feed = cluster.subscribe();
    while cluster.stats().restore_duration.count() < 8 {
        feed.next().await.expect("it goes on").expect("it is read");
    }
    let drained = cluster.drain(Drain::within(Duration::from_secs(60))).await;
    assert_eq!(drained.expect("it drains").summary.handed_over, 8);
    // etcd has answered that a shard is released before its watch tells so.
    let seen = async {
        while cluster.stats().shards.unowned < 8 {
            tokio::task::yield_now().await;
        }
    };
    let seen = tokio::time::timeout(Duration::from_secs(60), seen).await;
    seen.expect("the watch tells of it");
}

fn documented() -> BTreeMap<String, (String, BTreeSet<(String, String)>)> {
    let rows = include_str!("../../src/metrics.rs").lines();
    let rows = rows.filter_map(|line| line.strip_prefix("//! | `session_supervisor_cluster_"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let name = format!(
            "session_supervisor_cluster_{}",
            cells[0].trim_end_matches('`')
        );
        let plain = |text: &str| text.trim_matches('`').to_owned();
        let mut labels = BTreeSet::new();
        for label in cells[2].split("; ").filter(|label| !label.is_empty()) {
            let (key, values) = label.split_once(": ").expect("values");
            labels.extend(values.split(", ").map(|value| (plain(key), plain(value))));
        }
        (name, (cells[1].to_owned(), labels))
    })
    .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_recorder_is_told_what_stats_says_under_the_documented_names() {
    let Some(etcd) = etcd::Cluster::start(1) else {
        return;
    };
    strange_key(&etcd).await;
    let cluster = join(&etcd).await;
    let (record, mut exporter) = (Record::default(), Exporter::new());
    let mut publish = || with_local_recorder(&record, || exporter.publish(&cluster));
    publish();
    some_work(&cluster).await;
    publish();
    let stats = cluster.stats();
    // What was handed over is not handed over again.
    publish();
    check_names(&record);
    check_values(&record, &stats);
    check_counts(&stats);
    cluster.leave().await;
    let after = cluster.stats();
    assert_eq!(after.lease_age, None);
    assert_eq!(after.sent, stats.sent);
}

fn check_names(record: &Record) {
    let recorded = record.recorded.lock().unwrap();
    let documented = documented();
    assert_eq!(documented.len(), 17);
    let mut found = BTreeMap::<String, BTreeSet<(String, String)>>::new();
    for (name, labels) in &recorded.keys {
        let own = [("cluster", "numbers"), ("node", "one")];
        let own = own.map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!(labels[..2], own);
        found
            .entry(name.clone())
            .or_default()
            .extend(labels[2..].iter().cloned());
        assert!(labels.iter().all(|(_, value)| !value.contains("secret")));
    }
    let labels = |(name, (_, labels)): (&String, &(_, BTreeSet<_>))| (name.clone(), labels.clone());
    assert_eq!(found, documented.iter().map(labels).collect());
    for (name, (kind, _)) in &documented {
        let seconds = name.ends_with("_seconds");
        let unit = if seconds { Unit::Seconds } else { Unit::Count };
        assert_eq!(recorded.described[name], Some(unit), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert!(kind != "histogram" || seconds, "{name}");
    }
    let histograms = documented
        .iter()
        .filter(|(_, (kind, _))| kind == "histogram");
    let with_buckets: BTreeSet<_> = buckets().map(|(name, _)| name.to_owned()).collect();
    let histograms: BTreeSet<_> = histograms.map(|(name, _)| name.clone()).collect();
    assert_eq!(with_buckets, histograms);
}

fn check_values(record: &Record, stats: &Stats) {
    let value = |name: &str, labels: &str| {
        let comma = if labels.is_empty() { "" } else { "," };
        let own = r#"cluster="numbers",node="one""#;
        record.value(&format!(
            "session_supervisor_cluster_{name}{{{own}{comma}{labels}}}"
        ))
    };
    let total = |name: &str, labels: &str, count: u64| {
        assert_eq!(value(name, labels), count as f64, "{name} {labels}");
    };
    for (kind, sent) in stats.sent.iter() {
        for (outcome, count) in [
            ("done", sent.done),
            ("refused", sent.refused),
            ("no_owner", sent.no_owner),
            ("unanswered", sent.unanswered),
            ("failed", sent.failed),
            ("cancelled", sent.cancelled),
        ] {
            let labels = format!(r#"kind="{kind}",outcome="{outcome}""#);
            total("requests_sent_total", &labels, count);
        }
    }
    for (kind, served) in stats.served.iter() {
        let labels = format!(r#"kind="{kind}",outcome="done""#);
        total("requests_served_total", &labels, served.done);
    }
    for (reason, count) in stats.refused.iter() {
        total(
            "requests_refused_total",
            &format!(r#"reason="{reason}""#),
            count,
        );
    }
    for (name, count) in [
        ("redirects_total", stats.redirects),
        ("shards_claimed_total", stats.claims),
        ("shards_handed_over_total", stats.hand_overs),
        ("shards_lost_total", stats.losses),
        ("events_lost_total", stats.events_lost),
        ("nodes", stats.nodes as u64),
        ("peers_connected", stats.peers_connected as u64),
        ("requests_in_flight", stats.requests_in_flight),
    ] {
        total(name, "", count);
    }
    let shards = &stats.shards;
    for (state, count) in [
        ("owned", shards.owned),
        ("moving", shards.moving),
        ("unowned", shards.unowned),
    ] {
        total("shards", &format!(r#"state="{state}""#), count.into());
    }
    for (label, kind) in &documented()["session_supervisor_cluster_faults"].1 {
        let count = u64::from(kind == "unreadable_value");
        total("faults", &format!(r#"{label}="{kind}""#), count);
    }
    let age = value("lease_age_seconds", "");
    assert!((0.0..10.0).contains(&age), "{age}");
    let distribution = |name: &str, histogram: &Histogram| {
        let own = r#"{cluster="numbers",node="one"}"#;
        let samples = record.samples(&format!("session_supervisor_cluster_{name}{own}"));
        assert_eq!(samples.len() as u64, histogram.count(), "{name}");
        let (sum, expected) = (samples.iter().sum::<f64>(), histogram.sum().as_secs_f64());
        assert!((sum - expected).abs() < 1e-6, "{name}: {sum}, {expected}");
    };
    distribution("request_duration_seconds", &stats.request_duration);
    distribution("hand_over_duration_seconds", &stats.hand_over_duration);
    distribution("restore_duration_seconds", &stats.restore_duration);
}

/// What `some_work` has done.
fn check_counts(stats: &Stats) {
    let sent = &stats.sent;
    assert_eq!((sent.start.done, sent.start.refused), (3, 2));
    assert_eq!((sent.lookup.done, sent.lookup.refused), (1, 1));
    assert_eq!((sent.call.done, sent.call.cancelled), (1, 1));
    assert_eq!((sent.cast.done, sent.cast.total()), (1, 1));
    assert_eq!((sent.stop.done, sent.list.done), (1, 1));
    let refused = &stats.refused;
    assert_eq!(
        (refused.already_runs, refused.unknown_kind, refused.bad_id),
        (1, 1, 1)
    );
    assert_eq!(refused.total(), 3);
    assert_eq!(stats.requests_in_flight, 0);
    assert_eq!((stats.claims, stats.hand_overs, stats.losses), (8, 8, 0));
    assert_eq!(stats.restore_duration.count(), 8);
    assert_eq!(stats.request_duration.count(), 11);
    assert_eq!(
        (stats.nodes, stats.shards.owned, stats.shards.unowned),
        (1, 0, 8)
    );
    // Nobody else has asked.
    assert!(stats.served.iter().all(|(_, served)| served.total() == 0));
}
