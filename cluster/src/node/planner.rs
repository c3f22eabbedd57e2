//! Planning: the node that is elected divides the shards among the nodes, whenever these change.

use std::time::Duration;

use super::work::{Happened, Work};
use crate::engine::{Candidate, Plan, Planned, Planner, Planning, Shards, plan};
use crate::etcd::{Election, EtcdError, NodeKeys, PlanWrite, Snapshot};

/// The pause after a try that came to nothing.
const PAUSE: Duration = Duration::from_millis(250);

/// The planning of one term.
pub(super) struct Plans {
    keys: NodeKeys,
    shards: Shards,
    pub(super) planning: Planning,
}

impl Plans {
    pub(super) fn new(keys: NodeKeys, shards: Shards) -> Self {
        Self {
            keys,
            shards,
            planning: Planning::default(),
        }
    }

    /// Plans if that is due.
    pub(super) fn look(&mut self, view: &Snapshot, work: &mut Work) {
        let planner = match &view.planner {
            Some(planner) if planner.run != *self.keys.run() => Planner::Other,
            Some(_) | None => Planner::Open,
        };
        if !self.planning.begin(planner) {
            return;
        }
        let candidates = view.nodes.iter().map(|(name, (_, info))| Candidate {
            name: name.clone(),
            weight: info.weight,
            leaving: info.leaving,
        });
        let wanted = plan(self.shards, &candidates.collect::<Vec<_>>());
        let stands = view.plan.clone();
        let keys = self.keys.clone();
        work.begin(async move {
            let planned = match write(&keys, &wanted, stands.as_deref()).await {
                Ok(()) => Planned::Done,
                Err(error) => {
                    tracing::warn!("not planned: {error}; tried again");
                    tokio::time::sleep(PAUSE).await;
                    Planned::Failed
                }
            };
            vec![Happened::Planned(planned)]
        });
    }
}

async fn write(keys: &NodeKeys, wanted: &Plan, stands: Option<&str>) -> Result<(), EtcdError> {
    let Election::Elected(term) = keys.campaign().await? else {
        return Ok(());
    };
    let text = wanted.to_text();
    if stands == Some(&*text) {
        return Ok(());
    }
    match keys.write_plan(term, &text).await? {
        PlanWrite::Written { .. } => {
            tracing::info!("planned which node is to own which shards");
            Ok(())
        }
        // The watch tells who plans now.
        PlanWrite::NotPlanner => Ok(()),
    }
}
