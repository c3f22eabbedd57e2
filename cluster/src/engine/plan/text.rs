//! A plan as the text of one key in etcd.
//!
//! Three lines: the version of this format with the number of shards, the names of the nodes in order,
//! and for each shard the place of its node among the names, from 0, or `-` for none:
//!
//! ```text
//! 1 4
//! alpha beta
//! 0 1 1 -
//! ```

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use super::Plan;
use crate::engine::node::NodeName;
use crate::engine::shard::Shards;

/// The version of the format.
const VERSION: u32 = 1;

/// No plan is longer: a name of 64 bytes and a number of four digits for each of 4,096 shards.
const LONGEST: usize = 4_096 * (65 + 5) + 64;

/// How much of a text that is not a plan is shown, in characters.
const SHOWN: usize = 40;

/// A text that is not a plan for this cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidPlan {
    /// It is too long.
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It is written in another format.
    Version {
        /// Its first line.
        found: String,
    },
    /// It is for another number of shards.
    Shards {
        /// How many shards there are.
        expected: u32,
        /// For how many it is.
        found: u32,
    },
    /// This is not a name, or not in order, or there a second time.
    Name {
        /// What stands there.
        found: String,
    },
    /// The owner of a shard is not one of the names.
    Owner {
        /// The number of the shard.
        shard: usize,
        /// What stands there.
        found: String,
    },
    /// It has another number of owners than of shards.
    Owners {
        /// How many shards there are.
        expected: u32,
        /// How many owners it has.
        found: usize,
    },
}

impl fmt::Display for InvalidPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { bytes } => {
                write!(f, "a plan of {bytes} bytes: {LONGEST} are the most")
            }
            Self::Version { found } => {
                write!(
                    f,
                    "a plan that begins with {found:?}: its version must be {VERSION}"
                )
            }
            Self::Shards { expected, found } => {
                write!(f, "a plan for {found} shards: this cluster has {expected}")
            }
            Self::Name { found } => {
                write!(
                    f,
                    "a plan with the node {found:?}: names must be valid and sorted"
                )
            }
            Self::Owner { shard, found } => {
                write!(
                    f,
                    "a plan that gives shard {shard} to {found:?}: it has no such node"
                )
            }
            Self::Owners { expected, found } => {
                write!(
                    f,
                    "a plan with {found} owners: this cluster has {expected} shards"
                )
            }
        }
    }
}

impl Error for InvalidPlan {}

impl Plan {
    /// The plan as text. It has no more bytes than one value of etcd can have.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut places: BTreeMap<&NodeName, usize> = BTreeMap::new();
        for owner in self.owners.iter().flatten() {
            places.insert(owner, 0);
        }
        for (place, (_, known)) in places.iter_mut().enumerate() {
            *known = place;
        }
        let names: Vec<_> = places.keys().map(|name| name.as_str()).collect();
        let place = |owner: &Option<NodeName>| {
            let known = owner.as_ref().and_then(|name| places.get(name));
            known.map_or_else(|| "-".to_owned(), ToString::to_string)
        };
        let owners: Vec<_> = self.owners.iter().map(place).collect();
        let (count, names, owners) = (self.owners.len(), names.join(" "), owners.join(" "));
        format!("{VERSION} {count}\n{names}\n{owners}")
    }

    /// Reads a plan for a cluster with this number of shards.
    ///
    /// # Errors
    ///
    /// If it says none, or one for another number of shards.
    pub fn from_text(text: &str, shards: Shards) -> Result<Self, InvalidPlan> {
        if text.len() > LONGEST {
            return Err(InvalidPlan::TooLong { bytes: text.len() });
        }
        let mut lines = text.splitn(3, '\n');
        let mut line = || lines.next().unwrap_or_default();
        check_head(line(), shards)?;
        let names = names(line())?;
        let owners: Result<Vec<_>, _> = words(line())
            .enumerate()
            .map(|(shard, word)| owner(shard, word, &names))
            .collect();
        let (owners, expected) = (owners?, shards.count());
        if u32::try_from(owners.len()) != Ok(expected) {
            let found = owners.len();
            return Err(InvalidPlan::Owners { expected, found });
        }
        Ok(Self { owners })
    }
}

fn check_head(head: &str, shards: Shards) -> Result<(), InvalidPlan> {
    let numbers = head.split_once(' ');
    let numbers = numbers.and_then(|(version, count)| Some((number(version)?, number(count)?)));
    let expected = shards.count();
    match numbers {
        Some((VERSION, found)) if found == expected => Ok(()),
        Some((VERSION, found)) => Err(InvalidPlan::Shards { expected, found }),
        Some(_) | None => Err(InvalidPlan::Version { found: shown(head) }),
    }
}

fn names(line: &str) -> Result<Vec<NodeName>, InvalidPlan> {
    let mut names: Vec<NodeName> = Vec::new();
    for word in words(line) {
        let after = |name: &NodeName| names.last().is_none_or(|last| last < name);
        match NodeName::try_from(word) {
            Ok(name) if after(&name) => names.push(name),
            Ok(_) | Err(_) => return Err(InvalidPlan::Name { found: shown(word) }),
        }
    }
    Ok(names)
}

