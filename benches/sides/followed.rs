//! A life of a supervisor that others follow: the same work, and readers that take every event.

use std::time::{Duration, Instant};

use session_supervisor::Subscription;
use tokio::task::JoinHandle;

use super::lives::{start_ours, storm, supervisor};
use super::session::Census;

/// What readers have taken.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Read {
    pub(crate) events: u64,
    pub(crate) lost: u64,
}

async fn read(mut feed: Subscription) -> Read {
    let mut read = Read::default();
    while let Some(event) = feed.next().await {
        match event {
            Ok(_) => read.events += 1,
            Err(lagged) => read.lost += lagged.lost,
        }
    }
    read
}

/// Starts `n` sessions, has all of them fail and come back, and stops them, while so many follow.
/// How long the three took together, and what was read.
pub(crate) async fn followed(n: usize, readers: usize) -> (Duration, Read) {
    let census = Census::new();
    let sessions = supervisor().await;
    let mut reading: Vec<JoinHandle<Read>> = Vec::new();
    for _ in 0..readers {
        let feed = sessions.subscribe().await.expect("a running supervisor");
        reading.push(tokio::spawn(read(feed)));
    }
    let began = Instant::now();
    let started = start_ours(&sessions, &census, n, 1).await;
    let start = began.elapsed();
    let storm = storm(&census, &started).await;
    drop(started);
    let began = Instant::now();
    let report = sessions.stop().await.expect("a running supervisor");
    let stop = began.elapsed();
    assert_eq!((report.stopped, census.stopped()), (n, n), "{report:?}");
    let mut all = Read::default();
    for reader in reading {
        let Read { events, lost } = reader.await.expect("no panic");
        all.events += events;
        all.lost += lost;
    }
    (start + storm + stop, all)
}
