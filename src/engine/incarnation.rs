//! The numbers that fence off what earlier lives left behind.
//!
//! The incarnation number that users see counts the lives of one id and is kept with the child.
//! These numbers belong to the whole supervisor and are never reused.

/// The number of a launch, unique within a supervisor and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Launch(pub u64);

/// Where a launch is kept and which one it is. A key whose launch is no longer the one that is kept
/// there is stale, and whatever comes with it is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) slot: u32,
    /// The number of the launch.
    pub launch: Launch,
}
