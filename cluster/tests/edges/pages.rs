//! Pages of many sessions while the supervisor has other work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::task::JoinSet;

use crate::node::{soon, until, world};

/// A page asks the supervisor of all its rows in a few turns. If it asked of one after another, each row would
/// wait behind all that others ask meanwhile. On one thread those get a turn whenever the page waits.
#[tokio::test]
async fn a_page_does_not_wait_behind_others_for_each_of_its_rows() {
    const ROWS: usize = 1_000;
    let Some(world) = world("pages", 4) else {
        return;
    };
    let node = world.join("n").await;
    until(&node, |status| status.unowned == 0).await;
    let mut starts = JoinSet::new();
    for number in 0..ROWS {
        let node = node.clone();
        let id = format!("session-{number:04}");
        starts.spawn(async move { node.start_session(&id, "echo", "").await });
    }
    for started in starts.join_all().await {
        assert!(started.is_ok(), "{started:?}");
    }
    let answers = Arc::new(AtomicUsize::new(0));
    let others: JoinSet<()> = (0..8)
        .map(|_| {
            let (sessions, answers) = (node.sessions().clone(), Arc::clone(&answers));
            async move {
                while sessions.session_info("session-0001").await.is_ok() {
                    answers.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
        .collect();
    let page = soon("a list", node.list(None, 1_000)).await;
    let answers = answers.load(Ordering::Relaxed);
    assert_eq!(page.sessions.len(), ROWS);
    assert!(answers > 0 && answers < ROWS, "{answers} for others");
    drop(others);
    node.leave().await;
}
