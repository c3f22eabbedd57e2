//! The two handles, as values. What they can be asked is in `session_supervisor` and `supervisor`,
//! apart from this: it names specs, and the start function of a spec is given handles.
//!
//! A handle refers to what the root, the launch tasks and the driver task share. After the end of
//! the supervisor it stays valid, and its calls fail with "down".

use std::sync::Arc;

use crate::actor::shared::Shared;
use crate::options;

/// A handle of a running session supervisor. Cheap to clone.
///
/// Every method that asks the supervisor returns a future that is `Send` and `'static`. It asks
/// when it is first polled; what was asked is carried out even if the future is dropped then. No
/// method blocks the supervisor or another session, however slow the session in question is.
///
/// Do not block the thread right after polling a call once; await the call first.
///
/// A reference that a method returns names one incarnation of a session. Look it up again after a
/// restart.
#[derive(Clone, Debug)]
pub struct SessionSupervisor {
    pub(crate) shared: Arc<Shared>,
}

impl SessionSupervisor {
    /// The name of a supervisor whose options give it none.
    ///
    /// OTP: the module's name, `__MODULE__`.
    pub const NAME: &'static str = options::DEFAULT_NAME;

    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}

/// A handle of a running static supervisor: ordered children, each with a role. Cheap to clone.
///
/// Children are started in their order, each when the one before runs. They are stopped in reverse
/// order, each when the one after it is gone. The restart kind of a child decides whether it is
/// restarted when it ends, and the [`Strategy`](crate::Strategy) which others are restarted with
/// it. A restart above the limit ends the supervisor in order. If it is a session or a child of
/// another supervisor, the rules of that supervisor decide what follows.
///
/// As with [`SessionSupervisor`], all futures are `Send` and `'static`,
/// and no method blocks the supervisor. While a set of children is stopped or started, requests
/// wait until that is done. A child of the set must ask from a spawned task, or it waits for
/// itself.
///
/// It looks at all its children at each step, so it is meant for dozens of children. Use sessions
/// for thousands.
///
/// OTP: `supervisor`.
#[derive(Clone, Debug)]
pub struct Supervisor {
    pub(crate) shared: Arc<Shared>,
}

impl Supervisor {
    /// The name of a supervisor without a parent whose spec gives it none.
    pub const NAME: &'static str = "session_supervisor::Supervisor";

    pub(crate) fn of(shared: Arc<Shared>) -> Self {
        Self { shared }
    }
}
