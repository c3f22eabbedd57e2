//! What has changed between two looks at the cluster, in sentences.
//!
//! What happened and was undone between two looks is not seen. Shards that went the same way are told
//! together: when a node dies there are hundreds of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::view::{Here, NodeView, ShardView, View, standing};
use crate::engine::{Leaving, NodeName, Standing};
use crate::node::Stage;

/// How many shards of a group are named.
const NAMED: usize = 10;

/// Something that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// When it was seen, since 1970.
    pub(super) at: Duration,
    pub(super) kind: Kind,
    /// The node that it is about.
    pub(super) node: Option<NodeName>,
    /// The sentence for people.
    pub(super) text: String,
}

/// Of what kind a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Joined,
    Rejoined,
    Leaving,
    Gone,
    Planner,
    /// Shards have another owner, or another epoch.
    Shards,
    /// Shards have no owner any more.
    Unowned,
    /// What this node may do.
    Authority,
    Stage,
}

impl Kind {
    /// The stable name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Joined => "joined",
            Self::Rejoined => "rejoined",
            Self::Leaving => "leaving",
            Self::Gone => "gone",
            Self::Planner => "planner",
            Self::Shards => "shards",
            Self::Unowned => "unowned",
            Self::Authority => "authority",
            Self::Stage => "stage",
        }
    }

    /// Whether it needs a look.
    pub(super) const fn is_warning(self) -> bool {
        matches!(self, Self::Gone | Self::Unowned | Self::Authority)
    }
}

/// All that has changed from one view to a later one.
pub(super) fn between(before: &View, after: &View) -> Vec<Change> {
    let mut told = Telling {
        at: after.now,
        changes: Vec::new(),
    };
    told.here(&before.here, &after.here);
    told.nodes(&before.nodes, &after.nodes);
    if before.planner != after.planner {
        let text = match &after.planner {
            Some(node) => format!("node {node} plans"),
            None => "no node plans".to_owned(),
        };
        told.tell(Kind::Planner, after.planner.clone(), text);
    }
    told.shards(&before.shards, &after.shards);
    told.changes
}

struct Telling {
    at: Duration,
    changes: Vec<Change>,
}

impl Telling {
    fn tell(&mut self, kind: Kind, node: Option<NodeName>, text: String) {
        let at = self.at;
        self.changes.push(Change {
            at,
            kind,
            node,
            text,
        });
    }

    fn here(&mut self, before: &Here, after: &Here) {
        let node = &after.node;
        // When it will kill them is no news.
        if before.standing.map(standing) != after.standing.map(standing) {
            let text = match after.standing {
                Some(Standing::Serving) => "it admits starts and messages",
                Some(Standing::Ending { .. }) => {
                    "its lease was not renewed in time: it admits nothing and stops its sessions"
                }
                Some(Standing::Over) => "its authority is over: it kills what is left",
                None => "it has no lease and admits nothing",
            };
            let text = format!("node {node}: {text}");
            self.tell(Kind::Authority, Some(node.clone()), text);
        }
        if before.stage != after.stage {
            let text = match after.stage {
                Stage::Joined => "has joined the cluster",
                Stage::Draining => "hands over what it owns, and stays",
                Stage::Leaving => "hands over what it owns, and leaves",
                Stage::Rejoining => "has lost its lease, and joins again",
                Stage::Left => "has left the cluster",
            };
            let text = format!("node {node} {text}");
            self.tell(Kind::Stage, Some(node.clone()), text);
        }
    }

    fn nodes(
        &mut self,
        before: &BTreeMap<NodeName, NodeView>,
        after: &BTreeMap<NodeName, NodeView>,
    ) {
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            let text = format!("node {name} is gone");
            self.tell(Kind::Gone, Some(name.clone()), text);
        }
        for (name, node) in after {
            let (address, weight) = (&node.address, node.weight);
            let (kind, text) = match before.get(name) {
                None => (
                    Kind::Joined,
                    format!("node {name} has joined at {address}, with weight {weight}"),
                ),
                Some(known) if known.incarnation != node.incarnation => (
                    Kind::Rejoined,
                    format!("node {name} has joined again at {address}, with weight {weight}"),
                ),
                Some(known) if known.leaving == Leaving::No && node.leaving == Leaving::Yes => {
                    (Kind::Leaving, format!("node {name} is leaving"))
                }
                Some(_) => continue,
            };
            self.tell(kind, Some(name.clone()), text);
        }
    }

    fn shards(&mut self, before: &[ShardView], after: &[ShardView]) {
        type Way<'a> = (Option<&'a NodeName>, Option<&'a NodeName>);
        let mut ways: BTreeMap<Way<'_>, Vec<usize>> = BTreeMap::new();
        let pairs = before.iter().zip(after).enumerate();
        for (at, (was, is)) in pairs.filter(|(_, (was, is))| was.owner != is.owner) {
            let way = (
                was.owner.as_ref().map(|owner| &owner.node),
                is.owner.as_ref().map(|owner| &owner.node),
            );
            ways.entry(way).or_default().push(at);
        }
        for ((from, to), shards) in ways {
            let list = named(&shards);
            let (kind, text) = match (from, to) {
                (Some(from), Some(to)) if from == to => (
                    Kind::Shards,
                    format!("node {to} has claimed anew, in another epoch: {list}"),
                ),
                (Some(from), Some(to)) => (
                    Kind::Shards,
                    format!("from node {from} to node {to}: {list}"),
                ),
                (None, Some(to)) => (Kind::Shards, format!("node {to} has claimed {list}")),
                (Some(from), None) => (
                    Kind::Unowned,
                    format!("no owner any more, after node {from}: {list}"),
                ),
                (None, None) => continue,
            };
            self.tell(kind, to.or(from).cloned(), text);
        }
    }
}

