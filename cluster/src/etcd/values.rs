//! What stands at the keys, and how it is written.

use std::fmt;
use std::hash::{BuildHasher, RandomState};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::engine::{Epoch, Incarnation, Leaving, NodeName, Owner};

use super::planner::PlannerTerm;

/// The longest address, in bytes; a DNS name has 253, a port six with its colon.
const ADDRESS: usize = 300;

/// The largest value of a node that is read.
const NODE: usize = 4096;

/// One run of a node, from its join to its end. Written as `name incarnation`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NodeRun {
    /// The node.
    pub name: NodeName,
    /// Which run of it.
    pub incarnation: Incarnation,
}

impl fmt::Display for NodeRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.incarnation.number())
    }
}

impl NodeRun {
    pub(super) fn read(value: &[u8]) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(value).map_err(|_| Unreadable::NoText)?;
        let (name, number) = text.split_once(' ').ok_or(Unreadable::NoRun)?;
        let name = NodeName::try_from(name).map_err(|_| Unreadable::NoRun)?;
        let incarnation: u64 = number.parse().map_err(|_| Unreadable::NoRun)?;
        // There is one spelling.
        if incarnation.to_string() != number {
            return Err(Unreadable::NoRun);
        }
        let incarnation = Incarnation::new(incarnation);
        Ok(Self { name, incarnation })
    }

    /// This run as what owns a shard.
    pub(super) fn owner(self, epoch: Epoch) -> Owner {
        Owner {
            node: self.name,
            incarnation: self.incarnation,
            epoch,
        }
    }
}

/// What plans.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planner {
    /// The run of a node that was elected.
    pub run: NodeRun,
    /// The revision at which it was elected.
    pub term: PlannerTerm,
}

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Where its listener is: host and port.
    pub address: String,
    /// Which run of the node this is.
    pub incarnation: Incarnation,
    /// The version of the messages that it reads and writes.
    pub protocol: u32,
    /// How much of the cluster it takes, beside the weights of the others.
    pub weight: u32,
    /// Whether it leaves.
    pub leaving: Leaving,
}

/// The same as it is written.
#[derive(Serialize, Deserialize)]
struct WrittenNode<'a> {
    address: std::borrow::Cow<'a, str>,
    incarnation: u64,
    protocol: u32,
    weight: u32,
    #[serde(default)]
    leaving: bool,
}

impl NodeInfo {
    pub(super) fn read(value: &[u8]) -> Result<Self, Unreadable> {
        if value.len() > NODE {
            return Err(Unreadable::TooLarge);
        }
        let node: WrittenNode<'_> =
            serde_json::from_slice(value).map_err(|_| Unreadable::NoNode)?;
        if !is_address(&node.address) {
            return Err(Unreadable::NoAddress);
        }
        Ok(Self {
            address: node.address.into_owned(),
            incarnation: Incarnation::new(node.incarnation),
            protocol: node.protocol,
            weight: node.weight,
            leaving: if node.leaving {
                Leaving::Yes
            } else {
                Leaving::No
            },
        })
    }

    /// Text that people can read.
    pub(super) fn write(&self) -> String {
        let node = WrittenNode {
            address: self.address.as_str().into(),
            incarnation: self.incarnation.number(),
            protocol: self.protocol,
            weight: self.weight,
            leaving: self.leaving == Leaving::Yes,
        };
        // Numbers and texts have no value that JSON lacks.
        serde_json::to_string(&node).unwrap_or_default()
    }
}

/// Whether this is an address that other nodes read: a host and a port, printable, of at most 300 bytes.
pub(crate) fn is_address(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else {
        return false;
    };
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    !host.is_empty() && port.parse::<u16>().is_ok() && printable && text.len() <= ADDRESS
}

/// Why a value is not what its key says.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unreadable {
    #[error("it is no text")]
    NoText,
    #[error("it is not a node and its incarnation")]
    NoRun,
    #[error("it is not what a node says of itself")]
    NoNode,
    #[error("the address of the node is not a host and a port")]
    NoAddress,
    #[error("it is too large")]
    TooLarge,
}

/// A random number. The standard library seeds its hash maps with 128 random bits of the system.
pub(super) fn random() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

#[cfg(test)]
mod tests {
    use super::{Incarnation, Leaving, NodeInfo, NodeName, NodeRun, Unreadable, random};

    fn info() -> NodeInfo {
        NodeInfo {
            address: "127.0.0.1:4000".into(),
            incarnation: Incarnation::new(u64::MAX),
            protocol: 1,
            weight: 100,
            leaving: Leaving::Yes,
        }
    }

    #[test]
    fn a_run_is_read_as_it_was_written() {
        let run = NodeRun {
            name: NodeName::try_from("n-1").expect("a name"),
            incarnation: Incarnation::new(42),
        };
        assert_eq!(run.to_string(), "n-1 42");
        assert_eq!(NodeRun::read(run.to_string().as_bytes()), Ok(run));
    }

    #[test]
    fn what_is_no_run_is_told() {
        for bad in [
            "", " ", "n", "n ", "N 2", "n +2", "n 02", "n 2 ", "n  2", "n 2 2", "n -2",
        ] {
            assert_eq!(
                NodeRun::read(bad.as_bytes()),
                Err(Unreadable::NoRun),
                "{bad}"
            );
        }
        let large = "n 18446744073709551616";
        assert_eq!(NodeRun::read(large.as_bytes()), Err(Unreadable::NoRun));
        assert_eq!(NodeRun::read(b"n \xff"), Err(Unreadable::NoText));
    }

    #[test]
    fn a_node_is_read_as_it_was_written() {
        assert_eq!(NodeInfo::read(info().write().as_bytes()), Ok(info()));
    }

    #[test]
    fn a_later_version_may_say_more_and_an_earlier_one_less() {
        let more = info().write().replace('{', "{\"zone\":\"eu\",");
        assert_eq!(NodeInfo::read(more.as_bytes()), Ok(info()));
        let less = info().write().replace(",\"leaving\":true", "");
        assert_ne!(less, info().write());
        let read = NodeInfo::read(less.as_bytes()).expect("a node");
        assert_eq!(read.leaving, Leaving::No);
    }

    #[test]
    fn what_is_no_node_is_told() {
        for bad in ["", "{}", "null", "[]", "{\"address\":3}", "\u{0}"] {
            let read = NodeInfo::read(bad.as_bytes());
            assert_eq!(read, Err(Unreadable::NoNode), "{bad}");
        }
        for bad in [
            "",
            "host",
            "host:",
            "host:70000",
            ":1",
            "a b:1",
            "\u{e4}:1",
            "a\n:1",
        ] {
            let node = NodeInfo {
                address: bad.into(),
                ..info()
            };
            let read = NodeInfo::read(node.write().as_bytes());
            assert_eq!(read, Err(Unreadable::NoAddress), "{bad}");
        }
        let deep = "[".repeat(4000);
        assert_eq!(NodeInfo::read(deep.as_bytes()), Err(Unreadable::NoNode));
        let large = vec![b' '; 5000];
        assert_eq!(NodeInfo::read(&large), Err(Unreadable::TooLarge));
    }

    #[test]
    fn random_numbers_differ() {
        assert_ne!(random(), random());
    }
}
