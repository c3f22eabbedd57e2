//! Nodes of this process, and what they run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, Options};
use session_supervisor_cluster::etcd::{Etcd, EtcdOptions};
use session_supervisor_cluster::{ClusterOptions, ClusterSupervisor, Kinds, Remote, Status};
use session_supervisor_store::MemoryStore;

use crate::etcd::{Cluster, shared};

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
        let joined = ClusterSupervisor::join(self.options(node), kinds(), self.store.clone());
        joined.await.expect("it joins")
    }

    pub(crate) async fn etcd(&self) -> Etcd {
        let options = EtcdOptions::new(format!("/session-supervisor/{}", self.name));
        let etcd = Etcd::connect(self.servers.endpoints(), options).await;
        etcd.expect("options")
    }
}

/// Waits with a limit that only a broken test reaches.
pub(crate) async fn soon<T>(what: &str, wait: impl Future<Output = T>) -> T {
    let waited = tokio::time::timeout(Duration::from_secs(20), wait).await;
    waited.unwrap_or_else(|_| panic!("{what}: waited 20 s"))
}

/// Looks at a node again and again: nobody tells of what it says here.
pub(crate) async fn until(node: &ClusterSupervisor, right: impl Fn(&Status) -> bool) {
    let looked = async {
        while !right(&node.status()) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let looked = tokio::time::timeout(Duration::from_secs(60), looked).await;
    assert!(looked.is_ok(), "it stays at {:#?}", node.status());
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

/// Ends in order, if it is let.
struct Orderly(Arc<AtomicBool>);

#[ractor::actor(message = Echo, state = (), arguments = ())]
impl Orderly {
    async fn post_stop(&self, _: ActorRef<Echo>, (): &mut ()) -> Result<(), ActorProcessingErr> {
        // It has something to do that takes a moment.
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.0.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Takes what it is asked, and never replies.
struct Mute;

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
        Ok(())
    }
}

pub(crate) fn kinds() -> Kinds {
    kinds_with(&Arc::default())
}

/// The same. The flag is set when a session of the kind `orderly` has ended in order.
pub(crate) fn kinds_with(ended: &Arc<AtomicBool>) -> Kinds {
    let ended = Arc::clone(ended);
    Kinds::new()
        .kind("orderly", move |_: String, _| {
            let ended = Arc::clone(&ended);
            ChildSpec::new(move |_| (Orderly(Arc::clone(&ended)), ()))
        })
        .kind("echo", |_: String, _| ChildSpec::new(|_| (Echoes, ())))
        .kind("mute", |_: String, _| ChildSpec::new(|_| (Mute, ())))
}
