//! Names and incarnations of nodes in frames: a name is its text, checked when it is read, and an incarnation
//! is its number. The engine's own `Serialize` is for JSON, where an incarnation is a text.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

use crate::engine::NodeName;

fn parse<E: Error>(text: &str) -> Result<NodeName, E> {
    NodeName::try_from(text).map_err(E::custom)
}

pub(super) fn serialize<S: Serializer>(name: &NodeName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.as_str())
}

pub(super) fn deserialize<'de, D>(deserializer: D) -> Result<NodeName, D::Error>
where
    D: Deserializer<'de>,
{
    parse(<&str>::deserialize(deserializer)?)
}

/// A name that may be missing.
pub(super) mod optional {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::engine::NodeName;

    pub(in crate::wire) fn serialize<S: Serializer>(
        name: &Option<NodeName>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        name.as_ref().map(NodeName::as_str).serialize(serializer)
    }

    pub(in crate::wire) fn deserialize<'de, D>(
        deserializer: D,
    ) -> Result<Option<NodeName>, D::Error>
    where
        D: Deserializer<'de>,
    {
        let text = <Option<&str>>::deserialize(deserializer)?;
        text.map(super::parse).transpose()
    }
}

/// Incarnations of nodes.
pub(super) mod incarnation {
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::engine::Incarnation;

    pub(in crate::wire) fn serialize<S: Serializer>(
        incarnation: &Incarnation,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(incarnation.number())
    }

    pub(in crate::wire) fn deserialize<'de, D>(deserializer: D) -> Result<Incarnation, D::Error>
    where
        D: Deserializer<'de>,
    {
        u64::deserialize(deserializer).map(Incarnation::new)
    }
}
