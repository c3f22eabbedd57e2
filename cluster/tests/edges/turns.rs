//! Sessions whose code does not end, and what is asked of the others meanwhile.

use std::sync::Arc;
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef};
use session_supervisor::ChildSpec;
use session_supervisor_cluster::engine::Shards;
use session_supervisor_cluster::{ClusterSupervisor, Drain};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::node::{Echo, Seen, World, kinds_with, world};
use crate::wait::{soon, until};

/// So many requests of one kind to another node may be without an answer.
const IN_FLIGHT: usize = 256;

const LONG: Duration = Duration::from_secs(600);

/// Its start does not end. It counts how many have begun.
struct Endless(watch::Sender<usize>);

#[ractor::actor(message = Echo, state = (), arguments = ())]
impl Endless {
    async fn pre_start(&self, _: ActorRef<Echo>, (): ()) -> Result<(), ActorProcessingErr> {
        self.0.send_modify(|begun| *begun += 1);
        std::future::pending().await
    }
}

/// Ids whose shards a node owns.
fn ids(owner: &ClusterSupervisor, shards: u32) -> impl Iterator<Item = String> {
    let (owners, shards) = (owner.status().owners, Shards::new(shards).expect("a count"));
    let name = owner.node().clone();
    let all = (0..).map(|number| format!("session-{number}"));
    all.filter(move |id| owners[&shards.of(id)].node == name)
}

/// Two nodes with shards each, that give their requests so long. `seen`: what their sessions have seen;
/// `begun`: how many starts have begun that do not end.
async fn two(
    world: &World,
    timeout: Duration,
    seen: &Arc<Seen>,
    begun: &watch::Sender<usize>,
) -> (ClusterSupervisor, ClusterSupervisor) {
    let kinds = || {
        let begun = begun.clone();
        kinds_with(seen).kind("endless", move |_: String, _| {
            let begun = begun.clone();
            ChildSpec::new(move |_| (Endless(begun.clone()), ())).start_timeout(LONG)
        })
    };
    let join = |name: &'static str| {
        let options = world.options(name).request_timeout(timeout);
        ClusterSupervisor::join(options, kinds(), world.store.clone())
    };
    let (a, b) = tokio::join!(join("a"), join("b"));
    let (a, b) = (a.expect("it joins"), b.expect("it joins"));
    for node in [&a, &b] {
        until(node, |status| {
            status.unowned == 0
                && status.nodes.len() == 2
                && status.nodes.values().all(|node| node.shards > 0)
        })
        .await;
    }
    (a, b)
}

/// Code of users that does not end holds up what waits for the same kind of code, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_that_does_not_end_keeps_no_other_request_waiting() {
    let Some(world) = world("turns", 16) else {
        return;
    };
    let (seen, begun) = (Arc::default(), watch::Sender::default());
    let (a, b) = two(&world, LONG, &seen, &begun).await;
    let mut ids = ids(&b, 16);
    let mute = ids.next().expect("there is one");
    let started = a.ensure_session(&mute, "mute", "").await;
    assert!(started.is_ok(), "{started:?}");
    let calls: Vec<_> = (0..IN_FLIGHT + 1)
        .map(|_| {
            let session = a.session_ref::<Echo>(mute.as_str());
            tokio::spawn(async move { session.call(&1, LONG).await })
        })
        .collect();
    seen.asked(IN_FLIGHT).await;

    let other = ids.next().expect("there is one");
    let work = async |kind: &str| {
        let started = a.start_session(&other, kind, "").await;
        assert!(started.is_ok(), "{started:?}");
    };
    soon("a start", work("echo")).await;
    let found = soon("a look-up", a.find(&other)).await;
    assert!(found.is_ok_and(|found| found.is_some()));
    let page = soon("a list", a.list(None, 10)).await;
    assert!(
        page.missing.is_empty() && page.sessions.len() == 2,
        "{page:?}"
    );

    // Nor does a start that does not end.
    let starts: Vec<_> = ids
        .take(IN_FLIGHT)
        .map(|id| {
            let node = a.clone();
            tokio::spawn(async move { node.start_session(&id, "endless", "").await })
        })
        .collect();
    let mut begun = begun.subscribe();
    let all = begun.wait_for(|begun| *begun == IN_FLIGHT);
    soon("the starts", all).await.expect("it is there");
    let stopped = soon("a stop", a.stop_session(&other)).await;
    assert!(stopped.is_ok(), "{stopped:?}");
    let found = soon("a look-up", a.find(&other)).await;
    assert!(found.is_ok_and(|found| found.is_none()));
    for task in calls {
        task.abort();
    }
    for task in starts {
        task.abort();
    }
    let drain = Drain::within(Duration::from_secs(1));
    drop(soon("a drain", b.drain(drain)).await);
    tokio::join!(a.leave(), b.leave());
}

/// A start goes on when its caller has given up, and its node remembers that it does. So it does not take the
/// places of the others that a node remembers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starts_that_go_on_for_ever_keep_no_call_waiting() {
    /// So many requests a node remembers.
    const REMEMBERED: usize = 4_096;
    let Some(world) = world("starts", 16) else {
        return;
    };
    let (seen, begun) = (Arc::default(), watch::Sender::default());
    let (a, b) = two(&world, Duration::from_millis(200), &seen, &begun).await;
    let mut ids = ids(&b, 16);
    let echo = ids.next().expect("there is one");
    let started = b.ensure_session(&echo, "echo", "").await;
    assert!(started.is_ok(), "{started:?}");
    let mut starts = JoinSet::new();
    while b.sessions().stats().sessions.specs <= REMEMBERED {
        while starts.len() < IN_FLIGHT {
            let (node, id) = (a.clone(), ids.next().expect("there is one"));
            starts.spawn(async move { node.start_session(&id, "endless", "").await });
        }
        soon("a caller that gives up", starts.join_next()).await;
    }
    let session = a.session_ref::<Echo>(echo.as_str());
    let called = session.call(&3, Duration::from_secs(20)).await;
    assert_eq!(called.expect("it answers"), "xxx");
    starts.shutdown().await;
    let drain = Drain::within(Duration::from_secs(1));
    drop(soon("a drain", b.drain(drain)).await);
    tokio::join!(a.leave(), b.leave());
}
