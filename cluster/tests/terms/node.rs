//! The nodes of the tests: one that is real, and others of which there are only keys.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use etcd_client::Client;
use ractor::{ActorProcessingErr, ActorRef, RpcReplyPort};
use session_supervisor::{ChildSpec, StartContext};
use session_supervisor_cluster::clock::Clock;
use session_supervisor_cluster::engine::{Incarnation, Leaving, Shards, Ttl};
use session_supervisor_cluster::etcd::{
    Changed, Etcd, EtcdOptions, Lease, NodeInfo, Registration, Seen, Watch,
};
use session_supervisor_cluster::{
    ClusterOptions, ClusterSupervisor, Kinds, NodeName, Remote, Seat,
};
use session_supervisor_store::{Checkpoint, MemoryStore};
use tokio::sync::watch;

use crate::etcd::{Cluster, shared};
use crate::store::{Does, Store, Trouble};
pub(crate) use crate::wait::{soon, until};

/// A cluster of its own in the etcd that all tests share, and the store of its node.
pub(crate) struct World {
    pub(crate) etcd: Etcd,
    /// For what no node does.
    pub(crate) raw: Client,
    pub(crate) store: MemoryStore,
    pub(crate) trouble: Trouble,
    pub(crate) pause: Pause,
    shards: u32,
    servers: Arc<Cluster>,
}

/// What is held up goes on, however the test has ended: its runtime waits for it.
impl Drop for World {
    fn drop(&mut self) {
        self.pause.over();
        self.trouble.set(Does::Well);
    }
}

/// None: there is no etcd here.
pub(crate) async fn world(prefix: &str, shards: u32) -> Option<World> {
    let servers = shared()?;
    let options = EtcdOptions::new(prefix).request_timeout(Duration::from_secs(10));
    let etcd = Etcd::connect(servers.endpoints(), options).await;
    let raw = Client::connect(servers.endpoints(), None).await;
    Some(World {
        etcd: etcd.expect("options"),
        raw: raw.expect("a client"),
        store: MemoryStore::new(),
        trouble: Trouble::none(),
        pause: Pause::default(),
        shards,
        servers,
    })
}

impl World {
    pub(crate) fn options(&self, node: &str) -> ClusterOptions {
        ClusterOptions::new("terms", node, "a cookie")
            .etcd(self.servers.endpoints())
            .prefix(self.etcd.prefix())
            .shards(self.shards)
            .weight(1)
            .request_timeout(Duration::from_secs(60))
            .sessions(session_supervisor::Options::unique_name)
    }

    pub(crate) async fn join(&self, node: &str) -> ClusterSupervisor {
        self.join_with(self.options(node), Clock::real()).await
    }

    /// With a clock that the test moves. The lease outlasts that.
    pub(crate) async fn join_by(&self, node: &str, clock: Clock) -> ClusterSupervisor {
        let options = self.options(node).lease(Duration::from_secs(60));
        self.join_with(options, clock).await
    }

    async fn join_with(&self, options: ClusterOptions, clock: Clock) -> ClusterSupervisor {
        let store = Store {
            store: self.store.clone(),
            trouble: self.trouble.clone(),
        };
        let joined = ClusterSupervisor::join_by(options, kinds(&self.pause), store, clock);
        joined.await.expect("it joins")
    }

    pub(crate) const fn shards(&self) -> u32 {
        self.shards
    }

    pub(crate) fn key(&self, rest: &str) -> String {
        format!("{}/{rest}", self.etcd.prefix())
    }

    pub(crate) async fn delete(&self, rest: &str) {
        let deleted = self.raw.clone().delete(self.key(rest), None).await;
        assert_eq!(deleted.expect("an answer").deleted(), 1, "{rest}");
    }

    /// The keys of a node for which all shards are planned, and which claims none of them.
    pub(crate) async fn greedy(&self) -> Lease {
        let ttl = Ttl::new(Duration::from_secs(600)).expect("a time to live");
        let lease = Lease::grant(&self.etcd, ttl, Clock::real()).await;
        let lease = lease.expect("a lease");
        let name = NodeName::try_from("greedy").expect("a name");
        let info = NodeInfo {
            address: "127.0.0.1:9".to_owned(),
            incarnation: Incarnation::new(0),
            protocol: 1,
            weight: 1_000_000,
            leaving: Leaving::No,
        };
        let registered = lease.keys(name).register(&info).await;
        let registered = registered.expect("an answer");
        assert!(matches!(registered, Registration::Registered(_)));
        lease
    }

