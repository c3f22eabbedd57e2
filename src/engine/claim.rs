//! Claims: further unique keys of a session beside its id (D27).
//!
//! Kind and value lie in one text, which is hashed, compared and shared as one.

use std::fmt;
use std::sync::Arc;

/// Stands between the kind and the value. Neither holds a control character.
const BETWEEN: char = '\0';

/// The longest kind, in bytes.
pub const LONGEST_KIND: usize = 512;

/// The longest value, in bytes. A path has at most so many on most systems.
pub const LONGEST_VALUE: usize = 4_096;

/// A further unique key of a session within its supervisor: what it is of, and its value. A spec
/// says what its sessions claim: [`ChildSpec::claim`](crate::ChildSpec::claim). Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim(Arc<str>);

impl Claim {
    /// What it is of, such as `project`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.parts().0
    }

    /// Which of that kind.
    #[must_use]
    pub fn value(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once(BETWEEN).unwrap_or((&self.0, ""))
    }

    /// Both, as one text that no other claim has.
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, value) = self.parts();
        f.debug_tuple("Claim").field(&kind).field(&value).finish()
    }
}

/// The kind, and the value in quotes.
impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, value) = self.parts();
        write!(f, "{kind} {value:?}")
    }
}

/// Its two parts, which lie in one text.
#[cfg(feature = "serde")]
impl serde::Serialize for Claim {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut parts = to.serialize_struct("Claim", 2)?;
        parts.serialize_field("kind", self.kind())?;
        parts.serialize_field("value", self.value())?;
        parts.end()
    }
}

/// A part of a claim that breaks its rule: it must not be empty, not be too long, and hold no
/// control character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPart {
    /// The kind has more than [`LONGEST_KIND`] bytes, or none, or a control character.
    Kind,
    /// The value has more than [`LONGEST_VALUE`] bytes, or none, or a control character.
    Value,
}

/// A claim of these two parts.
///
/// # Errors
///
/// The first part that breaks its rule.
pub fn claim_of(kind: &str, value: &str) -> Result<Claim, BadPart> {
    let bad = |part: &str, longest| {
        part.is_empty() || part.len() > longest || part.contains(char::is_control)
    };
    if bad(kind, LONGEST_KIND) {
        return Err(BadPart::Kind);
    }
    if bad(value, LONGEST_VALUE) {
        return Err(BadPart::Value);
    }
    Ok(Claim(format!("{kind}{BETWEEN}{value}").into()))
}

/// A claim that a start needs, and who has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The claim.
    pub claim: Claim,
    /// The id of the session that has it.
    pub holder: Arc<str>,
}

impl fmt::Display for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { claim, holder } = self;
        write!(f, "the claim {claim} is held by session {holder}")
    }
}

#[cfg(test)]
mod tests {
    use super::{BadPart, LONGEST_KIND, LONGEST_VALUE, claim_of};
    use crate::names::MAX_LENGTH;

    #[test]
    fn a_claim_leads_back_to_its_parts_and_is_like_no_other() {
        let mut all = Vec::new();
        for kind in ["a", "a b", "ä"] {
            for value in ["a", "b c", "/x/ y"] {
                let made = claim_of(kind, value).unwrap();
                assert_eq!((made.kind(), made.value()), (kind, value));
                assert_eq!(made.to_string(), format!("{kind} {value:?}"));
                all.push(made);
            }
        }
        let many = all.len();
        all.sort();
        all.dedup();
        assert_eq!(all.len(), many);
        assert_ne!(claim_of("a", "b c"), claim_of("a b", "c"));
    }

    #[test]
    fn what_no_part_of_a_claim_may_be() {
        let long = "x".repeat(LONGEST_VALUE + 1);
        for bad in ["", "a\nb", "\0", "a\u{85}"] {
            assert_eq!(claim_of(bad, "v"), Err(BadPart::Kind));
            assert_eq!(claim_of("k", bad), Err(BadPart::Value));
        }
        assert_eq!(LONGEST_KIND, MAX_LENGTH);
        assert_eq!(claim_of(&long[..=LONGEST_KIND], "v"), Err(BadPart::Kind));
        assert_eq!(claim_of("k", &long), Err(BadPart::Value));
        assert!(claim_of(&long[..LONGEST_KIND], &long[1..]).is_ok());
    }
}