fn owner(shard: usize, word: &str, names: &[NodeName]) -> Result<Option<NodeName>, InvalidPlan> {
    if word == "-" {
        return Ok(None);
    }
    let place = number(word).and_then(|place| usize::try_from(place).ok());
    match place.and_then(|place| names.get(place)) {
        Some(name) => Ok(Some(name.clone())),
        None => Err(InvalidPlan::Owner {
            shard,
            found: shown(word),
        }),
    }
}

/// What stands between single spaces: nothing in an empty line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    let words = (!line.is_empty()).then(|| line.split(' '));
    words.into_iter().flatten()
}

/// A number of digits alone.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::{InvalidPlan, LONGEST};
    use crate::engine::hash::random;
    use crate::engine::plan::tests::node;
    use crate::engine::plan::{Plan, plan};
    use crate::engine::shard::Shards;

    fn four() -> Shards {
        Shards::new(4).unwrap()
    }

    fn read(text: &str) -> Result<Plan, InvalidPlan> {
        Plan::from_text(text, four())
    }

    #[test]
    fn a_plan_is_read_as_it_was_written() {
        for count in [0, 1, 2, 7, 40] {
            let nodes: Vec<_> = (0..count).map(|n| node(&format!("n{n}"), 1)).collect();
            for shards in [1, 4, 512, 4_096].map(|count| Shards::new(count).unwrap()) {
                let plan = plan(shards, &nodes);
                let text = plan.to_text();
                assert_eq!(Plan::from_text(&text, shards), Ok(plan), "{text}");
            }
        }
        let text = "1 4\nalpha beta\n0 1 1 -";
        assert_eq!(read(text).unwrap().to_text(), text);
    }

    #[test]
    fn the_longest_plan_is_read() {
        let shards = Shards::new(4_096).unwrap();
        let name = |n: u32| crate::engine::NodeName::try_from(&*format!("{n:064}")).unwrap();
        let owners = (0..4_096).map(|n| Some(name(n))).collect();
        let plan = Plan { owners };
        let text = plan.to_text();
        assert!(text.len() <= LONGEST, "{}", text.len());
        assert_eq!(Plan::from_text(&text, shards), Ok(plan));
    }

    #[test]
    fn what_is_no_plan_is_refused_with_what_it_is() {
        let error = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(
            error(""),
            "a plan that begins with \"\": its version must be 1"
        );
        assert_eq!(
            error("2 4\na\n0 0 0 0"),
            "a plan that begins with \"2 4\": its version must be 1"
        );
        assert_eq!(
            error("1 8\na\n0 0 0 0"),
            "a plan for 8 shards: this cluster has 4"
        );
        let rule = "names must be valid and sorted";
        for names in ["b a", "a a", "a  b", "A", " a"] {
            let found = error(&format!("1 4\n{names}\n0 0 0 0"));
            assert!(found.ends_with(rule), "{found}");
        }
        assert_eq!(
            error("1 4\na\n0 0 1 0"),
            "a plan that gives shard 2 to \"1\": it has no such node"
        );
        for owners in ["0 0 0 +0", "0 0 0  0", "0 0 0 0\n", "0 0 0 0x", "0 0 0 -1"] {
            let found = read(&format!("1 4\na\n{owners}")).unwrap_err();
            assert!(matches!(found, InvalidPlan::Owner { .. }), "{found}");
        }
        assert_eq!(
            error("1 4\na\n0 0 0"),
            "a plan with 3 owners: this cluster has 4 shards"
        );
        assert_eq!(read("1 4\na").unwrap_err(), owners(0));
        assert_eq!(read("1 4\na\n0 0 0 0 0").unwrap_err(), owners(5));
        let long = "1".repeat(LONGEST + 1);
        let bytes = LONGEST + 1;
        assert_eq!(read(&long), Err(InvalidPlan::TooLong { bytes }));
    }

    fn owners(found: usize) -> InvalidPlan {
        InvalidPlan::Owners { expected: 4, found }
    }

    #[test]
    fn bytes_at_random_are_never_a_panic() {
        let good = plan(four(), &[node("a", 1), node("b", 1)]).to_text();
        for seed in 0..20_000 {
            let mut bytes = good.clone().into_bytes();
            let draw = |n, bound: usize| (random(seed, n) % bound as u64) as usize;
            for change in 0..=draw(0, 3) as u64 {
                let at = draw(1 + 3 * change, bytes.len());
                bytes[at] = draw(2 + 3 * change, 256) as u8;
            }
            bytes.truncate(draw(90, bytes.len()) + 1);
            let text = String::from_utf8_lossy(&bytes);
            if let Ok(plan) = read(&text) {
                assert_eq!(read(&plan.to_text()), Ok(plan));
            }
        }
    }
}
