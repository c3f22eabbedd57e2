//! What is handed over under which names, with which labels, and how often.

use std::collections::{BTreeMap, BTreeSet};

use metrics::{Unit, with_local_recorder};
use session_supervisor::metrics::{Exporter, buckets};

use crate::recorder::Record;
use crate::{some_lives, supervisor};

/// Each metric of the table in the documentation, with its kind, its label and the values of that.
fn documented() -> BTreeMap<String, (String, BTreeSet<(String, String)>)> {
    let rows = include_str!("../../src/metrics.rs").lines();
    let rows = rows.filter_map(|line| line.strip_prefix("//! | `session_supervisor_"));
    rows.map(|row| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let name = format!("session_supervisor_{}", cells[0].trim_end_matches('`'));
        let labels = cells[2]
            .split_once(": ")
            .map_or_else(BTreeSet::new, |(key, values)| {
                let plain = |text: &str| text.trim_matches('`').to_owned();
                let values = values.split(", ").map(plain);
                values.map(|value| (plain(key), value)).collect()
            });
        (name, (cells[1].to_owned(), labels))
    })
    .collect()
}

#[tokio::test(start_paused = true)]
async fn the_names_and_labels_are_those_of_the_documentation_and_none_is_an_id() {
    let sessions = supervisor("names").await;
    some_lives(&sessions).await;
    let record = Record::default();
    with_local_recorder(&record, || Exporter::new().publish(&sessions));
    sessions.stop().await.expect("it stops");
    let recorded = record.recorded.lock().unwrap();
    let documented = documented();
    assert_eq!(documented.len(), 12);
    let mut found = BTreeMap::<String, BTreeSet<(String, String)>>::new();
    for (name, labels) in &recorded.keys {
        let (first, rest) = labels.split_first().expect("a label");
        assert_eq!(first, &("supervisor".to_owned(), "names".to_owned()));
        found
            .entry(name.clone())
            .or_default()
            .extend(rest.iter().cloned());
        let is_id = |value: &str| value.contains("secret") || value.contains("never");
        assert!(labels.iter().all(|(_, value)| !is_id(value)), "{labels:?}");
    }
    let labels = |(name, (_, labels)): (&String, &(_, BTreeSet<_>))| (name.clone(), labels.clone());
    assert_eq!(found, documented.iter().map(labels).collect());
    for (name, (kind, _)) in &documented {
        let unit = match &**kind {
            "histogram" => Unit::Seconds,
            "counter" | "gauge" => Unit::Count,
            other => panic!("{other} is no kind"),
        };
        assert_eq!(recorded.described[name], Some(unit), "{name}");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert_eq!(kind == "histogram", name.ends_with("_seconds"), "{name}");
    }
    let histograms = documented
        .iter()
        .filter(|(_, (kind, _))| kind == "histogram");
    let with_buckets: BTreeSet<_> = buckets().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(
        with_buckets,
        histograms.map(|(name, _)| name.clone()).collect()
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_handed_over_is_not_handed_over_again() {
    let sessions = supervisor("once").await;
    let (record, mut exporter) = (Record::default(), Exporter::new());
    let mut publish = || with_local_recorder(&record, || exporter.publish(&sessions));
    let started = r#"session_supervisor_starts_total{supervisor="once",outcome="started"}"#;
    let running = r#"session_supervisor_sessions{supervisor="once",state="running"}"#;
    let durations = r#"session_supervisor_start_duration_seconds{supervisor="once"}"#;
    publish();
    assert_eq!((record.value(started), record.value(running)), (0.0, 0.0));
    some_lives(&sessions).await;
    for _ in 0..3 {
        publish();
        assert_eq!((record.value(started), record.value(running)), (4.0, 2.0));
        assert_eq!(record.samples(durations).len(), 4);
    }
    sessions.stop().await.expect("it stops");
    publish();
    assert_eq!((record.value(started), record.value(running)), (4.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_of_the_same_name_goes_on_where_the_one_before_was() {
    let (record, mut exporter) = (Record::default(), Exporter::new());
    let started = r#"session_supervisor_starts_total{supervisor="again",outcome="started"}"#;
    let refused = r#"session_supervisor_rejected_total{supervisor="again",reason="max_sessions"}"#;
    for round in 1..=3 {
        let sessions = supervisor("again").await;
        some_lives(&sessions).await;
        sessions.stop().await.expect("it stops");
        with_local_recorder(&record, || exporter.publish(&sessions));
        assert_eq!(record.value(started), 4.0 * f64::from(round));
        assert_eq!(record.value(refused), f64::from(round));
    }
}
