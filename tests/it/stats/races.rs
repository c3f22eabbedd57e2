//! Numbers that are read while many callers change them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use session_supervisor::{Counts, Options, Restart};
use tokio::task::JoinSet;

use super::{balanced, counted};
use crate::support::{Order, Probe, end, supervisor};

const TASKS: u64 = 8;
const LIVES: u64 = 60;

/// Each caller has its own id: a start, a crash for every third, a stop. So all of it is known.
async fn many_lives() {
    let sessions = supervisor(Options::new()).await;
    let probe = Probe::default();
    let over = Arc::new(AtomicBool::new(false));
    let reader = std::thread::spawn({
        let (sessions, over) = (sessions.clone(), Arc::clone(&over));
        move || {
            let mut before = sessions.stats();
            while !over.load(Ordering::Relaxed) {
                let now = sessions.stats();
                let (started, ended) = (now.starts.started, now.exits.total());
                assert!(ended <= started, "{ended} ends of {started} starts");
                assert!(now.lifetime.count() <= started);
                assert!(now.stop_duration.count() <= started);
                let known = now.sessions.specs as u64;
                // The states are read one after another: a session that changes its state meanwhile
                // may be seen in both.
                assert!(known <= 2 * TASKS, "{known} sessions");
                // Totals never become less.
                assert!(before.starts.total() <= now.starts.total());
                assert!(before.exits.total() <= ended);
                assert!(before.lifetime.sum() <= now.lifetime.sum());
                before = now;
            }
        }
    });
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (sessions, probe) = (sessions.clone(), probe.clone());
        tasks.spawn(async move {
            let id = format!("{task}");
            for life in 0..LIVES {
                let spec = probe.spec().restart(Restart::Temporary);
                let session = sessions.start_session(&id, spec).await.unwrap();
                if life % 3 == 0 {
                    end(&session, Order::Crash).await;
                } else {
                    sessions.stop_session(&id).await.unwrap();
                }
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    over.store(true, Ordering::Relaxed);
    tokio::task::spawn_blocking(|| reader.join())
        .await
        .unwrap()
        .unwrap();
    for task in 0..TASKS {
        sessions.wait_end(&format!("{task}")).await.ok();
    }
    let stats = counted(&sessions).await;
    assert_eq!(stats.sessions, Counts::default());
    assert_eq!(stats.starts.started, TASKS * LIVES);
    assert_eq!(stats.exits.failed, TASKS * LIVES / 3);
    assert_eq!(stats.exits.shutdown, TASKS * LIVES * 2 / 3);
    assert_eq!(stats.stop_duration.count(), stats.exits.shutdown);
    assert_eq!((stats.kills, stats.restarts), (0, 0));
    sessions.stop().await.unwrap();
    balanced(&sessions.stats());
}

/// "At any time the exits are at most as many as the starts that succeeded."
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_end_is_shown_without_its_start_on_several_threads() {
    many_lives().await;
}

#[tokio::test]
async fn no_end_is_shown_without_its_start_on_one_thread() {
    many_lives().await;
}
