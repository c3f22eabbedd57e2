//! What all nodes of a cluster must have in common. The first one writes it.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Etcd;
use super::error::SettingsError;
use super::txn::{Step, put_or_get};
use super::values::random;

/// What a node has to have in common with all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WantedSettings<'a> {
    /// The name of the cluster.
    pub name: &'a str,
    /// Into how many shards ids are divided.
    pub shards: u32,
    /// The version of the function that divides them.
    pub hash: u32,
    /// The version of the messages between nodes.
    pub protocol: u32,
}

/// The settings of a cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The name of the cluster, so that no node of another one joins it by a wrong prefix.
    pub name: String,
    /// Into how many shards ids are divided.
    pub shards: u32,
    /// The version of the function that divides them.
    pub hash: u32,
    /// The version of the messages between nodes.
    pub protocol: u32,
    /// The cluster itself: a random UUID, so that nodes of two clusters do not take each other for
    /// their own.
    pub cluster: String,
}

impl Settings {
    /// By what others know the cluster: the name for people, and the UUID, so that it is another one than
    /// any that had the name before.
    #[must_use]
    pub fn identity(&self) -> String {
        format!("{}/{}", self.name, self.cluster)
    }
}

/// Not the settings of a cluster.
#[derive(Clone, Copy, Debug, Error)]
enum NoSettings {
    #[error("the cluster has no UUID")]
    NoUuid,
    #[error("they are not there")]
    Missing,
}

impl Etcd {
    /// The settings of the cluster. Where there are none, those that are wanted are written.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Different`] names the first value in which the cluster and this node differ.
    /// Nothing is changed then.
    ///
    /// # Cancel safety
    ///
    /// A call that was cancelled may have written the settings.
    pub async fn settings(&self, wanted: WantedSettings<'_>) -> Result<Settings, SettingsError> {
        self.same_settings(Settings {
            name: wanted.name.to_owned(),
            shards: wanted.shards,
            hash: wanted.hash,
            protocol: wanted.protocol,
            cluster: uuid(),
        })
        .await
    }

    /// The settings of the cluster that a node has joined. Where there are none any more, as in an etcd that
    /// was begun anew, they are written again.
    ///
    /// # Errors
    ///
    /// As [`settings`](Self::settings); [`SettingsError::Replaced`] if another cluster is there.
    ///
    /// # Cancel safety
    ///
    /// As [`settings`](Self::settings).
    pub async fn settings_again(&self, joined: &Settings) -> Result<(), SettingsError> {
        let found = self.same_settings(joined.clone()).await?;
        if found.cluster != joined.cluster {
            return Err(SettingsError::Replaced {
                key: self.keys.settings(),
                ours: joined.cluster.clone(),
                theirs: found.cluster,
            });
        }
        Ok(())
    }

    async fn same_settings(&self, new: Settings) -> Result<Settings, SettingsError> {
        let key = self.keys.settings();
        // Numbers and texts have no value that JSON lacks.
        let value = serde_json::to_vec(&new).unwrap_or_default();
        let txn = put_or_get(key.clone(), value, NO_LEASE);
        let found = match self.step("the settings of the cluster", txn).await? {
            Step::Done(_) => return Ok(new),
            Step::Stands(Some(found)) => read(found.value()),
            Step::Stands(None) => Err(Arc::new(NoSettings::Missing) as _),
        };
        let found = match found {
            Ok(found) => found,
            Err(cause) => return Err(SettingsError::Unreadable { key, cause }),
        };
        if new.name != found.name {
            return Err(SettingsError::OtherName {
                key,
                ours: new.name,
                theirs: found.name,
            });
        }
        for (what, ours, theirs) in [
            ("the number of shards", new.shards, found.shards),
            ("the version of the hash", new.hash, found.hash),
            ("the version of the messages", new.protocol, found.protocol),
        ] {
            if ours != theirs {
                return Err(SettingsError::Different {
                    key,
                    what,
                    ours,
                    theirs,
                });
            }
        }
        Ok(found)
    }

    /// A key that every node may read, for reads that only ask whether etcd answers.
    pub(super) fn confirming_key(&self) -> String {
        self.keys.settings()
    }
}

/// A key without a lease stays.
const NO_LEASE: i64 = 0;

type Cause = Arc<dyn std::error::Error + Send + Sync>;

fn read(value: &[u8]) -> Result<Settings, Cause> {
    let settings: Settings =
        serde_json::from_slice(value).map_err(|cause| Arc::new(cause) as Cause)?;
    if !is_uuid(&settings.cluster) {
        return Err(Arc::new(NoSettings::NoUuid));
    }
    Ok(settings)
}

fn is_uuid(text: &str) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => digit(byte),
        })
}

/// A random one, of version 4.
fn uuid() -> String {
    Uuid(random(), random()).to_string()
}

struct Uuid(u64, u64);

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (high, low) = (self.0, self.1);
        write!(
            f,
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Uuid, is_uuid, read, uuid};

    #[test]
    fn a_uuid_has_its_form() {
        let text = Uuid(u64::MAX, u64::MAX).to_string();
        assert_eq!(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
        assert_eq!(
            Uuid(0, 0).to_string(),
            "00000000-0000-4000-8000-000000000000"
        );
        assert!(is_uuid(&text) && is_uuid(&uuid()));
        assert_ne!(uuid(), uuid());
    }

    #[test]
    fn garbage_is_no_settings() {
        for bad in [
            "",
            "{}",
            "null",
            "{\"name\":\"chat\",\"shards\":1,\"hash\":1,\"protocol\":1,\"cluster\":\"x\"}",
            "{\"name\":\"chat\",\"shards\":-1,\"hash\":1,\"protocol\":1,\"cluster\":\"x\"}",
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
