//! Starts by one caller of sessions that are not as simple as the others: a `pre_start` that awaits
//! once, and trees.

use std::sync::Arc;
use std::time::{Duration, Instant};

use session_supervisor::{ChildSpec, SessionSupervisor, Supervisor, TreeSpec};

use super::lives;
use super::session::Census;

/// Sessions of ours whose `pre_start` awaits once.
pub(crate) async fn ours(n: usize) -> Duration {
    let census = Census::awaiting();
    let sessions = lives::supervisor().await;
    let began = Instant::now();
    let started = lives::start_ours(&sessions, &census, n, 1).await;
    let took = began.elapsed();
    assert_eq!((started.len(), census.up()), (n, n));
    sessions.stop().await.expect("a running supervisor");
    took
}

/// The same by hand.
pub(crate) async fn by_hand(n: usize) -> Duration {
    start_by_hand(&Census::awaiting(), n).await
}

/// By hand, with a `pre_start` that is over at once.
pub(crate) async fn by_hand_at_once(n: usize) -> Duration {
    start_by_hand(&Census::new(), n).await
}

async fn start_by_hand(census: &Arc<Census>, n: usize) -> Duration {
    let root = lives::root_by_hand(census).await;
    let began = Instant::now();
    let started = lives::start_by_hand(&root, n, 1).await;
    let took = began.elapsed();
    assert_eq!((started.len(), census.up()), (n, n));
    root.stop_children_and_wait(None, None).await;
    root.stop_and_wait(None, None).await.expect("an end");
    took
}

/// Sessions of ours that are trees of three children.
pub(crate) async fn trees(n: usize) -> Duration {
    let census = Census::new();
    let sessions = lives::supervisor().await;
    let began = Instant::now();
    start_trees(&sessions, &census, n).await;
    let took = began.elapsed();
    assert_eq!(census.up(), 3 * n);
    sessions.stop().await.expect("a running supervisor");
    took
}

pub(crate) async fn start_trees(sessions: &SessionSupervisor, census: &Arc<Census>, n: usize) {
    let child = lives::spec(census);
    let spec: ChildSpec<Supervisor> = ChildSpec::tree(move |_| {
        TreeSpec::one_for_one()
            .child("manager", child.clone())
            .child("state", child.clone())
            .child("agent", child.clone())
    });
    for i in 0..n {
        let start = sessions.start_session(&format!("session-{i}"), spec.clone());
        drop(start.await.expect("a start"));
    }
}
