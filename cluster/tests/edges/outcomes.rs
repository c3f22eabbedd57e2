//! What a caller is told of a request that may have been carried out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_supervisor_cluster::clock::Clock;
use session_supervisor_cluster::engine::{HASH_VERSION, Leaving, Shards, Ttl};
use session_supervisor_cluster::error::{FrameError, Outcome, RefusalKind, RequestError};
use session_supervisor_cluster::etcd::{Lease, NodeInfo, Registration, WantedSettings};
use session_supervisor_cluster::gateway::{Gateway, GatewayOptions, PeerState, Serve, Serving};
use session_supervisor_cluster::wire::{Answer, Ask, Done, Hello, Refusal, Request};
use session_supervisor_cluster::{ClusterSupervisor, NodeName};
use tokio::sync::watch;

use crate::node::{Echo, World, soon, until, world};

/// An id whose shard this node owns, as the other one sees it.
fn id_of(owner: &str, seen_by: &ClusterSupervisor, shards: u32) -> String {
    let (owners, shards) = (
        seen_by.status().owners,
        Shards::new(shards).expect("a count"),
    );
    let ids = (0..).map(|number| format!("session-{number:03}"));
    let is_of = |id: &String| owners[&shards.of(id)].node.as_str() == owner;
    ids.into_iter().find(is_of).expect("there is one")
}

fn refused(error: &RequestError) -> Option<RefusalKind> {
    match error {
        RequestError::Refused { refusal, .. } => Some(refusal.kind),
        _ => None,
    }
}

/// A node that owns the one shard of a cluster, and answers what a test wants.
struct Owner {
    gateway: Gateway,
    lease: Lease,
}

impl Owner {
    async fn join(world: &World, cluster: &str, serve: Arc<dyn Serve>) -> Self {
        let etcd = world.etcd().await;
        let settings = etcd.settings(WantedSettings {
            name: cluster,
            shards: 1,
            hash: HASH_VERSION,
            protocol: 1,
        });
        let settings = settings.await.expect("an answer");
        let ttl = Ttl::new(Duration::from_secs(600)).expect("a time to live");
        let lease = Lease::grant(&etcd, ttl, Clock::real()).await;
        let lease = lease.expect("a lease");
        // After the other in the alphabet: so it is dialled.
        let name = NodeName::try_from("z").expect("a name");
        let hello = Hello {
            cluster: settings.cluster,
            protocol: 1,
            shards: 1,
            hash: HASH_VERSION,
            node: name.clone(),
            incarnation: lease.incarnation(),
        };
        let gateway = Gateway::open(GatewayOptions::new("a cookie"), hello, serve).await;
        let gateway = gateway.expect("it opens");
        let keys = lease.keys(name);
        let info = NodeInfo {
            address: gateway.address().to_string(),
            incarnation: lease.incarnation(),
            protocol: 1,
            weight: 1,
            leaving: Leaving::No,
        };
        let registered = keys.register(&info).await;
        assert!(matches!(registered, Ok(Registration::Registered(_))));
        let shard = Shards::new(1).expect("a count").of("s");
        keys.claim(shard).await.map(drop).expect("an answer");
        Self { gateway, lease }
    }

    async fn end(self) {
        self.gateway.close().await;
        self.lease.revoke().await.expect("an answer");
    }
}

