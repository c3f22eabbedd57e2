//! The first bad value that a builder was given. The call that uses the builder fails with it.

use std::fmt;
use std::time::Duration;

use thiserror::Error;

/// A bad value that was given to a setter of [`Options`](crate::Options), of a
/// [`ChildSpec`](crate::ChildSpec), of a [`TreeSpec`](crate::TreeSpec) or of a
/// [`Drain`](crate::Drain).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field} is {value}: {rule}")]
#[non_exhaustive]
pub struct InvalidValue {
    /// Which setter was given the value.
    pub field: &'static str,
    /// The value.
    pub value: String,
    /// The rule that it breaks.
    pub rule: String,
}

/// The first bad value of a builder, if it was given one. It is in a box, since a spec is cloned and
/// moved at every start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fault(Option<Box<InvalidValue>>);

impl Fault {
    /// Keeps a bad value, unless there was one before.
    pub(crate) fn add(
        &mut self,
        field: &'static str,
        value: impl fmt::Display,
        rule: impl Into<String>,
    ) {
        self.0.get_or_insert_with(|| {
            Box::new(InvalidValue {
                field,
                value: value.to_string(),
                rule: rule.into(),
            })
        });
    }

    /// Keeps a duration that must be longer than zero and is not.
    pub(crate) fn add_zero(&mut self, field: &'static str, value: Duration) {
        self.add(field, format_args!("{value:?}"), "must be longer than zero");
    }

    /// Keeps the fault of another builder, unless there was one before.
    pub(crate) fn join(&mut self, other: Self) {
        if self.0.is_none() {
            self.0 = other.0;
        }
    }

    /// The first bad value as an error.
    pub(crate) fn check(self) -> Result<(), InvalidValue> {
        self.0.map_or(Ok(()), |fault| Err(*fault))
    }
}
