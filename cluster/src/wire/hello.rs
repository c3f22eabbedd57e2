//! Who a node is, and whether two nodes may work together.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::names;
use crate::engine::{Incarnation, NodeName};

/// Who a node is. Both sides of a connection ask each other for it before anything else, and compare
/// it with their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The cluster that it belongs to.
    pub cluster: String,
    /// The version of what nodes expect of each other.
    pub protocol: u32,
    /// How many shards there are.
    pub shards: u32,
    /// The version of the hash that sorts ids into shards.
    pub hash: u32,
    /// Its name.
    #[serde(with = "names")]
    pub node: NodeName,
    /// Which of its incarnations this is.
    #[serde(with = "names::incarnation")]
    pub incarnation: Incarnation,
}

/// Why two nodes cannot work together.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// They belong to different clusters.
    #[error("node {node} belongs to cluster {theirs:?}, and node {own} to {ours:?}")]
    Cluster {
        /// The other node.
        node: NodeName,
        /// Its cluster.
        theirs: String,
        /// The node that compares.
        own: NodeName,
        /// The cluster of that one.
        ours: String,
    },
    /// A setting differs that must be the same on all nodes.
    #[error("node {node} has {setting} {theirs}, and node {own} has {ours}")]
    Setting {
        /// The other node.
        node: NodeName,
        /// Which setting.
        setting: &'static str,
        /// Its value there.
        theirs: u32,
        /// The node that compares.
        own: NodeName,
        /// Its value at that one.
        ours: u32,
    },
    /// Another node answers than the one that was meant.
    #[error(
        "node {found} answers, in its incarnation {incarnation}, where {expected} was expected"
    )]
    Node {
        /// The node that answers.
        found: NodeName,
        /// Its incarnation.
        incarnation: Incarnation,
        /// The node that was meant.
        expected: NodeName,
    },
    /// The node answers, but in another incarnation.
    #[error("node {node} answers in incarnation {theirs}, and not in {expected}")]
    Incarnation {
        /// The node.
        node: NodeName,
        /// Its incarnation.
        theirs: Incarnation,
        /// The incarnation that was meant.
        expected: Incarnation,
    },
}

impl Hello {
    /// Compares this node with another one.
    ///
    /// # Errors
    ///
    /// The first difference that keeps the two apart, with both values.
    pub fn fits(&self, other: &Self) -> Result<(), Mismatch> {
        if self.cluster != other.cluster {
            return Err(Mismatch::Cluster {
                node: other.node.clone(),
                theirs: other.cluster.clone(),
                own: self.node.clone(),
                ours: self.cluster.clone(),
            });
        }
        let settings = [
            ("protocol version", other.protocol, self.protocol),
            ("shard count", other.shards, self.shards),
            ("hash version", other.hash, self.hash),
        ];
        for (setting, theirs, ours) in settings {
            if theirs != ours {
                return Err(Mismatch::Setting {
                    node: other.node.clone(),
                    setting,
                    theirs,
                    own: self.node.clone(),
                    ours,
                });
            }
        }
        Ok(())
    }

    /// Compares it with the node that was meant.
    ///
    /// # Errors
    ///
    /// It is another node, or another incarnation of it.
    pub fn is(&self, node: &NodeName, incarnation: Incarnation) -> Result<(), Mismatch> {
        if self.node != *node {
            return Err(Mismatch::Node {
                found: self.node.clone(),
                incarnation: self.incarnation,
                expected: node.clone(),
            });
        }
        if self.incarnation != incarnation {
            return Err(Mismatch::Incarnation {
                node: node.clone(),
                theirs: self.incarnation,
                expected: incarnation,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Hello, Mismatch};
    use crate::engine::{Incarnation, NodeName};

    fn hello() -> Hello {
        Hello {
            cluster: "c1".to_owned(),
            protocol: 1,
            shards: 512,
            hash: 1,
            node: NodeName::try_from("a").expect("a name"),
            incarnation: Incarnation::new(7),
        }
    }

    #[test]
    fn a_difference_is_told_with_both_values() {
        let ours = hello();
        assert_eq!(ours.fits(&hello()), Ok(()));
        let told = |change: fn(&mut Hello)| {
            let mut theirs = hello();
            change(&mut theirs);
            ours.fits(&theirs).expect_err("they differ").to_string()
        };
        let cluster = told(|hello| hello.cluster = "c2".to_owned());
        assert_eq!(
            cluster,
            "node a belongs to cluster \"c2\", and node a to \"c1\""
        );
        let shards = told(|hello| hello.shards = 64);
        assert_eq!(shards, "node a has shard count 64, and node a has 512");
        assert!(told(|hello| hello.protocol = 2).contains("protocol version 2"));
        assert!(told(|hello| hello.hash = 2).contains("hash version 2"));
    }

    #[test]
    fn the_node_that_answers_is_the_one_that_was_meant() {
        let (a, b) = (hello().node, NodeName::try_from("b").expect("a name"));
        let [seven, eight] = [7, 8].map(Incarnation::new);
        assert_eq!(hello().is(&a, seven), Ok(()));
        assert!(matches!(hello().is(&b, seven), Err(Mismatch::Node { .. })));
        let other = hello().is(&a, eight);
        assert!(matches!(other, Err(Mismatch::Incarnation { theirs, .. }) if theirs == seven));
    }
}
