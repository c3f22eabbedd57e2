//! Hand-overs that are overtaken: by the loss of the shard, by its return, by a store that fails.

use std::time::Duration;

use session_supervisor_cluster::engine::Shards;
use session_supervisor_cluster::error::{RefusalKind, RequestError};
use session_supervisor_store::{Change, Decided, Record, SessionStore};

use crate::log::{count_of, counts};
use crate::node::{Count, count, soon, state, until, world};
use crate::store::Does;

/// A drain waits for a start that was admitted before. Meanwhile the key of the shard is removed, and the
/// shard claimed anew: what runs in the new epoch is not the old drain's to end.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_drain_that_is_overtaken_ends_nothing_of_a_later_epoch() {
    let Some(world) = world("/terms/overtaken", 1).await else {
        return;
    };
    let node = world.join("n").await;
    let before = node.ensure_session("s", "count", &()).await;
    let before = before.expect("it starts").epoch;
    let slow = {
        let node = node.clone();
        tokio::spawn(async move { node.start_session("x", "slow", &()).await })
    };
    soon("a start", world.pause.begun()).await;
    let greedy = world.greedy().await;
    until(&node, |status| status.moving_here == 1).await;
    greedy.revoke().await.expect("an answer");
    until(&node, |status| status.nodes.len() == 1).await;
    world.delete("shards/0000").await;
    until(&node, |status| status.owned_here == 1).await;
    let found = node.find("s").await.expect("it is owned");
    assert!(found.expect("it is remembered").epoch > before);

    world.pause.over();
    let started = slow.await.expect("it does not panic");
    assert!(started.is_ok(), "{started:?}");
    // As much as a drain takes that begins now.
    for n in 0..50 {
        let started = node.start_session(&format!("y{n}"), "count", &()).await;
        assert!(started.is_ok(), "{started:?}");
    }
    assert_eq!(state(&node, "s").await, "running");
    assert_eq!(state(&node, "x").await, "running");
    node.leave().await;
}

/// The sessions of a shard are being read while another node gets it. What was read counts no more: it
/// is not known here when the shard comes back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_read_of_a_shard_that_is_lost_meanwhile_is_not_known() {
    let Some(mut world) = world("/terms/read", 1).await else {
        return;
    };
    let record = Record::new("s", "count", "null", 1, 0);
    let remember = Decided::under(1, Change::Remember(record));
    world.store.apply(&[remember]).expect("in memory");
    world.trouble.set(Does::HoldLoads);
    let node = world.join("n").await;
    soon("a load", world.trouble.held()).await;
    // The same claim is another node's, as far as can be seen.
    let put = world
        .raw
        .put(world.key("shards/0000"), "other 7", None)
        .await;
    put.expect("an answer");
    until(&node, |status| status.owned_here == 0).await;
    // That one stops the session.
    let forget = Change::Forget {
        id: "s".into(),
        revision: 1,
    };
    let forget = Decided::under(u64::MAX, forget);
    world.store.apply(&[forget]).expect("in memory");
    world.trouble.set(Does::Well);
    world.delete("shards/0000").await;
    let started = node.start_session("s", "count", &()).await;
    assert!(started.is_ok(), "{started:?}");
    node.leave().await;
}

/// A store that is away keeps all shards of a node waiting, each of which asks again every second.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_store_that_is_away_is_one_line_of_the_log_and_not_one_for_each_shard() {
    const CAUSE: &str = "no shard of /terms/flood can be read";
    let Some(world) = world("/terms/flood", 64).await else {
        return;
    };
    counts(CAUSE);
    world.trouble.set(Does::FailAllLoads(CAUSE));
    let failed = world.trouble.failed(192);
    let node = world.join("n").await;
    soon("three tries of each shard", failed).await;
    let status = node.status().to_string();
    assert!(status.contains(CAUSE), "{status}");
    assert_eq!(count_of(CAUSE), 1);
    world.trouble.set(Does::Well);
    let started = node.start_session("s", "count", &()).await;
    assert!(started.is_ok(), "{started:?}");
    node.leave().await;
}

/// The next owner finds what was saved, so the shard is not given up before it is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_shard_is_handed_over_when_what_its_sessions_have_saved_is_written() {
    let Some(mut world) = world("/terms/unwritten", 1).await else {
        return;
    };
    let node = world.join("n").await;
    let started = node.start_session("s", "count", &()).await;
    assert!(started.is_ok(), "{started:?}");
    assert_eq!(count(&node, "s").await, 1);
    world.trouble.set(Does::FailWrites);
    assert_eq!(count(&node, "s").await, 2);
    let greedy = world.greedy().await;
    until(&node, |status| status.moving_here == 1).await;
    soon("two tries", world.trouble.failed(3)).await;
    let shard = Shards::new(1).expect("a count").get(0).expect("a shard");
    let owner = world.etcd.owner(shard).await.expect("an answer");
    assert_eq!(owner.expect("it has an owner").node.as_str(), "n");
    world.trouble.set(Does::Well);
    world.unowned().await;
    let saved = world.store.state("s", "").expect("in memory");
    assert_eq!(&*saved.expect("it has saved").bytes, b"2");
    greedy.revoke().await.expect("an answer");
    assert_eq!(count(&node, "s").await, 3);
    node.leave().await;
}

/// After a hand-over a session is remembered, and its turn to be started has not come.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_request_waits_for_a_session_that_is_being_restored() {
    let Some(mut world) = world("/terms/restored", 1).await else {
        return;
    };
    let record = Record::new("s", "slow", "null", 1, 0);
    let remember = Decided::under(1, Change::Remember(record));
    world.store.apply(&[remember]).expect("in memory");
    let node = world.join("n").await;
    soon("a start", world.pause.begun()).await;
    let session = node.session_ref::<Count>("s");
    let early = session.call(&(), Duration::from_millis(100)).await;
    let not_found = |error: &RequestError| matches!(error, RequestError::Refused { refusal, .. } if refusal.kind == RefusalKind::NotFound);
    assert!(early.is_err_and(|error| !not_found(&error)));
    world.pause.over();
    assert_eq!(count(&node, "s").await, 1);
    node.leave().await;
}
