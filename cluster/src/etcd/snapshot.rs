//! All that stands in etcd at one revision, and how one key of it changes.

use std::collections::BTreeMap;

use etcd_client::{GetOptions, KeyValue};
use tracing::warn;

use crate::engine::{Epoch, NodeName, Owner, Shard, Shards};

use super::Etcd;
use super::connection::LARGEST;
use super::error::EtcdError;
use super::history::Position;
use super::keys::Key;
use super::nodes::Registered;
use super::planner::PlannerTerm;
use super::unreadable::{UnreadableKey, UnreadableKeys};
use super::values::{NodeInfo, NodeRun, Planner, Unreadable};

/// How many keys are read with one request.
const PAGE: i64 = 1_000;

/// The largest plan that is read, in bytes. etcd itself takes no request over 1.5 MiB.
const PLAN: usize = 2 << 20;

/// All that stands in etcd at one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The revision.
    pub revision: u64,
    /// The nodes, with the revision at which each was registered.
    pub nodes: BTreeMap<NodeName, (Registered, NodeInfo)>,
    /// The shards that are owned.
    pub owners: BTreeMap<Shard, Owner>,
    /// What plans.
    pub planner: Option<Planner>,
    /// The plan.
    pub plan: Option<String>,
}

/// What one key has changed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The revision of the change. Several changes can have the same.
    pub revision: u64,
    /// What has changed.
    pub what: Changed,
}

/// What has changed, and to what. None: it is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Changed {
    /// A node has come, says something else of itself, or is gone.
    Node(NodeName, Option<(Registered, NodeInfo)>),
    /// A shard is owned, or free.
    Shard(Shard, Option<Owner>),
    /// The planner was elected, or there is none.
    Planner(Option<Planner>),
    /// The plan was written.
    Plan(Option<String>),
}

impl Snapshot {
    /// Takes over a change.
    pub(crate) fn set(&mut self, what: Changed) {
        match what {
            Changed::Node(name, Some(node)) => drop(self.nodes.insert(name, node)),
            Changed::Node(name, None) => drop(self.nodes.remove(&name)),
            Changed::Shard(shard, Some(owner)) => drop(self.owners.insert(shard, owner)),
            Changed::Shard(shard, None) => drop(self.owners.remove(&shard)),
            Changed::Planner(planner) => self.planner = planner,
            Changed::Plan(plan) => self.plan = plan,
        }
    }
}

impl Etcd {
    /// Reads all keys, as they are at one revision.
    ///
    /// What cannot be read is logged and left out.
    ///
    /// # Errors
    ///
    /// etcd has not answered one of the requests.
    pub async fn snapshot(&self, shards: Shards) -> Result<Snapshot, EtcdError> {
        let request = "the keys of the cluster";
        let mut snapshot = Snapshot::default();
        let unreadable = UnreadableKeys::default();
        let mut from = self.keys.start().into_bytes();
        let seen = self.history.seen();
        loop {
            let options = GetOptions::new()
                .with_range(self.keys.end())
                .with_limit(PAGE)
                // The revision of the first page; 0 is the newest.
                .with_revision(i64::try_from(snapshot.revision).unwrap_or_default());
            let key = from.clone();
            let asked = |client: etcd_client::Client| async move {
                let mut client = client.kv_client().max_decoding_message_size(LARGEST);
                client.get(key, Some(options)).await
            };
            let mut page = self.connection.call(request, asked).await?;
            if snapshot.revision == 0 {
                let found = Position::of(page.header());
                snapshot.revision = self.history.answered(request, seen, found)?.revision;
            }
            let more = page.more();
            let keys = page.take_kvs();
            for key in &keys {
                if let Some(what) = self.put(key, shards, &unreadable) {
                    snapshot.set(what);
                }
            }
            match keys.last() {
                Some(last) if more => {
                    from = last.key().to_vec();
                    from.push(0);
                }
                _ => {
                    self.unreadable.replace(unreadable);
                    return Ok(snapshot);
                }
            }
        }
    }

    /// What a key that was written says. What cannot be read is logged and noted, and says nothing.
    pub(super) fn put(
        &self,
        key: &KeyValue,
        shards: Shards,
        unreadable: &UnreadableKeys,
    ) -> Option<Changed> {
        let created = key.create_revision().unsigned_abs();
        let named = self.keys.read(key.key(), shards);
        let shard = match named {
            Ok(Key::Shard(shard)) => Some(shard),
            _ => None,
        };
        let value = match named {
            Ok(Key::Settings) => return None,
            Ok(Key::Node(name)) => NodeInfo::read(key.value()).map(|info| {
                let registered = Registered { revision: created };
                Changed::Node(name, Some((registered, info)))
            }),
            Ok(Key::Shard(shard)) => NodeRun::read(key.value())
                .map(|run| Changed::Shard(shard, Some(run.owner(Epoch::new(created))))),
            Ok(Key::Planner) => NodeRun::read(key.value()).map(|run| {
                let term = PlannerTerm(created);
                Changed::Planner(Some(Planner { run, term }))
            }),
            Ok(Key::Plan) => plan(key.value()).map(|plan| Changed::Plan(Some(plan))),
            Err(why) => {
                let key = shown(key.key());
                warn!(key, %why, "a key in etcd is not this cluster's; it is ignored");
                return None;
            }
        };
        match value {
            Ok(what) => {
                unreadable.remove(key.key());
                Some(what)
            }
            Err(why) => {
                let text = shown(key.key());
                warn!(key = text, %why, "a value in etcd cannot be read; it is ignored");
                let told = UnreadableKey {
                    key: text.into(),
                    shard,
                    why,
                };
                unreadable.insert(key.key(), told);
                None
            }
        }
    }

    /// What a key that was deleted says.
    pub(super) fn deleted(&self, key: &KeyValue, shards: Shards) -> Option<Changed> {
        self.unreadable.remove(key.key());
        match self.keys.read(key.key(), shards) {
            Ok(Key::Node(name)) => Some(Changed::Node(name, None)),
            Ok(Key::Shard(shard)) => Some(Changed::Shard(shard, None)),
            Ok(Key::Planner) => Some(Changed::Planner(None)),
            Ok(Key::Plan) => Some(Changed::Plan(None)),
            Ok(Key::Settings) => {
                let key = shown(key.key());
                warn!(
                    key,
                    "the settings of the cluster were deleted; nodes that join write new ones"
                );
                None
            }
            Err(_) => None,
        }
    }
}

fn plan(value: &[u8]) -> Result<String, Unreadable> {
    if value.len() > PLAN {
        return Err(Unreadable::TooLarge);
    }
    String::from_utf8(value.to_vec()).map_err(|_| Unreadable::NoText)
}

/// A key for the log: whatever it is, it is short and on one line.
fn shown(key: &[u8]) -> String {
    let start = key.get(..256).unwrap_or(key);
    start.escape_ascii().to_string()
}
