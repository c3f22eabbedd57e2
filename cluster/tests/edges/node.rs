//! Nodes of this process, and what they run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, Options};
use session_supervisor_cluster::etcd::{Etcd, EtcdOptions};
use session_supervisor_cluster::{ClusterOptions, ClusterSupervisor, Kinds, Remote};
use session_supervisor_store::MemoryStore;
use tokio::sync::watch;

use crate::etcd::{Cluster, shared};
pub(crate) use crate::wait::{soon, until};

/// A cluster of its own in the etcd that all tests share.
pub(crate) struct World {
    pub(crate) servers: Arc<Cluster>,
    pub(crate) store: MemoryStore,
    name: &'static str,
    shards: u32,
}

/// None: there is no etcd here.
pub(crate) fn world(name: &'static str, shards: u32) -> Option<World> {
    if std::env::var_os("LOG_OF_TEST").is_some() {
        drop(
            tracing_subscriber::fmt()
                .with_writer(std::io::stderr)
                .try_init(),
        );
    }
    Some(World {
        servers: shared()?,
        store: MemoryStore::new(),
        name,
        shards,
    })
}

impl World {
    pub(crate) fn options(&self, node: &str) -> ClusterOptions {
        ClusterOptions::new(self.name, node, "a cookie")
            .etcd(self.servers.endpoints())
            .shards(self.shards)
            .lease(Duration::from_secs(60))
            .request_timeout(Duration::from_secs(60))
            .sessions(Options::unique_name)
    }

    pub(crate) async fn join(&self, node: &str) -> ClusterSupervisor {
        self.join_with(node, kinds()).await
    }

    pub(crate) async fn join_with(&self, node: &str, kinds: Kinds) -> ClusterSupervisor {
        let joined = ClusterSupervisor::join(self.options(node), kinds, self.store.clone());
        joined.await.expect("it joins")
    }

    pub(crate) async fn etcd(&self) -> Etcd {
        let options = EtcdOptions::new(format!("/session-supervisor/{}", self.name));
        let etcd = Etcd::connect(self.servers.endpoints(), options).await;
        etcd.expect("options")
    }
}

/// Answers with a text of so many bytes, and counts how often it was asked.
pub(crate) struct Echo(usize, Option<RpcReplyPort<String>>);

impl ractor::Message for Echo {}

impl Remote for Echo {
    const PROTOCOL: &'static str = "echo/1";
    type Request = usize;
    type Reply = String;

    fn of(size: usize, reply: Option<RpcReplyPort<String>>) -> Self {
        Self(size, reply)
    }
}

struct Echoes;

#[ractor::actor(message = Echo, state = (), arguments = ())]
impl Echoes {
    async fn pre_start(&self, _: ActorRef<Echo>, (): ()) -> Result<(), ActorProcessingErr> {
        Ok(())
    }

    async fn handle(
        &self,
        _: ActorRef<Echo>,
        Echo(size, reply): Echo,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        if let Some(reply) = reply {
            drop(reply.send("x".repeat(size)));
        }
        Ok(())
    }
}

/// What the sessions of one node have seen.
#[derive(Default)]
pub(crate) struct Seen {
    /// A session of the kind `orderly` has ended in order.
    pub(crate) ended: AtomicBool,
    /// How many messages one of the kind `mute` has.
    asked: watch::Sender<usize>,
}

impl Seen {
    /// Waits until the session has so many messages.
    pub(crate) async fn asked(&self, count: usize) {
        let mut asked = self.asked.subscribe();
        let asked = asked.wait_for(|asked| *asked >= count);
        soon("the messages", asked).await.expect("it is there");
    }
}

/// Ends in order, if it is let.
struct Orderly(Arc<Seen>);

#[ractor::actor(message = Echo, state = (), arguments = ())]
impl Orderly {
    async fn post_stop(&self, _: ActorRef<Echo>, (): &mut ()) -> Result<(), ActorProcessingErr> {
        // It has something to do that takes a moment.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.0.ended.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Takes what it is asked, and never replies.
struct Mute(Arc<Seen>);

#[ractor::actor(message = Echo, state = Vec<Echo>, arguments = ())]
impl Mute {
    async fn pre_start(&self, _: ActorRef<Echo>, (): ()) -> Result<Vec<Echo>, ActorProcessingErr> {
        Ok(Vec::new())
    }

    async fn handle(
        &self,
        _: ActorRef<Echo>,
        asked: Echo,
        waiting: &mut Vec<Echo>,
    ) -> Result<(), ActorProcessingErr> {
        waiting.push(asked);
        self.0.asked.send_replace(waiting.len());
        Ok(())
    }
}

pub(crate) fn kinds() -> Kinds {
    kinds_with(&Arc::default())
}

/// The same, for a test that looks at what they have seen.
pub(crate) fn kinds_with(seen: &Arc<Seen>) -> Kinds {
    let (orderly, mute) = (Arc::clone(seen), Arc::clone(seen));
    Kinds::new()
        .kind("orderly", move |_: String, _| {
            let seen = Arc::clone(&orderly);
            ChildSpec::new(move |_| (Orderly(Arc::clone(&seen)), ()))
        })
        .kind("echo", |_: String, _| ChildSpec::new(|_| (Echoes, ())))
        .kind("mute", move |_: String, _| {
            let seen = Arc::clone(&mute);
            ChildSpec::new(move |_| (Mute(Arc::clone(&seen)), ()))
        })
}
