//! The end of what a node lives in.

use std::time::Duration;

use session_supervisor_cluster::Drain;
use session_supervisor_cluster::error::DrainError;
use tokio::runtime::Builder;

use crate::node::{Echo, soon, world};

fn runtime() -> tokio::runtime::Runtime {
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.expect("a runtime")
}

/// A node runs in the runtime in which it has joined. One that asks it from another one is answered also when
/// that is gone.
#[test]
fn a_node_whose_runtime_has_ended_answers_that_it_has_left() {
    let Some(world) = world("no-runtime", 4) else {
        return;
    };
    let (first, second) = (runtime(), runtime());
    let node = first.block_on(world.join("n"));
    let started = second.block_on(node.ensure_session("s", "echo", ""));
    assert!(started.is_ok(), "{started:?}");
    let mut feed = node.subscribe();
    drop(first);
    second.block_on(async {
        let ended = async {
            while let Some(event) = feed.next().await {
                drop(event);
            }
        };
        soon("the end of the feed", ended).await;
        let limit = Duration::from_secs(10);
        let drained = soon("a drain", node.drain(Drain::within(limit))).await;
        assert!(matches!(drained, Err(DrainError::Left)), "{drained:?}");
        soon("leave", node.leave()).await;
        let session = node.session_ref::<Echo>("s");
        let called = soon("a call", session.call(&1, limit)).await;
        assert!(called.is_err(), "{called:?}");
        let page = soon("a list", node.list(None, 10)).await;
        assert!(page.sessions.is_empty(), "{page:?}");
    });
}

/// A program of one thread is one too.
#[tokio::test]
async fn a_node_runs_on_one_thread() {
    let Some(world) = world("one-thread", 8) else {
        return;
    };
    let node = world.join("n").await;
    let started = node.ensure_session("s", "echo", "").await;
    assert!(started.is_ok(), "{started:?}");
    let called = node
        .session_ref::<Echo>("s")
        .call(&3, Duration::from_secs(30))
        .await;
    assert_eq!(called.expect("it answers"), "xxx");
    node.leave().await;
}