/// The session has done what it was asked. It is the same for a session of the node itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_is_too_large_for_a_frame_may_have_been_given() {
    let Some(world) = world("large-reply", 16) else {
        return;
    };
    let (a, b) = tokio::join!(world.join("a"), world.join("b"));
    until(&a, |status| {
        status.unowned == 0
            && status.nodes.len() == 2
            && status.nodes.values().all(|node| node.shards > 0)
    })
    .await;
    let mut told = Vec::new();
    for owner in ["a", "b"] {
        let id = id_of(owner, &a, 16);
        let ensured = a.ensure_session(&id, "echo", "").await;
        assert!(ensured.is_ok(), "{ensured:?}");
        let session = a.session_ref::<Echo>(id.as_str());
        let limit = Duration::from_secs(30);
        let fits = session.call(&1_000_000, limit).await;
        assert_eq!(fits.expect("it fits").len(), 1_000_000);
        let called = session.call(&(16 << 20), limit).await;
        let called = called.map(|reply| reply.len());
        let error = called.expect_err("it does not fit");
        assert_eq!(
            refused(&error),
            Some(RefusalKind::AnswerTooLarge),
            "{error:?}"
        );
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        let text = error.to_string().replace(&id, "it");
        let size = (16 << 20) + 9;
        let size = format!("the frame has {size} bytes, more than 1048576");
        assert!(text.contains(&size), "{text}");
        // What is asked is not sent if it does not fit, and nobody has done anything.
        let error = a.start_session(&id, "echo", &"x".repeat(2 << 20)).await;
        let error = error.expect_err("it does not fit");
        let RequestError::Frame {
            cause: FrameError::TooLarge { size },
            ..
        } = error
        else {
            panic!("{error:?}");
        };
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
        told.push((text, size));
    }
    assert_eq!(told[0], told[1]);
    tokio::join!(a.leave(), b.leave());
}

/// The owner takes a request and dies. The next owner knows nothing of it, and refuses it: what the first one
/// has done with it is not known.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_after_a_try_without_an_answer_tells_that_it_may_have_been_done() {
    let Some(world) = world("unanswered", 1) else {
        return;
    };
    let took = Arc::new(watch::Sender::new(false));
    let taken = Arc::clone(&took);
    let serve = move |_: Option<NodeName>, request: Request| -> Serving {
        let taken = Arc::clone(&taken);
        Box::pin(async move {
            match request.ask {
                Ask::Stop { .. } => {
                    taken.send_replace(true);
                    std::future::pending().await
                }
                _ => Answer::Done(Done::Found(None)),
            }
        })
    };
    let owner = Owner::join(&world, "unanswered", Arc::new(serve)).await;

    let node = world.join("n").await;
    until(&node, |status| status.unowned == 0).await;
    let dies = async {
        let mut took = took.subscribe();
        took.wait_for(|took| *took).await.expect("it is there");
        owner.end().await;
    };
    let (stopped, ()) = soon("the answer", async {
        tokio::join!(node.stop_session("s"), dies)
    })
    .await;
    let error = stopped.expect_err("there is no such session");
    assert_eq!(refused(&error), Some(RefusalKind::NotFound), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    // A request of which no try was lost was not carried out.
    let error = node.stop_session("s").await.expect_err("there is none");
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    node.leave().await;
}

/// The owner takes nothing at first, and then says that there was no time: what only looks was certainly not
/// carried out with an effect, and what changes something may have been.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_up_for_which_there_was_no_time_can_be_asked_again() {
    let Some(world) = world("no-time", 1) else {
        return;
    };
    let asked = Mutex::new(BTreeMap::new());
    let serve = move |_: Option<NodeName>, request: Request| -> Serving {
        let mut asked = asked.lock().expect("no test has failed");
        let times: &mut u32 = asked.entry(request.ask.name()).or_default();
        *times += 1;
        let answer = match *times {
            1 => Answer::NobodyNow { retry_after_ms: 1 },
            _ => Answer::Refused(Refusal::new(RefusalKind::TimedOut, "not in time")),
        };
        Box::pin(async move { answer })
    };
    let owner = Owner::join(&world, "no-time", Arc::new(serve)).await;
    let node = world.join("n").await;
    // While it is not connected, that is what is told.
    until(&node, |status| {
        status.unowned == 0 && status.peers.iter().any(|peer| peer.state == PeerState::Up)
    })
    .await;
    let error = node.find("s").await.expect_err("it has no answer");
    assert!(matches!(error, RequestError::NoOwner { .. }), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    let error = node.find("s").await.expect_err("it has no answer");
    assert!(
        matches!(error, RequestError::Unanswered { .. }),
        "{error:?}"
    );
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    let error = node.stop_session("s").await.expect_err("no answer");
    assert_eq!(refused(&error), Some(RefusalKind::TimedOut), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    node.leave().await;
    owner.end().await;
}
