//! What the dashboard asks of the node.

use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, UNIX_EPOCH};

use super::view::{LeaseTimes, Seen};
use crate::clock::time_of_day;
use crate::cluster_supervisor::ClusterSupervisor;
use crate::engine::NodeName;
use crate::route::ask_node;
use crate::status::Status;
use crate::wire::{Ask, Done, Figures};

/// How long a node may take to tell of itself.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a node tells of itself; none if it does not.
pub(super) type Told = Pin<Box<dyn Future<Output = Option<Figures>> + Send>>;

/// What is looked at.
pub(super) trait Source: Send + Sync + 'static {
    /// How it stands with the cluster, as far as this node knows. It asks no other one, and does not
    /// wait.
    fn look(&self) -> Seen;

    /// Asks another node what it tells of itself.
    fn figures(&self, node: NodeName) -> Told;
}

impl Source for ClusterSupervisor {
    fn look(&self) -> Seen {
        let node = self.of_node();
        let status = Status::of(node);
        let shards = node.local.admission.shards();
        let at = node.clock.now();
        let held = node.local.admission.with(|holder| {
            let holds: Vec<_> = shards.all().map(|shard| holder.hold(shard)).collect();
            let serves_for = holder.authority().serves_until().since(at);
            (holds, holder.plan().cloned(), serves_for)
        });
        let (holds, plan, serves_for) = match held {
            Some((holds, plan, serves_for)) => (holds, plan, Some(serves_for)),
            None => (Vec::new(), None, None),
        };
        let now = time_of_day().duration_since(UNIX_EPOCH);
        Seen {
            cluster: node.options.cluster.clone(),
            now: now.unwrap_or_default(),
            shards,
            status,
            plan,
            holds,
            lease: LeaseTimes {
                length: node.ttl.length(),
                serves_for,
            },
            own: node.local.figures(),
        }
    }

    fn figures(&self, node: NodeName) -> Told {
        let cluster = self.clone();
        Box::pin(async move {
            let own = cluster.of_node();
            match ask_node(own, &node, Ask::Figures, PATIENCE).await {
                Some(Done::Figures(figures)) => Some(figures),
                // It is away, or too old to know the question.
                _ => None,
            }
        })
    }
}
