//! The names of the keys.

use thiserror::Error;

use crate::engine::{NodeName, Shard, Shards};

/// The keys of one cluster.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

/// A key that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Settings,
    Node(NodeName),
    Shard(Shard),
    Planner,
    Plan,
}

/// Why a key is none of this cluster.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum NoKey {
    #[error("it is not below the prefix, or no text")]
    Elsewhere,
    #[error("it names nothing that this version knows")]
    Unknown,
    #[error("what it names is no node")]
    Node,
    #[error("what it names is no shard of this cluster")]
    Shard,
}

impl Keys {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The first key after all of this cluster's: a slash is followed by a zero.
    pub(super) fn end(&self) -> String {
        format!("{}0", self.prefix)
    }

    /// What stands before all of this cluster's keys.
    pub(super) fn start(&self) -> String {
        format!("{}/", self.prefix)
    }

    pub(super) fn settings(&self) -> String {
        format!("{}/settings", self.prefix)
    }

    pub(super) fn planner(&self) -> String {
        format!("{}/planner", self.prefix)
    }

    pub(super) fn plan(&self) -> String {
        format!("{}/plan", self.prefix)
    }

    pub(super) fn node(&self, name: &NodeName) -> String {
        format!("{}/nodes/{name}", self.prefix)
    }

    pub(super) fn shard(&self, shard: Shard) -> String {
        format!("{}/shards/{:04}", self.prefix, shard.index())
    }

    /// What a key names. There is one spelling for each.
    pub(super) fn read(&self, key: &[u8], shards: Shards) -> Result<Key, NoKey> {
        let key = std::str::from_utf8(key).map_err(|_| NoKey::Elsewhere)?;
        let key = key.strip_prefix(self.prefix.as_str());
        let key = key.and_then(|key| key.strip_prefix('/'));
        let key = key.ok_or(NoKey::Elsewhere)?;
        match key.split_once('/') {
            None if key == "settings" => Ok(Key::Settings),
            None if key == "planner" => Ok(Key::Planner),
            None if key == "plan" => Ok(Key::Plan),
            Some(("nodes", name)) => match NodeName::try_from(name) {
                Ok(name) => Ok(Key::Node(name)),
                Err(_) => Err(NoKey::Node),
            },
            Some(("shards", index)) => shard(index, shards).map(Key::Shard).ok_or(NoKey::Shard),
            _ => Err(NoKey::Unknown),
        }
    }
}

fn shard(text: &str, shards: Shards) -> Option<Shard> {
    if text.len() != 4 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    shards.get(text.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::{Key, Keys, NoKey};
    use crate::engine::{NodeName, Shards};

    fn shards() -> Shards {
        Shards::new(512).expect("a count")
    }

    #[test]
    fn what_is_written_is_read() {
        let keys = Keys::new("/chat");
        let name = NodeName::try_from("a-1.x").expect("a name");
        let shard = shards().get(17).expect("a shard");
        let all = [
            (keys.settings(), Key::Settings),
            (keys.planner(), Key::Planner),
            (keys.plan(), Key::Plan),
            (keys.node(&name), Key::Node(name)),
            (keys.shard(shard), Key::Shard(shard)),
        ];
        for (text, key) in all {
            assert_eq!(keys.read(text.as_bytes(), shards()), Ok(key), "{text}");
            assert!(text.as_str() >= keys.start().as_str());
            assert!(text.as_str() < keys.end().as_str());
        }
    }

    #[test]
    fn there_is_one_spelling_and_all_else_is_none() {
        let keys = Keys::new("/chat");
        for (text, why) in [
            ("/chat", NoKey::Elsewhere),
            ("/chats/plan", NoKey::Elsewhere),
            ("/chat2/plan", NoKey::Elsewhere),
            ("/chat/", NoKey::Unknown),
            ("/chat/plan/", NoKey::Unknown),
            ("/chat/plans", NoKey::Unknown),
            ("/chat/nodes", NoKey::Unknown),
            ("/chat/nodes/", NoKey::Node),
            ("/chat/nodes/A", NoKey::Node),
            ("/chat/nodes/a/b", NoKey::Node),
            ("/chat/shards/7", NoKey::Shard),
            ("/chat/shards/00007", NoKey::Shard),
            ("/chat/shards/+007", NoKey::Shard),
            ("/chat/shards/0512", NoKey::Shard),
            ("/chat/shards/9999", NoKey::Shard),
        ] {
            assert_eq!(keys.read(text.as_bytes(), shards()), Err(why), "{text}");
        }
        assert_eq!(keys.read(b"/chat/\xff", shards()), Err(NoKey::Elsewhere));
    }
}
