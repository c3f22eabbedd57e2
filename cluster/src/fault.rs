//! What keeps a node from its work.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::engine::Shard;
use crate::etcd::{Unreadable, UnreadableKey};
use crate::node::Node;
use crate::store_calls::{LateCall, StoreCall, named, not_answered};

/// What keeps a node from its work, as [`Status::faults`](crate::Status::faults) tells it. What it is about
/// is tried again by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// It is not in the cluster, and why the last try to join again failed.
    NotJoined {
        /// Why.
        why: Arc<str>,
    },
    /// It does not serve some of its shards yet, since they cannot be read from the store of the sessions.
    Unread {
        /// The shards, in the order of their numbers.
        shards: Vec<Shard>,
        /// Why. Each cause is a fault of its own.
        why: Arc<str>,
    },
    /// A call of the store of the sessions has not returned for 5 s or longer. The store is called once at a
    /// time, so no other shard is read until it returns, and nothing that sessions save is written.
    StoreNotResponding {
        /// The call.
        call: StoreCall,
        /// The shards that it is about, in the order of their numbers. Others wait for it too.
        shards: Vec<Shard>,
        /// How long ago it was made.
        waited: Duration,
    },
    /// It does not serve some of its shards, since the store of the sessions has seen later epochs of them
    /// than etcd gives. Then etcd was restored from a backup or begun anew, or the store is that of another
    /// cluster: "When etcd was restored" in the README of this crate says what to do.
    OlderEpochs {
        /// How many shards.
        shards: u32,
        /// The greatest epoch that etcd has given for one of them.
        epoch: u64,
        /// The greatest epoch that the store has seen for one of them. They are served when etcd's revision
        /// is past that.
        noted: u64,
    },
    /// Keys of the cluster in etcd have values that cannot be read, so something else has written them, or a
    /// node of another version. The owner of such a shard is not known, and as long as the key is there no
    /// node can claim it. Delete a key that no node has written.
    UnreadableValue {
        /// The first such key.
        key: Arc<str>,
        /// How many keys.
        keys: u32,
        /// The shards whose owners they should name, in the order of their numbers.
        shards: Vec<Shard>,
        /// Why. Each cause is a fault of its own.
        why: Arc<str>,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotJoined { why } => write!(f, "not joined again: {why}"),
            Self::Unread { shards, why } => {
                write!(f, "{} cannot be read, tried again: {why}", named(shards))
            }
            Self::StoreNotResponding {
                call,
                shards,
                waited,
            } => f.write_str(&not_answered(*call, shards, *waited)),
            Self::OlderEpochs {
                shards,
                epoch,
                noted,
            } => write!(
                f,
                "{shards} shards are not served: the store has seen epoch {noted}, and etcd gives up to \
                 {epoch}; it was restored from a backup, or the store is another cluster's"
            ),
            Self::UnreadableValue {
                key,
                keys,
                shards,
                why,
            } => {
                match keys {
                    0 | 1 => write!(f, "the value of key {key} in etcd cannot be read")?,
                    _ => write!(
                        f,
                        "the values of {keys} keys in etcd cannot be read, the first of which is {key}"
                    )?,
                }
                if !shards.is_empty() {
                    write!(f, ", so no node can claim {}", named(shards))?;
                }
                write!(f, ": {why}")
            }
        }
    }
}

impl Fault {
    /// Its stable name, such as `not_joined`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotJoined { .. } => "not_joined",
            Self::Unread { .. } => "unread",
            Self::StoreNotResponding { .. } => "store_not_responding",
            Self::OlderEpochs { .. } => "older_epochs",
            Self::UnreadableValue { .. } => "unreadable_value",
        }
    }

    /// How many there are of each kind, by its stable name: those of which there is none, too.
    #[cfg(feature = "metrics")]
    pub(crate) fn counts(of: &[Self]) -> [(&'static str, usize); 5] {
        [
            "not_joined",
            "unread",
            "store_not_responding",
            "older_epochs",
            "unreadable_value",
        ]
        .map(|name| {
            let count = of.iter().filter(|fault| fault.name() == name).count();
            (name, count)
        })
    }

    pub(crate) fn all_of(node: &Node) -> Vec<Self> {
        let not_joined = node.now.borrow().not_joined.clone();
        let mut unread = BTreeMap::<Arc<str>, Vec<Shard>>::new();
        for (shard, why) in node.local.admission.unread() {
            unread.entry(why).or_default().push(shard);
        }
        let refused = node.local.admission.refused();
        let epoch = refused.iter().map(|(_, epoch, _)| epoch.number()).max();
        let noted = refused.iter().map(|(_, _, noted)| *noted).max();
        let older = epoch.zip(noted).map(|(epoch, noted)| Self::OlderEpochs {
            shards: u32::try_from(refused.len()).unwrap_or(u32::MAX),
            epoch,
            noted,
        });
        let not_joined = not_joined.map(|why| Self::NotJoined { why });
        let unread = unread.into_iter();
        let unread = unread.map(|(why, shards)| Self::Unread { shards, why });
        let late = node.store_calls.late().map(Self::from);
        let of_store = unread.chain(late).chain(older);
        let of_etcd = Self::of_etcd(node.etcd.unreadable());
        not_joined
            .into_iter()
            .chain(of_store)
            .chain(of_etcd)
            .collect()
    }

    fn of_etcd(keys: Vec<UnreadableKey>) -> impl Iterator<Item = Self> {
        let mut causes = BTreeMap::<Unreadable, Vec<UnreadableKey>>::new();
        for key in keys {
            causes.entry(key.why).or_default().push(key);
        }
        causes.into_iter().filter_map(|(why, keys)| {
            Some(Self::UnreadableValue {
                key: Arc::clone(&keys.first()?.key),
                keys: u32::try_from(keys.len()).unwrap_or(u32::MAX),
                shards: keys.iter().filter_map(|key| key.shard).collect(),
                why: why.to_string().into(),
            })
        })
    }
}

