//! Recorders that panic or block.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::with_local_recorder;
use session_supervisor::metrics::Exporter;

use crate::recorder::Record;
use crate::{some_lives, supervisor, worker};

/// It panics once at each number. All others are handed over, none twice, and the supervisor goes on.
#[tokio::test(start_paused = true)]
async fn a_recorder_that_panics_costs_the_number_at_which_it_does() {
    let sessions = supervisor("panics").await;
    some_lives(&sessions).await;
    let calls = Arc::new(AtomicUsize::new(0));
    let whole = Record::default().with({
        let calls = Arc::clone(&calls);
        move |_| {
            calls.fetch_add(1, Ordering::Relaxed);
        }
    });
    with_local_recorder(&whole, || Exporter::new().publish(&sessions));
    let whole = std::mem::take(&mut *whole.recorded.lock().unwrap());
    let calls = calls.load(Ordering::Relaxed);
    assert!(calls > 30, "{calls} numbers");
    for nth in 0..calls {
        let calls = AtomicUsize::new(0);
        let record = Record::default().with(move |name| {
            if calls.fetch_add(1, Ordering::Relaxed) == nth {
                resume_unwind(Box::new(format!("hostile: {name}")));
            }
        });
        let mut exporter = Exporter::new();
        let publish = AssertUnwindSafe(|| {
            with_local_recorder(&record, || exporter.publish(&sessions));
        });
        catch_unwind(publish).unwrap_err();
        with_local_recorder(&record, || exporter.publish(&sessions));
        let recorded = record.recorded.lock().unwrap();
        let less: BTreeMap<_, _> = whole
            .values
            .iter()
            .filter(|(name, value)| recorded.values.get(*name) != Some(*value))
            .collect();
        assert!(less.len() <= 1, "{less:?}");
        for (name, value) in less {
            let recorded = recorded.values.get(name).copied().unwrap_or_default();
            assert!(recorded < *value, "{name} is handed over twice");
        }
    }
    some_lives_more(&sessions).await;
    sessions.stop().await.expect("it stops");
}

async fn some_lives_more(sessions: &session_supervisor::SessionSupervisor) {
    sessions
        .start_session("more", worker())
        .await
        .expect("it starts");
    sessions.stop_session("more").await.expect("it stops");
}

/// On a runtime of one thread, while a recorder blocks another thread.
#[tokio::test]
async fn a_recorder_that_blocks_delays_nobody_else() {
    let sessions = supervisor("blocks").await;
    let (record, blocked, release) = Record::that_blocks();
    let publishes = std::thread::spawn({
        let (sessions, record) = (sessions.clone(), record.clone());
        move || with_local_recorder(&record, || Exporter::new().publish(&sessions))
    });
    tokio::task::spawn_blocking(move || blocked.recv())
        .await
        .expect("it waits")
        .expect("it blocks");
    some_lives(&sessions).await;
    let stats = sessions.stats();
    assert_eq!((stats.starts.started, stats.exits.failed), (4, 1));
    let mut others = Exporter::new();
    let other = Record::default();
    with_local_recorder(&other, || others.publish(&sessions));
    let started = r#"session_supervisor_starts_total{supervisor="blocks",outcome="started"}"#;
    assert_eq!(other.value(started), 4.0);
    sessions.stop().await.expect("it stops");
    drop(release);
    publishes.join().expect("it goes on");
    // As it was when it was read.
    assert_eq!(record.value(started), 0.0);
}
