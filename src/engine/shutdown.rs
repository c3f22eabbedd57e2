//! How a session is told to end.
//!
//! Absent on purpose: the timers. The engine keeps them with the child.

use std::time::Duration;

/// How a session is stopped.
///
/// OTP: the `shutdown` of a child spec; the default is 5 s, as for OTP's workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the three kinds are OTP's and complete"
)]
pub enum Shutdown {
    /// Killed at once; `post_stop` does not run.
    BrutalKill,
    /// Asked to stop, and killed if it has not ended after this time. Zero: asked and killed at once.
    Timeout(Duration),
    /// Asked to stop, and waited for without end.
    Infinity,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::Timeout(Duration::from_secs(5))
    }
}
