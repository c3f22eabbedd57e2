//! Very many sessions are started, fail and are stopped, while eight follow and one never reads.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use session_supervisor::error::TryNextError;
use session_supervisor::{Options, SessionSupervisor, Snapshot, Subscription};
use tokio::task::JoinSet;

use super::shown;
use crate::support::{Order, Probe, answered, supervisor};

const READERS: usize = 8;

/// How many each test of the suite starts.
const SOME: usize = 5_000;

/// What one has read, and how many events it has lost.
struct Read {
    list: Snapshot,
    read: u64,
    lost: u64,
    /// How many it did not need, since it took a new list.
    passed_over: u64,
}

/// Reads until it has come to this revision.
async fn read(mut feed: Subscription, until: Arc<AtomicU64>) -> Read {
    let mut reader = Read {
        list: feed.take_snapshot().expect("it begins with one"),
        read: 0,
        lost: 0,
        passed_over: 0,
    };
    while reader.list.revision < until.load(Ordering::Acquire) {
        match answered("an event", feed.next()).await.expect("it runs") {
            Ok(event) => {
                reader.read += 1;
                reader.list.apply(&event);
            }
            Err(lagged) => {
                reader.lost += lagged.lost;
                let before = feed.revision();
                feed.resync().await.expect("it runs");
                reader.passed_over += feed.revision() - before;
                reader.list = feed.take_snapshot().expect("it begins anew");
            }
        }
    }
    reader
}

async fn many(count: usize) {
    let began = std::time::Instant::now();
    let options = Options::new().max_sessions(usize::MAX);
    let sessions = supervisor(options).await;
    let probe = Probe::default();
    let mut lazy = sessions.subscribe().await.unwrap();
    let begin = lazy.revision();
    let until = Arc::new(AtomicU64::new(u64::MAX));
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let feed = sessions.subscribe().await.unwrap();
        assert_eq!(feed.revision(), begin);
        readers.spawn(read(feed, Arc::clone(&until)));
    }
    let each = move |caller: usize| (caller..count).step_by(READERS);
    let mut callers = JoinSet::new();
    for caller in 0..READERS {
        let (sessions, probe) = (sessions.clone(), probe.clone());
        callers.spawn(async move {
            for n in each(caller) {
                let id = format!("s{n}");
                let session = sessions.start_session(&id, probe.spec()).await.unwrap();
                session.cast(Order::Crash).unwrap();
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    let limit = std::time::Duration::from_secs(300);
    probe.within(limit, |tally| tally.ready == 2 * count).await;
    for caller in 0..READERS {
        let sessions = sessions.clone();
        callers.spawn(async move {
            for n in each(caller) {
                let id = format!("s{n}");
                if n % 2 == 0 {
                    sessions.stop_session(&id).await.unwrap();
                } else {
                    // From then on nothing happens to it.
                    sessions.await_session::<Order>(&id).await.unwrap();
                }
            }
        });
    }
    while let Some(done) = callers.join_next().await {
        done.unwrap();
    }
    let mut last = sessions.subscribe().await.unwrap();
    let list = last.take_snapshot().unwrap();
    until.store(list.revision, Ordering::Release);
    // Readers that wait for an event see that they have come far enough.
    sessions.start_session("last", probe.spec()).await.unwrap();
    let listed = |snapshot: &Snapshot| {
        let mut list = shown(snapshot);
        list.remove("last");
        list
    };
    let expected = listed(&list);
    assert_eq!(expected.len(), count / 2);
    let took = began.elapsed();
    let (mut read, mut lost) = (0, 0);
    while let Some(reader) = answered("the readers", readers.join_next()).await {
        let reader = reader.unwrap();
        (read, lost) = (read + reader.read, lost + reader.lost);
        assert_eq!(listed(&reader.list), expected);
        let known = reader.read + reader.lost + reader.passed_over;
        assert_eq!(
            known,
            reader.list.revision - begin,
            "all is read or known to be lost"
        );
    }
    let mut own = super::listed(&sessions).await;
    own.remove("last");
    assert_eq!(own, expected, "the supervisor's own list");
    let mut end = sessions.subscribe().await.unwrap();
    let total = end.take_snapshot().unwrap().revision - begin;
    let most = SessionSupervisor::EVENTS_KEPT as u64;
    let unread = match lazy.try_next() {
        Ok(event) => {
            assert!(total <= most && event.revision == begin + 1);
            0
        }
        Err(TryNextError::Lagged(lagged)) => {
            assert_eq!(lagged.lost, total - most);
            lagged.lost
        }
        Err(error) => panic!("{error}"),
    };
    // It goes on with the first that is kept.
    if unread > 0 {
        assert_eq!(lazy.try_next().unwrap().revision, begin + unread + 1);
    }
    sessions.stop().await.unwrap();
    println!(
        "feed: {count} sessions in {:.1} s, {total} events; {READERS} readers read {read} and lost \
         {lost}; the one that never reads lost {unread}",
        took.as_secs_f64()
    );
}

#[tokio::test(start_paused = true)]
async fn eight_follow_five_thousand_sessions_and_one_never_reads() {
    many(SOME).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_follow_five_thousand_sessions_and_one_never_reads_on_several_threads() {
    many(SOME).await;
}

/// `cargo test --release --test it -- --ignored --nocapture eight_follow_a_hundred_thousand`
#[ignore = "minutes without optimization; the command is in CONTRIBUTING.md"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_follow_a_hundred_thousand_sessions_and_one_never_reads() {
    many(100_000).await;
}