/// As events are: its name and its text, with the values beside them.
impl Serialize for Fault {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        map.serialize_entry("kind", self.name())?;
        map.serialize_entry("text", &self.to_string())?;
        match self {
            Self::NotJoined { why } => map.serialize_entry("why", why)?,
            Self::Unread { shards, why } => {
                map.serialize_entry("shards", shards)?;
                map.serialize_entry("why", why)?;
            }
            Self::StoreNotResponding {
                call,
                shards,
                waited,
            } => {
                map.serialize_entry("call", call)?;
                map.serialize_entry("shards", shards)?;
                map.serialize_entry("waited", &waited.as_secs_f64())?;
            }
            Self::OlderEpochs {
                shards,
                epoch,
                noted,
            } => {
                map.serialize_entry("shards", shards)?;
                map.serialize_entry("epoch", epoch)?;
                map.serialize_entry("noted", noted)?;
            }
            Self::UnreadableValue {
                key,
                keys,
                shards,
                why,
            } => {
                map.serialize_entry("key", key)?;
                map.serialize_entry("keys", keys)?;
                map.serialize_entry("shards", shards)?;
                map.serialize_entry("why", why)?;
            }
        }
        map.end()
    }
}

impl From<LateCall> for Fault {
    fn from(late: LateCall) -> Self {
        Self::StoreNotResponding {
            call: late.call,
            shards: late.shards,
            waited: late.waited,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Fault;
    use crate::engine::{Shard, Shards};
    use crate::etcd::{Unreadable, UnreadableKey};
    use crate::store_calls::StoreCall;

    #[test]
    fn it_says_what_is_wrong_and_with_how_much() {
        let older = Fault::OlderEpochs {
            shards: 512,
            epoch: 60,
            noted: 120,
        };
        assert_eq!(
            older.to_string(),
            "512 shards are not served: the store has seen epoch 120, and etcd gives up to 60; it was \
             restored from a backup, or the store is another cluster's"
        );
        let shards = Shards::new(64).expect("a count");
        let unread = Fault::Unread {
            shards: shards.all().take(1).collect(),
            why: "the store cannot be reached".into(),
        };
        assert_eq!(
            unread.to_string(),
            "shard 0 cannot be read, tried again: the store cannot be reached"
        );
        let late = Fault::StoreNotResponding {
            call: StoreCall::LoadMany,
            shards: shards.all().skip(7).take(2).collect(),
            waited: Duration::from_millis(12_700),
        };
        assert_eq!(
            late.to_string(),
            "the session store has not answered `load_many` of shards 7, 8 for 12 s"
        );
    }

    fn unreadable(key: &str, shard: Option<Shard>, why: Unreadable) -> UnreadableKey {
        let key = key.into();
        UnreadableKey { key, shard, why }
    }

    #[test]
    fn keys_that_cannot_be_read_for_one_cause_are_one_fault() {
        let shards = Shards::new(64).expect("a count");
        let keys = vec![
            unreadable("/c/plan", None, Unreadable::TooLarge),
            unreadable("/c/shards/0003", shards.get(3), Unreadable::NoRun),
            unreadable("/c/shards/0009", shards.get(9), Unreadable::NoRun),
        ];
        let told: Vec<_> = Fault::of_etcd(keys)
            .map(|fault| fault.to_string())
            .collect();
        let expected = [
            "the values of 2 keys in etcd cannot be read, the first of which is /c/shards/0003, so no node \
             can claim shards 3, 9: it is not a node and its incarnation",
            "the value of key /c/plan in etcd cannot be read: it is too large",
        ];
        assert_eq!(told, expected);
        assert_eq!(Fault::of_etcd(Vec::new()).count(), 0);
    }

    #[cfg(feature = "metrics")]
    #[test]
    fn every_kind_is_counted() {
        let (why, epoch) = (std::sync::Arc::<str>::from("it is away"), 1);
        let unread = |why: &str| Fault::Unread {
            shards: Vec::new(),
            why: why.into(),
        };
        let mut faults = vec![
            Fault::NotJoined { why },
            unread("one"),
            unread("another"),
            Fault::StoreNotResponding {
                call: StoreCall::Load,
                shards: Vec::new(),
                waited: Duration::ZERO,
            },
            Fault::OlderEpochs {
                shards: 1,
                epoch,
                noted: 2,
            },
        ];
        faults.extend(Fault::of_etcd(vec![unreadable(
            "/c",
            None,
            Unreadable::NoText,
        )]));
        let counts = Fault::counts(&faults).map(|(_, count)| count);
        assert_eq!(counts, [1, 2, 1, 1, 1]);
        assert_eq!(Fault::counts(&[]).map(|(_, count)| count), [0; 5]);
    }
}
