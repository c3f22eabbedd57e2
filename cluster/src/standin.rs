//! Copies of the engine's types, until that branch is merged; then this file goes.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

/// The name of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeName(Arc<str>);

/// Which start of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(u64);

impl Incarnation {
    /// The incarnation of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is no name of a node.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{name:?} is not a node name")]
pub struct InvalidNodeName {
    /// The text.
    pub name: String,
}

impl NodeName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for NodeName {
    type Error = InvalidNodeName;

    fn try_from(text: &str) -> Result<Self, InvalidNodeName> {
        let fits = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.into()));
        }
        Err(InvalidNodeName {
            name: text.to_owned(),
        })
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of a request.
pub type RequestId = [u8; 16];

/// Pauses that double.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(50),
            longest: Duration::from_secs(2),
        }
    }
}

impl Backoff {
    /// Pauses from `first` to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Result<Self, ()> {
        Ok(Self { first, longest })
    }
}

/// What is tried again and again, and how often it has failed.
#[derive(Clone, Debug)]
pub struct Retry {
    backoff: Backoff,
    seed: u64,
    failures: u32,
}

impl Retry {
    /// Something that has not failed yet.
    pub const fn new(backoff: Backoff, seed: u64) -> Self {
        Self {
            backoff,
            seed,
            failures: 0,
        }
    }

    /// It has failed.
    pub fn failed(&mut self) -> Duration {
        let full = self
            .backoff
            .first
            .saturating_mul(1 << self.failures.min(16))
            .min(self.backoff.longest);
        self.failures += 1;
        full - full / 4 * u32::try_from(self.seed % 2).unwrap_or(0)
    }

    /// It has succeeded.
    pub const fn succeeded(&mut self) {
        self.failures = 0;
    }
}
