//! The example's server, scraped over TCP: its text, parsed, is what `stats()` says.

use std::collections::BTreeMap;

use session_supervisor::{Histogram, SessionSupervisor};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::{some_lives, supervisor};

#[expect(dead_code, reason = "its `main` and its sessions are not for the test")]
#[path = "../../examples/metrics.rs"]
mod example;

/// A series, by its name and labels, and its value.
type Page = BTreeMap<String, f64>;

async fn scrape(address: std::net::SocketAddr) -> (String, Page) {
    let mut stream = TcpStream::connect(address).await.expect("a server");
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("a text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a body");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let lines = body
        .lines()
        .filter(|line| line.contains("session_supervisor_"));
    let series = lines.filter(|line| !line.starts_with('#')).map(|line| {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        (series.to_owned(), value.parse().expect("a number"))
    });
    (body.to_owned(), series.collect())
}

/// The page that the numbers of a supervisor make.
fn expected(sessions: &SessionSupervisor) -> (Page, Vec<(String, f64)>) {
    let stats = sessions.stats();
    let name = sessions.name();
    let mut page = Page::new();
    let mut add = |metric: &str, label: &str, value: u64| {
        let series = format!("session_supervisor_{metric}{{supervisor=\"{name}\"{label}}}");
        page.insert(series, value as f64);
    };
    let counts = stats.sessions;
    for (state, count) in [
        ("starting", counts.starting),
        ("running", counts.active),
        ("restarting", counts.restarting),
        ("stopping", counts.stopping),
        ("parked", counts.parked),
        ("stuck", counts.stuck),
    ] {
        add("sessions", &format!(",state=\"{state}\""), count as u64);
    }
    for (outcome, count) in [
        ("started", stats.starts.started),
        ("failed", stats.starts.failed),
        ("ignored", stats.starts.ignored),
        ("name_taken", stats.starts.name_taken),
        ("timed_out", stats.starts.timed_out),
        ("stopped", stats.starts.stopped),
    ] {
        add("starts_total", &format!(",outcome=\"{outcome}\""), count);
    }
    for (kind, count) in [
        ("normal", stats.exits.normal),
        ("shutdown", stats.exits.shutdown),
        ("killed", stats.exits.killed),
        ("failed", stats.exits.failed),
    ] {
        add("exits_total", &format!(",kind=\"{kind}\""), count);
    }
    for (reason, count) in [
        ("claim_taken", stats.rejected.claim_taken),
        ("max_sessions", stats.rejected.max_sessions),
        ("quota", stats.rejected.quota),
        ("start_rate", stats.rejected.start_rate),
    ] {
        add("rejected_total", &format!(",reason=\"{reason}\""), count);
    }
    add("restarts_total", "", stats.restarts);
    add("kills_total", "", stats.kills);
    add("parks_total", "", stats.parks);
    add("events_lost_total", "", stats.events_lost);
    let mut sums = Vec::new();
    for (metric, histogram) in [
        ("start_duration_seconds", &stats.start_duration),
        ("stop_duration_seconds", &stats.stop_duration),
        ("restart_delay_seconds", &stats.restart_delay),
        ("session_lifetime_seconds", &stats.lifetime),
    ] {
        for (bound, count) in cumulated(histogram) {
            add(
                &format!("{metric}_bucket"),
                &format!(",le=\"{bound}\""),
                count,
            );
        }
        add(&format!("{metric}_count"), "", histogram.count());
        let series = format!("session_supervisor_{metric}_sum{{supervisor=\"{name}\"}}");
        sums.push((series, histogram.sum().as_secs_f64()));
    }
    (page, sums)
}

/// As Prometheus has them: each bucket holds those of the ones before it.
fn cumulated(histogram: &Histogram) -> impl Iterator<Item = (String, u64)> {
    let bounds = histogram.bounds().iter();
    let bounds = bounds.map(|bound| bound.as_secs_f64().to_string());
    let counts = histogram.buckets().iter().scan(0, |sum, count| {
        *sum += count;
        Some(*sum)
    });
    bounds.chain(["+Inf".to_owned()]).zip(counts)
}

#[tokio::test]
async fn a_scrape_tells_what_stats_says() {
    let prometheus = example::prometheus().expect("the only recorder of this process");
    let sessions = supervisor("scraped").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("its address");
    let app = example::app(sessions.clone(), prometheus);
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    for round in 0..3 {
        let (text, mut page) = scrape(address).await;
        let (expected, sums) = expected(&sessions);
        for (series, sum) in sums {
            let scraped = page
                .remove(&series)
                .unwrap_or_else(|| panic!("{series}: {text}"));
            assert!(
                (scraped - sum).abs() <= 1e-6 * (1.0 + sum),
                "{series}: {scraped}, {sum}"
            );
        }
        assert_eq!(page, expected, "round {round}");
        assert!(text.contains("# TYPE session_supervisor_start_duration_seconds histogram"));
        assert!(text.contains("# HELP session_supervisor_sessions "));
        some_lives(&sessions).await;
        sessions.stop_session("secret-a").await.expect("it stops");
        sessions.stop_session("secret-c").await.expect("it stops");
    }
    let (_, page) = scrape(address).await;
    let starts = r#"session_supervisor_starts_total{supervisor="scraped",outcome="started"}"#;
    assert_eq!(page[starts], 12.0);
    sessions.stop().await.expect("it stops");
    server.abort();
}
