//! The rules of a group, as plain values.
//!
//! Their builder (`tree.rs`) checks what comes from outside and knows the defaults.

use crate::engine::limit::Limit;

/// Who is started again when one child is.
///
/// OTP: the `strategy` of a supervisor.
///
/// The whole truth, as a test prints it:
///
#[doc = include_str!("truth.md")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "OTP's three for a static supervisor; the fourth is the dynamic one"
)]
pub enum Strategy {
    /// That child alone. The default.
    #[default]
    OneForOne,
    /// All children.
    OneForAll,
    /// That child and those after it.
    RestForOne,
}

/// Whether the end of significant children ends the group.
///
/// That is an orderly end of the group, also where the child failed and its restart rule does not
/// bring it back.
///
/// OTP: the `auto_shutdown` of a supervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the three rules are OTP's and complete"
)]
pub enum AutoShutdown {
    /// It does not. The default.
    #[default]
    Never,
    /// When one of them ends by itself and is not restarted.
    AnySignificant,
    /// When the last of them ends by itself and is not restarted.
    AllSignificant,
}

/// In what order the children are stopped when the group stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "an order or none; there is nothing else"
)]
pub enum StopOrder {
    /// From the last to the first, each when nothing of those after it is left. The default.
    #[default]
    LastFirst,
    /// All at once.
    Together,
}

/// When a child is started for the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "with the group or not; there is nothing else"
)]
pub enum FirstStart {
    /// When the group begins. The default.
    #[default]
    WithGroup,
    /// When a caller restarts it by hand.
    OnDemand,
}

/// The rules of a group.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderedSettings {
    /// Who is started again when one child is.
    pub strategy: Strategy,
    /// The restart limit of all children together.
    pub limit: Option<Limit>,
    /// Whether the end of significant children ends the group.
    pub auto_shutdown: AutoShutdown,
    /// In what order they are stopped.
    pub stop_order: StopOrder,
    /// The seed of the jitter.
    pub seed: u64,
}
