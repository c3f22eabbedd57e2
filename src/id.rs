//! The id of a session.
//!
//! Ids go in as `&str` and come out as [`SessionId`]. One that exists is valid: each way to make
//! one checks it.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use thiserror::Error;

use crate::names::{self, NameError};

/// A text that is not a session id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{id:?} is not a session id: it {rule}")]
#[non_exhaustive]
pub struct InvalidId {
    /// The text.
    pub id: String,
    /// The rule that it breaks.
    pub rule: NameError,
}

/// The id of a session: 1 to 512 bytes of text without control characters. Cheap to clone.
///
/// Methods that take an id take a `&str`, to which a `SessionId` derefs. A map with such keys is
/// asked with a `&str` too.
///
/// ```
/// use session_supervisor::SessionId;
/// use std::collections::HashMap;
///
/// let alice: SessionId = "alice".parse().unwrap();
/// let ages = HashMap::from([(alice, 7)]);
/// assert_eq!(ages.get("alice"), Some(&7));
/// assert!(SessionId::try_from("").is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    pub(crate) fn parse(id: &str) -> Result<Self, InvalidId> {
        match names::check_id(id) {
            Ok(()) => Ok(Self(id.into())),
            Err(rule) => Err(InvalidId {
                id: id.to_owned(),
                rule,
            }),
        }
    }

    /// An id that has been checked before it went into the engine.
    pub(crate) fn checked(id: Arc<str>) -> Self {
        Self(id)
    }

    pub(crate) fn shared(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(id: &str) -> Result<Self, InvalidId> {
        Self::parse(id)
    }
}

impl TryFrom<&str> for SessionId {
    type Error = InvalidId;

    fn try_from(id: &str) -> Result<Self, InvalidId> {
        Self::parse(id)
    }
}

impl Deref for SessionId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for SessionId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for SessionId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for SessionId {
    fn eq(&self, other: &str) -> bool {
        *self.0 == *other
    }
}

impl PartialEq<&str> for SessionId {
    fn eq(&self, other: &&str) -> bool {
        *self.0 == **other
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.0, f)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&*self.0, f)
    }
}

/// As its text.
#[cfg(feature = "serde")]
impl serde::Serialize for SessionId {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self)
    }
}

/// A text that obeys the rules of an id, as `FromStr` checks them.
#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for SessionId {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;

        impl serde::de::Visitor<'_> for Text {
            type Value = SessionId;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a session id")
            }

            fn visit_str<E: serde::de::Error>(self, id: &str) -> Result<SessionId, E> {
                SessionId::parse(id).map_err(E::custom)
            }
        }
        from.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidId, SessionId};
    use crate::names::{MAX_LENGTH, NameError};
    use std::collections::{BTreeMap, HashMap};

    #[test]
    fn an_id_is_parsed_and_checked() {
        let long = "x".repeat(MAX_LENGTH + 1);
        let id: SessionId = "room/7".parse().unwrap();
        assert_eq!(id, "room/7");
        assert_eq!(SessionId::try_from("room/7"), Ok(id));
        for (bad, rule) in [
            ("", NameError::Empty),
            ("a\nb", NameError::ControlCharacter { at: 1 }),
            (long.as_str(), NameError::TooLong { length: 513 }),
        ] {
            let expected = InvalidId {
                id: bad.to_owned(),
                rule,
            };
            assert_eq!(bad.parse::<SessionId>(), Err(expected.clone()));
            assert_eq!(SessionId::try_from(bad), Err(expected));
        }
    }

    /// `Borrow` promises that hash and order are those of the text.
    #[test]
    fn maps_of_ids_are_asked_with_text() {
        let ids = ["b", "a", "c"].map(|id| SessionId::try_from(id).unwrap());
        let hashed: HashMap<_, _> = ids.clone().into_iter().zip(0..).collect();
        let ordered: BTreeMap<_, _> = ids.into_iter().zip(0..).collect();
        assert_eq!((hashed.get("a"), hashed.get("d")), (Some(&1), None));
        assert_eq!((ordered.get("c"), ordered.get("d")), (Some(&2), None));
        assert!(ordered.keys().is_sorted_by(|one, next| **one < **next));
    }
}
