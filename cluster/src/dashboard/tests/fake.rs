//! A node that is made up, and can be changed under the dashboard.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use session_supervisor::{Dashboard, Options, SessionSupervisor};

use crate::dashboard::ClusterDashboard;
use crate::dashboard::source::{Source, Told};
use crate::dashboard::view::{LeaseTimes, Seen};
use crate::engine::{
    Candidate, Epoch, Hold, Incarnation, Leaving, NodeName, Owner, Shards, Standing, plan,
};
use crate::gateway::{PeerInfo, PeerState, PeerStatus};
use crate::node::Stage;
use crate::status::{NodeStatus, Status};
use crate::wire::Figures;

pub(in crate::dashboard) fn name(name: &str) -> NodeName {
    NodeName::try_from(name).expect("a name")
}

pub(in crate::dashboard) fn owner(of: &str, epoch: u64) -> Owner {
    Owner {
        node: name(of),
        incarnation: Incarnation::new(1),
        epoch: Epoch::new(epoch),
    }
}

/// A cluster in which all is well: so many shards, each owned as planned, and the first node is this
/// one.
pub(in crate::dashboard) fn seen(shards: u32, nodes: &[&str]) -> Seen {
    let shards = Shards::new(shards).expect("a number of shards");
    let candidate = |node: &&str| Candidate {
        name: name(node),
        weight: 100,
        leaving: Leaving::No,
    };
    let candidates: Vec<_> = nodes.iter().map(candidate).collect();
    let planned = plan(shards, &candidates);
    let mut owners = BTreeMap::new();
    let mut holds = Vec::new();
    for (at, shard) in shards.all().enumerate() {
        let node = planned.owner(shard).expect("a node for each");
        let owner = owner(node.as_str(), 10 + at as u64);
        holds.push(match node.as_str() == nodes[0] {
            true => Hold::Owned(owner.epoch),
            false => Hold::Elsewhere,
        });
        owners.insert(shard, owner);
    }
    let status_of = |(at, node): (usize, &&str)| {
        let node = name(node);
        let shards = planned.share(&node);
        let status = NodeStatus {
            address: format!("127.0.0.1:{}", 4_000 + at),
            // More than the numbers of JavaScript hold.
            incarnation: Incarnation::new(u64::MAX - at as u64),
            weight: 100,
            leaving: Leaving::No,
            shards: u32::try_from(shards).expect("it fits"),
        };
        (node, status)
    };
    let peer = |node: &&str| PeerStatus {
        node: name(node),
        info: PeerInfo {
            address: "127.0.0.1:4000".to_owned(),
            incarnation: Incarnation::new(1),
        },
        state: PeerState::Up,
        connected_for: Some(Duration::from_secs(60)),
        heard_ago: Some(Duration::from_millis(700)),
        in_flight: 0,
        waiting: 0,
        last_error: None,
    };
    let owned_here = holds.iter().filter(|hold| matches!(hold, Hold::Owned(_)));
    Seen {
        cluster: "rooms".to_owned(),
        now: Duration::from_secs(1_000),
        shards,
        status: Status {
            node: name(nodes[0]),
            stage: Stage::Joined,
            standing: Some(Standing::Serving),
            lease_age: Some(Duration::from_millis(1_250)),
            revision: 5_000,
            nodes: nodes.iter().enumerate().map(status_of).collect(),
            planner: Some(name(nodes[0])),
            owners,
            unowned: 0,
            owned_here: u32::try_from(owned_here.count()).expect("it fits"),
            moving_here: 0,
            faults: Vec::new(),
            peers: nodes[1..].iter().map(peer).collect(),
        },
        plan: Some(planned),
        holds,
        lease: LeaseTimes {
            length: Duration::from_secs(10),
            serves_for: Some(Duration::from_millis(5_416)),
        },
        own: Figures {
            sessions: 7,
            lease_age_ms: Some(1_250),
        },
    }
}

/// The node.
pub(in crate::dashboard) struct Fake {
    seen: Mutex<Seen>,
    /// What other nodes tell. One that is not here does not answer.
    figures: Mutex<BTreeMap<NodeName, Figures>>,
    looks: AtomicUsize,
    asked: AtomicUsize,
    /// How many are being asked, and how many were at once at most.
    asking: AtomicUsize,
    at_once: AtomicUsize,
}

impl Fake {
    pub(in crate::dashboard) fn new(seen: Seen) -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::new(seen),
            figures: Mutex::default(),
            looks: AtomicUsize::new(0),
            asked: AtomicUsize::new(0),
            asking: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
        })
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut lock(&self.seen));
    }

    pub(super) fn tells(&self, node: &str, sessions: u64) {
        let figures = Figures {
            sessions,
            lease_age_ms: Some(900),
        };
        lock(&self.figures).insert(name(node), figures);
    }

    /// How often it was looked at.
    pub(super) fn looks(&self) -> usize {
        self.looks.load(Ordering::Relaxed)
    }

    /// How often others were asked, and how many at once at most.
    pub(super) fn asked(&self) -> (usize, usize) {
        let asked = self.asked.load(Ordering::Relaxed);
        (asked, self.at_once.load(Ordering::Relaxed))
    }
}

fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A source that this test can change while a router has it.
impl Source for Arc<Fake> {
    fn look(&self) -> Seen {
        self.looks.fetch_add(1, Ordering::Relaxed);
        lock(&self.seen).clone()
    }

    fn figures(&self, node: NodeName) -> Told {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let fake = Arc::clone(self);
        Box::pin(async move {
            let asking = fake.asking.fetch_add(1, Ordering::Relaxed) + 1;
            fake.at_once.fetch_max(asking, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(20)).await;
            fake.asking.fetch_sub(1, Ordering::Relaxed);
            lock(&fake.figures).get(&node).copied()
        })
    }
}

/// A dashboard of it. The sessions are of a supervisor that has none.
pub(super) async fn shown(fake: &Arc<Fake>) -> (ClusterDashboard, SessionSupervisor) {
    let options = Options::new().unique_name();
    let sessions = SessionSupervisor::start(options).await.expect("it starts");
    let source = Arc::new(Arc::clone(fake));
    let shown = ClusterDashboard::of(source, Dashboard::new(&sessions));
    (shown, sessions)
}

/// The router of it, as it is.
pub(super) async fn router(fake: &Arc<Fake>) -> Router {
    shown(fake).await.0.router()
}
