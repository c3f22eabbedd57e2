//! What a node has told of its cluster so far, kept by one who follows it from its beginning.

use std::sync::{Arc, Mutex};

use session_supervisor_cluster::{ClusterSupervisor, EventKind, ShardState, Snapshot};

#[derive(Clone)]
pub(crate) struct Watched(Arc<Mutex<Told>>);

struct Told {
    known: Snapshot,
    events: Vec<String>,
    claims: u64,
    hand_overs: u64,
    losses: u64,
}

impl Watched {
    pub(crate) fn follow(cluster: &ClusterSupervisor) -> Self {
        let mut feed = cluster.subscribe();
        let told = Told {
            known: feed.take_snapshot().expect("it is new"),
            events: Vec::new(),
            claims: 0,
            hand_overs: 0,
            losses: 0,
        };
        let watched = Self(Arc::new(Mutex::new(told)));
        let this = watched.clone();
        tokio::spawn(async move {
            while let Some(event) = feed.next().await {
                let event = event.expect("it reads fast enough");
                let mut told = this.0.lock().expect("it does not panic");
                told.known.apply(&event);
                let own = told.known.node.clone();
                match &event.kind {
                    EventKind::ShardClaimed { owner, .. } if owner.node == own => told.claims += 1,
                    EventKind::ShardReleased { took: Some(_), .. } => told.hand_overs += 1,
                    EventKind::ShardLost { owner, .. } if owner.node == own => told.losses += 1,
                    _ => {}
                }
                told.events.push(event.to_string());
            }
        });
        watched
    }

    /// None: it is no command about what was told.
    pub(crate) fn command(&self, words: &[&str]) -> Option<String> {
        let told = self.0.lock().expect("it does not panic");
        Some(match *words {
            // How many events hold this text.
            ["told", ref words @ ..] => {
                let text = words.join(" ");
                let these = told.events.iter().filter(|event| event.contains(&text));
                these.count().to_string()
            }
            ["events"] => told.events.join("; "),
            // Nodes, shards of this node, shards unowned, shards frozen, peers.
            ["known"] => {
                let known = &told.known;
                let frozen = known.shards.values();
                let frozen = frozen.filter(|shard| shard.state == ShardState::Frozen);
                format!(
                    "{} {} {} {} {}",
                    known.nodes.len(),
                    known.shards_of(&known.node).count(),
                    known.unowned(),
                    frozen.count(),
                    known.peers.len()
                )
            }
            ["counted"] => format!("{} {} {}", told.claims, told.hand_overs, told.losses),
            _ => return None,
        })
    }
}