/// Some shards, for people: `3 shards (1, 5, 8)`.
fn named(shards: &[usize]) -> String {
    let count = shards.len();
    let mut text = match count {
        1 => "1 shard (".to_owned(),
        count => format!("{count} shards ("),
    };
    for (at, shard) in shards.iter().take(NAMED).enumerate() {
        let before = if at > 0 { ", " } else { "" };
        // A text takes all that is written.
        write!(text, "{before}{shard}").ok();
    }
    text.push_str(if count > NAMED { ", …)" } else { ")" });
    text
}

#[cfg(test)]
mod tests {
    use super::{Kind, between};
    use crate::dashboard::tests::fake::{name, owner, seen};
    use crate::dashboard::view::{Seen, View};
    use crate::engine::{Incarnation, Leaving, Standing};
    use crate::node::Stage;

    fn told(change: impl FnOnce(&mut Seen)) -> Vec<(Kind, String)> {
        let before = seen(32, &["a", "b", "c"]);
        let mut after = before.clone();
        change(&mut after);
        let changes = between(&View::of(before), &View::of(after));
        let told = changes.into_iter();
        told.map(|change| (change.kind, change.text)).collect()
    }

    fn is(kind: Kind, text: &str) -> (Kind, String) {
        (kind, text.to_owned())
    }

    #[test]
    fn nothing_is_told_of_what_is_the_same() {
        assert_eq!(told(|seen| seen.status.revision += 1), []);
        assert_eq!(told(|seen| seen.own.sessions += 1), []);
    }

    #[test]
    fn shards_that_go_the_same_way_are_told_together() {
        let moved = told(|seen| {
            for (at, shard) in seen.shards.all().enumerate() {
                seen.status.owners.insert(shard, owner("a", 1));
                if at < 12 {
                    seen.status.owners.insert(shard, owner("d", 99));
                }
            }
        });
        assert!(moved.len() <= 6, "{moved:?}");
        assert!(moved.iter().all(|(kind, _)| *kind == Kind::Shards));
        let to_d = moved.iter().filter(|(_, text)| text.contains("to node d"));
        assert!((1..=3).contains(&to_d.count()), "{moved:?}");
        let anew = told(|seen| {
            let shard = seen.shards.get(5).unwrap();
            let owner = seen.status.owners.get_mut(&shard).unwrap();
            owner.epoch = crate::engine::Epoch::new(500);
        });
        assert_eq!(anew.len(), 1);
        assert!(anew[0].1.contains("another epoch: 1 shard (5)"), "{anew:?}");
    }

    #[test]
    fn shards_without_an_owner_are_a_warning_and_are_named() {
        let lost = told(|seen| seen.status.owners.clear());
        assert_eq!(lost.len(), 3, "of each node: {lost:?}");
        assert!(lost.iter().all(|(kind, _)| *kind == Kind::Unowned));
        assert!(Kind::Unowned.is_warning());
        assert!(lost[0].1.starts_with("no owner any more, after node a: "));
        assert!(lost.iter().any(|(_, text)| text.ends_with(", …)")));
    }

    #[test]
    fn nodes_that_come_and_go_are_told() {
        let gone = told(|seen| {
            seen.status.nodes.remove(&name("b"));
        });
        assert_eq!(gone, [is(Kind::Gone, "node b is gone")]);
        let again = told(|seen| {
            let node = seen.status.nodes.get_mut(&name("b")).unwrap();
            node.incarnation = Incarnation::new(9);
            node.leaving = Leaving::Yes;
        });
        let text = "node b has joined again at 127.0.0.1:4001, with weight 100";
        assert_eq!(again, [is(Kind::Rejoined, text)]);
        let leaving = told(|seen| {
            seen.status.nodes.get_mut(&name("c")).unwrap().leaving = Leaving::Yes;
            seen.status.planner = None;
        });
        let expected = [
            is(Kind::Leaving, "node c is leaving"),
            is(Kind::Planner, "no node plans"),
        ];
        assert_eq!(leaving, expected);
        let joined = told(|seen| {
            let node = seen.status.nodes[&name("b")].clone();
            seen.status.nodes.insert(name("d"), node);
        });
        let text = "node d has joined at 127.0.0.1:4001, with weight 100";
        assert_eq!(joined, [is(Kind::Joined, text)]);
    }

    #[test]
    fn what_this_node_may_do_is_told_when_it_changes() {
        let over = told(|seen| {
            seen.status.standing = Some(Standing::Over);
            seen.status.stage = Stage::Rejoining;
        });
        let expected = [
            is(
                Kind::Authority,
                "node a: its authority is over: it kills what is left",
            ),
            is(Kind::Stage, "node a has lost its lease, and joins again"),
        ];
        assert_eq!(over, expected);
    }
}
