//! What a caller is told while shards move and a store fails.

use std::time::Duration;

use session_supervisor_cluster::engine::Shards;
use session_supervisor_cluster::error::{Outcome, RefusalKind, RequestError};

use crate::node::{Count, count, soon, state, until, world};
use crate::store::Does;

/// Ids of a shard.
fn ids(shard: u32, of: u32) -> impl Iterator<Item = String> {
    let shards = Shards::new(of).expect("a count");
    let all = (0..).map(|number| format!("session-{number:03}"));
    all.filter(move |id| shards.of(id).index() == shard)
}

/// A page may be of a shard that is on its way. The list goes on after it: what does not move is in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_list_does_not_end_at_a_shard_that_moves() {
    let Some(world) = world("/terms/listed", 2).await else {
        return;
    };
    let node = world.join("n").await;
    let stuck = ids(0, 2).next().expect("there is one");
    let others: Vec<_> = ids(1, 2).filter(|id| *id > stuck).take(5).collect();
    let started = node.start_session(&stuck, "deaf", &()).await;
    assert!(started.is_ok(), "{started:?}");
    for id in &others {
        let started = node.start_session(id, "count", &()).await;
        assert!(started.is_ok(), "{started:?}");
    }
    let cast = node.session_ref::<Count>(stuck.as_str()).cast(&()).await;
    assert!(cast.is_ok(), "{cast:?}");
    soon("a session that is held up", world.pause.begun()).await;
    world.delete("shards/0000").await;
    until(&node, |status| status.moving_here == 1).await;
    let (mut listed, mut after) = (Vec::new(), None);
    for _ in 0..20 {
        let page = node.list(after.as_deref(), 1).await;
        assert!(page.missing.is_empty(), "{page:?}");
        listed.extend(page.sessions.into_iter().map(|(_, row)| row.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(listed, others);
    world.pause.over();
    node.leave().await;
}

/// The session has ended, and the store has not forgotten it yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_stop_that_is_not_written_may_have_been_made() {
    let Some(world) = world("/terms/unwritten", 1).await else {
        return;
    };
    let node = world.join("n").await;
    let started = node.start_session("s", "count", &()).await;
    assert!(started.is_ok(), "{started:?}");
    assert_eq!(count(&node, "s").await, 1);
    world.trouble.set(Does::FailWrites);
    let error = node.stop_session("s").await.expect_err("it is not written");
    let RequestError::Refused { refusal, .. } = &error else {
        panic!("{error:?}");
    };
    assert_eq!(refusal.kind, RefusalKind::Store);
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    assert_ne!(state(&node, "s").await, "running");
    world.trouble.set(Does::Well);
    let limit = Duration::from_secs(60);
    drop(tokio::time::timeout(limit, node.leave()).await);
}

/// What looks at a node because of an event must not find it as it was before that.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_status_is_never_behind_the_events() {
    const SHARDS: u32 = 64;
    let Some(world) = world("/terms/behind", SHARDS).await else {
        return;
    };
    let node = world.join("n").await;
    let mut feed = node.subscribe();
    let mut known = feed.take_snapshot().expect("it is new");
    // No shard of the only node goes to another one, so what is known stays so.
    let is_told = async {
        loop {
            let status = node.status();
            for (shard, owner) in &known.shards {
                assert_eq!(status.owners.get(shard), Some(&owner.owner), "{shard}");
            }
            for name in known.nodes.keys() {
                assert!(status.nodes.contains_key(name), "{name}");
            }
            if known.unowned() == 0 {
                return;
            }
            let event = feed.next().await.expect("it stays").expect("few events");
            known.apply(&event);
        }
    };
    soon("an owner of each shard", is_told).await;
    node.leave().await;
}
