//! The reasons with which the supervisor stops its sessions and ends itself.
//!
//! They are for people and logs. Nothing here decides by them.

/// The reason that a session sees when the supervisor stops it, and with which the supervisor
/// itself ends after [`stop`](crate::SessionSupervisor::stop).
///
/// OTP: the exit reason `shutdown`.
pub const SHUTDOWN: &str = "shutdown";

/// The reason with which the supervisor ends after a restart limit was reached.
pub const RESTART_LIMIT_REACHED: &str = "shutdown: restart limit reached";
