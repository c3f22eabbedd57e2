//! What a node answers when it is asked how it stands: its status and its numbers.

use std::sync::Arc;
use std::time::Duration;

use session_supervisor_cluster::engine::{BootTime, Shards, Standing};
use session_supervisor_cluster::{
    Fault, NodeStatus, PeerInfo, PeerState, PeerStatus, Stage, Stats, Status, StoreCall,
};

use super::{incarnation, name, owner, shard};

pub(crate) const PEER_STATES: [PeerState; 6] = [
    PeerState::Awaited,
    PeerState::Pausing,
    PeerState::Dialling,
    PeerState::Handshaking,
    PeerState::Greeting,
    PeerState::Up,
];

pub(crate) const STAGES: [Stage; 5] = [
    Stage::Joined,
    Stage::Draining,
    Stage::Leaving,
    Stage::Rejoining,
    Stage::Left,
];

pub(crate) const STORE_CALLS: [StoreCall; 6] = [
    StoreCall::Load,
    StoreCall::LoadMany,
    StoreCall::Entry,
    StoreCall::State,
    StoreCall::States,
    StoreCall::Apply,
];

pub(crate) fn standings() -> [Standing; 3] {
    let kill_at = BootTime::new(Duration::from_millis(86_409_250));
    [
        Standing::Serving,
        Standing::Ending { kill_at },
        Standing::Over,
    ]
}

pub(crate) fn faults() -> Vec<Fault> {
    vec![
        Fault::NotJoined {
            why: Arc::from("etcd did not answer"),
        },
        Fault::Unread {
            shards: vec![shard(7)],
            why: Arc::from("the store cannot be reached"),
        },
        Fault::StoreNotResponding {
            call: StoreCall::LoadMany,
            shards: vec![shard(7), shard(8)],
            waited: Duration::from_millis(12_500),
        },
        Fault::OlderEpochs {
            shards: 512,
            epoch: 60,
            noted: 120,
        },
        Fault::UnreadableValue {
            key: Arc::from("/session-supervisor/rooms/shards/0007"),
            keys: 2,
            shards: vec![shard(7), shard(8)],
            why: Arc::from("it is no text"),
        },
    ]
}

pub(crate) fn stats() -> Stats {
    let mut stats = Stats::default();
    (stats.nodes, stats.peers_connected) = (3, 2);
    (stats.shards.owned, stats.shards.moving) = (170, 1);
    stats.requests_in_flight = 4;
    stats.lease_age = Some(Duration::from_millis(1_250));
    (stats.sent.start.done, stats.sent.call.unanswered) = (33_333, 1);
    (stats.served.call.done, stats.served.stop.refused) = (1_000, 1);
    stats.refused.not_found = 1;
    (stats.redirects, stats.claims, stats.hand_overs) = (5, 172, 1);
    stats
}

pub(crate) fn status() -> Status {
    let mut status = Status::new(name("a"), Shards::new(512).expect("a count"));
    status.stage = Stage::Joined;
    status.standing = Some(Standing::Serving);
    status.lease_age = Some(Duration::from_millis(1_250));
    status.revision = 4_711;
    let address = "10.0.0.11:7000";
    let mut node = NodeStatus::new(address, incarnation(), 100);
    node.shards = 1;
    status.nodes.insert(name("a"), node);
    status.planner = Some(name("a"));
    status.owners.insert(shard(7), owner());
    (status.unowned, status.owned_here) = (511, 1);
    let info = PeerInfo {
        address: "10.0.0.12:7000".to_owned(),
        incarnation: incarnation(),
    };
    let mut peer = PeerStatus::new(name("b"), info, PeerState::Up);
    peer.connected_for = Some(Duration::from_secs(60));
    peer.heard_ago = Some(Duration::from_millis(700));
    status.peers.push(peer);
    status.faults = faults().into_iter().take(1).collect();
    status
}
