//! What a term tells the holder, those who follow the node, and the log.

use super::driver::Driver;
use crate::engine::{BootTime, Effect, Holder, Incarnation, KnownNode, NodeName, Shard};
use crate::etcd::{Changed, NodeInfo, Planner, Snapshot};
use crate::store_calls::not_answered;

impl Driver {
    /// Tells the holder something.
    pub(super) fn tell(
        &self,
        out: &mut Vec<Effect>,
        what: impl FnOnce(&mut Holder, BootTime, &mut Vec<Effect>),
    ) {
        self.tell_of(&[], out, what);
    }

    /// Tells the holder something that may change the owners of these shards, as far as it knows them.
    pub(super) fn tell_of(
        &self,
        shards: &[Shard],
        out: &mut Vec<Effect>,
        what: impl FnOnce(&mut Holder, BootTime, &mut Vec<Effect>),
    ) {
        let local = &self.node.local;
        let (clock, before) = (&self.node.clock, out.len());
        let owners = local.admission.with(|holder| {
            // The clock is read under the lock: waiting for the lock would make the time old.
            what(holder, clock.now(), out);
            let map = holder.map();
            let owner = |shard: &Shard| (*shard, map.owner(*shard).cloned());
            shards.iter().map(owner).collect::<Vec<_>>()
        });
        let decided = out.get(before..).unwrap_or_default();
        // The owners first: the decisions follow from them.
        local.feed.tell(|picture, now, out| {
            for (shard, owner) in owners.unwrap_or_default() {
                picture.owner(shard, owner.as_ref(), now, out);
            }
            picture.decided(decided, self.lapse, now, out);
        });
        local.admission.changed.notify_waiters();
    }

    /// Tells the log of a call of the session store that does not return, once for each. `status` tells of it
    /// too, also between two terms.
    pub(super) fn look_at_the_store(&mut self) {
        let late = self.node.store_calls.late();
        let number = late.as_ref().map(|late| late.number);
        if number == self.late_call {
            return;
        }
        let node = &self.node.name;
        match late {
            Some(late) => {
                let what = not_answered(late.call, &late.shards, late.waited);
                tracing::error!(%node, "{what}; nothing is read or written until it does");
            }
            None => tracing::info!(%node, "the session store answers again"),
        }
        self.late_call = number;
    }

    /// All nodes and the planner, as etcd has them.
    pub(super) fn told_of_nodes(&self, view: &Snapshot) {
        let nodes = view.nodes.iter();
        let nodes = nodes.map(|(name, (_, info))| (name.clone(), known(info)));
        let nodes = nodes.collect();
        let planner = view.planner.as_ref().map(run);
        self.node.local.feed.tell(|picture, _, out| {
            picture.nodes(nodes, out);
            picture.planner(planner, out);
        });
    }

    /// One change that etcd tells of a node or of the planner.
    pub(super) fn told_of(&self, what: &Changed) {
        let feed = &self.node.local.feed;
        match what {
            Changed::Node(name, node) => {
                let says = node.as_ref().map(|(_, info)| known(info));
                feed.tell(|picture, _, out| picture.node(name, says, out));
            }
            Changed::Planner(planner) => {
                let planner = planner.as_ref().map(run);
                feed.tell(|picture, _, out| picture.planner(planner, out));
            }
            Changed::Shard(..) | Changed::Plan(_) => {}
        }
    }
}

fn known(info: &NodeInfo) -> KnownNode {
    KnownNode::new(info.incarnation, &info.address, info.weight, info.leaving)
}

fn run(planner: &Planner) -> (NodeName, Incarnation) {
    (planner.run.name.clone(), planner.run.incarnation)
}
