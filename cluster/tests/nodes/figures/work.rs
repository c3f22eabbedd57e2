//! The work that a node is measured by. Each piece answers how many nanoseconds one of many took.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use session_supervisor::{ChildSpec, Options, SessionSupervisor};
use session_supervisor_cluster::ClusterSupervisor;
use session_supervisor_cluster::engine::Shards;
use session_supervisor_cluster::error::RequestError;
use tokio::task::JoinSet;

use super::session::{BYTES, Echo, Session};

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) type Answered = Result<String, RequestError>;

type Ids = Arc<[Arc<str>]>;

pub(super) fn parsed(number: &str) -> usize {
    number.parse().expect("a number")
}

/// The first ids of a prefix that are in the shards of a node.
pub(super) fn ids(cluster: &ClusterSupervisor, owner: &str, prefix: &str, count: usize) -> Ids {
    let status = cluster.status();
    let owned = status.owners.iter();
    let owned: BTreeSet<_> = owned
        .filter(|(_, by)| by.node.as_str() == owner)
        .map(|(shard, _)| *shard)
        .collect();
    assert!(!owned.is_empty(), "{owner} owns nothing");
    let shards = Shards::new(Shards::DEFAULT).expect("the usual count");
    let ids = (0..).map(|n| format!("{prefix}-{n}"));
    let ids = ids.filter(|id| owned.contains(&shards.of(id)));
    ids.take(count).map(Arc::from).collect()
}

/// Starts sessions of a kind.
pub(super) async fn start(
    cluster: &ClusterSupervisor,
    kind: &str,
    ids: Ids,
    at_once: usize,
) -> Answered {
    let (cluster, kind): (_, Arc<str>) = (cluster.clone(), kind.into());
    let count = ids.len();
    let start = move |n: usize| {
        let (cluster, kind, id) = (cluster.clone(), Arc::clone(&kind), Arc::clone(&ids[n]));
        async move { cluster.start_session(&id, &kind, &()).await.map(drop) }
    };
    each(count, at_once, start).await
}

/// Starts sessions on a node, and stops them when that was measured.
pub(super) async fn start_and_stop(
    cluster: &ClusterSupervisor,
    owner: &str,
    count: usize,
    at_once: usize,
) -> Answered {
    let ids = ids(cluster, owner, "short", count);
    let took = start(cluster, "echo", Arc::clone(&ids), at_once).await?;
    let cluster = cluster.clone();
    let stop = move |n: usize| {
        let (cluster, id) = (cluster.clone(), Arc::clone(&ids[n]));
        async move { cluster.stop_session(&id).await.map(drop) }
    };
    each(count, 64, stop).await?;
    Ok(took)
}

/// Starts sessions of the library alone.
pub(super) async fn plain(count: usize, at_once: usize) -> Answered {
    let sessions = SessionSupervisor::start(Options::new().unique_name()).await;
    let sessions = sessions.expect("it starts");
    let starts = sessions.clone();
    let start = move |n: usize| {
        let spec = ChildSpec::new(|_| (Session, None));
        let start = starts.start_session(&format!("plain-{n}"), spec);
        async move {
            start.await.expect("it starts");
            Ok(())
        }
    };
    let took = each(count, at_once, start).await;
    sessions.stop().await.expect("it stops");
    took
}

/// Calls sessions that a node runs.
pub(super) async fn call(
    cluster: &ClusterSupervisor,
    owner: &str,
    count: usize,
    at_once: usize,
) -> Answered {
    let called = called(cluster, owner, at_once).await?;
    let cluster = cluster.clone();
    let call = move |n: usize| {
        let id = Arc::clone(&called[n % called.len()]);
        let session = cluster.session_ref::<Echo>(id);
        async move { session.call(&text(), PATIENCE).await.map(drop) }
    };
    each(count, at_once, call).await
}

/// Calls sessions of this node as ractor does.
pub(super) async fn call_actor(
    cluster: &ClusterSupervisor,
    count: usize,
    at_once: usize,
) -> Answered {
    let called = called(cluster, cluster.node().as_str(), at_once).await?;
    let here = |id: &Arc<str>| cluster.session_ref::<Echo>(Arc::clone(id)).here();
    let actors: Vec<_> = called.iter().map(|id| here(id).expect("it runs")).collect();
    let call = move |n: usize| {
        let actor = actors[n % actors.len()].clone();
        async move {
            let reply = |reply| Echo(text(), Some(reply));
            let answer = actor.call(reply, Some(PATIENCE)).await;
            assert!(answer.is_ok_and(|answer| answer.is_success()));
            Ok(())
        }
    };
    each(count, at_once, call).await
}

fn text() -> String {
    "x".repeat(BYTES)
}

/// Makes sure that as many sessions of a node run, and says their ids.
async fn called(
    cluster: &ClusterSupervisor,
    owner: &str,
    count: usize,
) -> Result<Ids, RequestError> {
    let ids = ids(cluster, owner, "called", count);
    for id in ids.iter() {
        cluster.ensure_session(id, "echo", &()).await?;
    }
    Ok(ids)
}

/// Does something so many times, some of them at once.
async fn each<F>(
    count: usize,
    at_once: usize,
    one: impl Fn(usize) -> F + Clone + Send + 'static,
) -> Answered
where
    F: Future<Output = Result<(), RequestError>> + Send + 'static,
{
    let (began, next) = (Instant::now(), Arc::new(AtomicUsize::new(0)));
    let mut workers = JoinSet::new();
    for _ in 0..at_once {
        let (next, one) = (Arc::clone(&next), one.clone());
        workers.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= count {
                    return Ok(());
                }
                one(n).await?;
            }
        });
    }
    while let Some(done) = workers.join_next().await {
        done.expect("it does not panic")?;
    }
    let each = began.elapsed().as_nanos() / u128::try_from(count).expect("fewer");
    Ok(each.to_string())
}
