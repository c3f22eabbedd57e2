//! Nodes by name and incarnation, and what owns a shard.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::shard::Epoch;

/// The name of a node: 1 to 64 bytes of `a` to `z`, `0` to `9`, `.`, `_` and `-`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeName(Arc<str>);

/// Which start of the node it is. No two starts of any nodes of a cluster share one, so that a key of
/// an earlier process is told from one of its successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(u64);

/// What owns a shard.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Owner {
    /// The node.
    pub node: NodeName,
    /// Which start of that node.
    pub incarnation: Incarnation,
    /// Since which claim.
    pub epoch: Epoch,
}

/// A text that is not the name of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidNodeName {
    /// The text.
    pub name: String,
}

impl fmt::Display for InvalidNodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        let most = NodeName::LONGEST;
        write!(
            f,
            "{name:?} is not a node name: it must be 1 to {most} bytes of a-z, 0-9, '.', '_' and '-'"
        )
    }
}

impl Error for InvalidNodeName {}

impl NodeName {
    /// How many bytes it can have.
    pub const LONGEST: usize = 64;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for NodeName {
    type Error = InvalidNodeName;

    fn try_from(name: &str) -> Result<Self, InvalidNodeName> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        let length = 1..=Self::LONGEST;
        if length.contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidNodeName {
                name: name.to_owned(),
            })
        }
    }
}

impl fmt::Debug for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Incarnation {
    /// The incarnation of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::NodeName;

    #[test]
    fn a_name_is_checked() {
        for name in ["a", "node-1.rack_7", &"x".repeat(64)] {
            assert_eq!(NodeName::try_from(name).unwrap().as_str(), name);
        }
        for name in ["", "A", "a b", "a/b", "ä", "a\n", &"x".repeat(65)] {
            let error = NodeName::try_from(name).unwrap_err();
            assert_eq!(error.name, name);
        }
        let error = NodeName::try_from("Node 1").unwrap_err().to_string();
        let rule = "it must be 1 to 64 bytes of a-z, 0-9, '.', '_' and '-'";
        assert_eq!(error, format!("\"Node 1\" is not a node name: {rule}"));
    }
}
