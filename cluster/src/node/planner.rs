//! Planning: the node that is elected divides the shards among the nodes, whenever these change.

use tokio::sync::mpsc;

use super::work::Happened;
use crate::engine::{Candidate, Plan, Shards, plan};
use crate::etcd::{Election, EtcdError, NodeKeys, PlanWrite, Snapshot};

/// What has come of one try to plan.
pub(super) enum Planned {
    /// There is a plan, of this node or of another one.
    Done,
    /// Nothing is known.
    Failed,
}

/// The planning of one term.
pub(super) struct Planning {
    keys: NodeKeys,
    shards: Shards,
    tell: mpsc::UnboundedSender<Happened>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has changed since the last plan.
    Rest,
    /// Something has.
    Due,
    /// It is being done.
    Busy,
    /// It is being done, and is due again.
    BusyAndDue,
}

impl Planning {
    pub(super) const fn new(
        keys: NodeKeys,
        shards: Shards,
        tell: mpsc::UnboundedSender<Happened>,
    ) -> Self {
        Self {
            keys,
            shards,
            tell,
            state: State::Rest,
        }
    }

    /// What the plan depends on has changed.
    pub(super) fn due(&mut self) {
        self.state = match self.state {
            State::Rest | State::Due => State::Due,
            State::Busy | State::BusyAndDue => State::BusyAndDue,
        };
    }

    pub(super) fn done(&mut self, planned: Planned) {
        self.state = match (self.state, planned) {
            (State::BusyAndDue, _) | (_, Planned::Failed) => State::Due,
            (_, Planned::Done) => State::Rest,
        };
    }

    /// Plans if that is due, and no other node does.
    pub(super) fn look(&mut self, view: &Snapshot) {
        if self.state != State::Due {
            return;
        }
        if let Some(planner) = &view.planner
            && planner.run != *self.keys.run()
        {
            self.state = State::Rest;
            return;
        }
        self.state = State::Busy;
        let candidates = view.nodes.iter().map(|(name, (_, info))| Candidate {
            name: name.clone(),
            weight: info.weight,
            leaving: info.leaving,
        });
        let wanted = plan(self.shards, &candidates.collect::<Vec<_>>());
        let stands = view.plan.clone();
        let (keys, tell) = (self.keys.clone(), self.tell.clone());
        drop(tokio::spawn(async move {
            let planned = match write(&keys, &wanted, stands.as_deref()).await {
                Ok(()) => Planned::Done,
                Err(error) => {
                    tracing::warn!("not planned: {error}; tried again");
                    tokio::time::sleep(std::time::Duration::from_millis(250)).await;
                    Planned::Failed
                }
            };
            drop(tell.send(Happened::Planned(planned)));
        }));
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
