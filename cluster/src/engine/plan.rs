//! Which node is to own which shard.

mod text;

use std::collections::BTreeMap;

use serde::Serialize;

use super::node::NodeName;
use super::rendezvous::{Bid, node_hash};
use super::shard::{Shard, Shards};

pub use text::InvalidPlan;

/// Which node is to own each shard.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Plan {
    owners: Vec<Option<NodeName>>,
}

/// A node for which shards can be planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: NodeName,
    /// Its share: twice the weight gets twice the shards. One of weight 0 gets none.
    pub weight: u32,
    /// Whether it is about to leave.
    pub leaving: Leaving,
}

/// Whether a node is about to leave. One that is gets no shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "it is about to leave or it is not")]
pub enum Leaving {
    /// It stays.
    #[default]
    No,
    /// It gives up what it owns.
    Yes,
}

/// Divides the shards among the nodes, by their weights.
///
/// The same nodes get the same plan on every machine, in whatever order they are given. A node that
/// joins or leaves moves no shard from one other node to another. Without a node that takes shards, no
/// shard has an owner. Of several candidates of one name the last counts.
#[must_use]
pub fn plan(shards: Shards, candidates: &[Candidate]) -> Plan {
    let takes = |node: &&Candidate| node.leaving == Leaving::No && node.weight > 0;
    let last: BTreeMap<_, _> = candidates.iter().map(|node| (&node.name, node)).collect();
    let nodes: Vec<_> = last
        .into_values()
        .filter(takes)
        .map(|node| (node, node_hash(node.name.as_str())))
        .collect();
    let best = |shard: Shard| {
        let bids = nodes.iter().map(|(node, hash)| {
            let bid = Bid::new(node.name.as_str(), *hash, node.weight, shard.index());
            (bid, &node.name)
        });
        let winner = bids.min_by(|(one, _), (other, _)| one.compare(other));
        winner.map(|(_, name)| name.clone())
    };
    Plan {
        owners: shards.all().map(best).collect(),
    }
}

impl Plan {
    /// The node that is to own the shard.
    #[must_use]
    pub fn owner(&self, shard: Shard) -> Option<&NodeName> {
        self.owners.get(shard.place())?.as_ref()
    }

    /// For how many shards it is a plan.
    #[must_use]
    pub fn count(&self) -> usize {
        self.owners.len()
    }

    /// How many shards the node is to own.
    #[must_use]
    pub fn share(&self, name: &NodeName) -> usize {
        let owns = |owner: &&Option<NodeName>| owner.as_ref() == Some(name);
        self.owners.iter().filter(owns).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{Candidate, Leaving, Plan, plan};
    use crate::engine::node::NodeName;
    use crate::engine::shard::Shards;

    pub(super) fn node(name: &str, weight: u32) -> Candidate {
        Candidate {
            name: NodeName::try_from(name).unwrap(),
            weight,
            leaving: Leaving::No,
        }
    }

    fn nodes(count: usize) -> Vec<Candidate> {
        (0..count).map(|n| node(&format!("node-{n}"), 1)).collect()
    }

    fn moves(from: &Plan, to: &Plan) -> Vec<(Option<NodeName>, Option<NodeName>)> {
        let pairs = from.owners.iter().cloned().zip(to.owners.iter().cloned());
        pairs.filter(|(from, to)| from != to).collect()
    }

    #[test]
    fn a_node_that_joins_or_leaves_moves_only_its_own_shards() {
        let shards = Shards::default();
        for count in 1..20 {
            let more = nodes(count + 1);
            let fewer = &more[..count];
            let (before, after) = (plan(shards, fewer), plan(shards, &more));
            let new = &more[count].name;
            let joined = moves(&before, &after);
            assert!(joined.iter().all(|(_, to)| to.as_ref() == Some(new)));
            assert_eq!(joined.len(), after.share(new));
            // It leaves in order, without having gone yet.
            let mut leaving = more.clone();
            leaving[count].leaving = Leaving::Yes;
            assert_eq!(plan(shards, &leaving), before);
            leaving[count] = node(more[count].name.as_str(), 0);
            assert_eq!(plan(shards, &leaving), before);
        }
    }

    #[test]
    fn a_weight_that_changes_moves_shards_from_or_to_that_node_only() {
        let shards = Shards::new(4_096).unwrap();
        let mut changed = nodes(5);
        let before = plan(shards, &changed);
        changed[2].weight = 3;
        let after = plan(shards, &changed);
        let name = Some(changed[2].name.clone());
        let moved = moves(&before, &after);
        assert!(moved.iter().all(|(from, to)| *from != name && *to == name));
        // From a fifth to three sevenths.
        let share = after.share(&changed[2].name);
        assert!((1_600..=1_910).contains(&share), "{share}");
    }

    #[test]
    fn each_node_gets_its_share() {
        for (count, shards) in [(1, 512), (2, 512), (3, 512), (10, 4_096), (20, 4_096)] {
            let nodes = nodes(count);
            let plan = plan(Shards::new(shards).unwrap(), &nodes);
            let mean = f64::from(shards) / count as f64;
            // Within five standard deviations.
            let bound = 5.0 * mean.sqrt();
            for node in &nodes {
                let share = plan.share(&node.name) as f64;
                assert!((share - mean).abs() <= bound, "{count}: {share} of {mean}");
            }
        }
    }

    #[test]
    fn the_order_of_the_nodes_does_not_matter() {
        let mut all = nodes(7);
        let before = plan(Shards::default(), &all);
        all.reverse();
        all.push(all[0].clone());
        assert_eq!(plan(Shards::default(), &all), before);
    }

    #[test]
    fn without_nodes_there_are_no_owners() {
        let none = plan(Shards::new(3).unwrap(), &[]);
        assert_eq!(none.owners, [None, None, None]);
        let shards = Shards::default();
        assert_eq!(plan(shards, &[node("a", 0)]), plan(shards, &[]));
    }

    #[test]
    fn the_same_plan_comes_of_the_same_nodes_for_ever() {
        // Another program computed it too. A change moves shards in running clusters.
        let three = [node("a", 1), node("b", 1), node("c", 2)];
        let plan = plan(Shards::new(16).unwrap(), &three);
        let text = "1 16\na b c\n2 1 2 2 2 2 0 2 2 0 0 2 0 0 2 2";
        assert_eq!(plan.to_text(), text);
    }
}