    /// Waits until no shard has an owner.
    pub(crate) async fn unowned(&self) {
        let shards = Shards::new(self.shards).expect("a count");
        let mut watch = Watch::start(&self.etcd, shards);
        let mut owners = BTreeSet::new();
        soon("the end of all claims", async {
            loop {
                match watch.next().await.expect("the watch goes on") {
                    Seen::WentBack(why) => panic!("{why}"),
                    Seen::Reset(snapshot) => owners = snapshot.owners.into_keys().collect(),
                    Seen::Change(change) => match change.what {
                        Changed::Shard(shard, Some(_)) => drop(owners.insert(shard)),
                        Changed::Shard(shard, None) => drop(owners.remove(&shard)),
                        _ => {}
                    },
                }
                if owners.is_empty() {
                    return;
                }
            }
        })
        .await;
    }
}

/// Holds up what makes the sessions of the kind `slow`.
#[derive(Clone)]
pub(crate) struct Pause(Arc<(Mutex<bool>, Condvar, watch::Sender<bool>)>);

impl Default for Pause {
    fn default() -> Self {
        Self(Arc::new((
            Mutex::new(true),
            Condvar::new(),
            watch::Sender::new(false),
        )))
    }
}

impl Pause {
    fn wait(&self) {
        let (waits, changed, begun) = &*self.0;
        begun.send_replace(true);
        let waits = waits.lock().unwrap_or_else(PoisonError::into_inner);
        drop(changed.wait_while(waits, |waits| *waits));
    }

    /// Waits until one is held up.
    pub(crate) async fn begun(&self) {
        let mut begun = self.0.2.subscribe();
        begun.wait_for(|begun| *begun).await.expect("it is there");
    }

    pub(crate) fn over(&self) {
        let (waits, changed, _) = &*self.0;
        *waits.lock().unwrap_or_else(PoisonError::into_inner) = false;
        changed.notify_all();
    }
}

/// Adds one to what it has counted, and saves that without waiting.
pub(crate) struct Count(Option<RpcReplyPort<u64>>);

impl ractor::Message for Count {}

impl Remote for Count {
    const PROTOCOL: &'static str = "count/1";
    type Request = ();
    type Reply = u64;

    fn of((): (), reply: Option<RpcReplyPort<u64>>) -> Self {
        Self(reply)
    }
}

struct Counter;

#[ractor::actor(
    message = Count,
    state = (u64, Checkpoint<u64>),
    arguments = (StartContext, Seat)
)]
impl Counter {
    async fn pre_start(
        &self,
        _: ActorRef<Count>,
        (start, seat): (StartContext, Seat),
    ) -> Result<(u64, Checkpoint<u64>), ActorProcessingErr> {
        let (saved, count) = seat.remembered().checkpoint(&start).await?;
        Ok((count.unwrap_or(0), saved))
    }

    async fn handle(
        &self,
        _: ActorRef<Count>,
        Count(reply): Count,
        (count, saved): &mut (u64, Checkpoint<u64>),
    ) -> Result<(), ActorProcessingErr> {
        *count += 1;
        saved.save(count)?;
        if let Some(reply) = reply {
            drop(reply.send(*count));
        }
        Ok(())
    }
}

/// Handles what it is asked for as long as it is held up, which no kill ends.
struct Deaf(Pause);

#[ractor::actor(message = Count, state = (), arguments = ())]
impl Deaf {
    async fn handle(
        &self,
        _: ActorRef<Count>,
        _: Count,
        (): &mut (),
    ) -> Result<(), ActorProcessingErr> {
        self.0.wait();
        Ok(())
    }
}

fn kinds(pause: &Pause) -> Kinds {
    let make = |seat: Seat| ChildSpec::new(move |start| (Counter, (start, seat.clone())));
    let (pause, deaf) = (pause.clone(), pause.clone());
    Kinds::new()
        .kind("deaf", move |(): (), _| {
            let pause = deaf.clone();
            ChildSpec::new(move |_| (Deaf(pause.clone()), ()))
        })
        .kind("count", move |(): (), seat| make(seat))
        .kind("slow", move |(): (), seat| {
            pause.wait();
            make(seat)
        })
}

pub(crate) async fn count(node: &ClusterSupervisor, id: &str) -> u64 {
    let session = node.session_ref::<Count>(id);
    let counted = session.call(&(), Duration::from_secs(60)).await;
    counted.expect("it answers")
}

/// What the node says that the session does.
pub(crate) async fn state(node: &ClusterSupervisor, id: &str) -> String {
    let found = node.find(id).await.expect("it is owned");
    found.map_or_else(|| "none".to_owned(), |found| found.state)
}
