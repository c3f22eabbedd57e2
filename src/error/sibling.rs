//! Why another child of the same tree was not found.

use std::sync::Arc;

use thiserror::Error;

/// Why a child did not find another child of its tree.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SiblingError {
    /// The one that asks is a session, and no child of a tree.
    #[error("a session has no siblings by role")]
    NotInTree,
    /// The tree has no child of this role.
    #[error("the tree has no child {role:?}")]
    NotFound {
        /// The role.
        role: Arc<str>,
    },
    /// It does not run: it is started later, is restarted, or has ended.
    #[error("the child {role:?} does not run")]
    NotRunning {
        /// The role.
        role: Arc<str>,
    },
    /// It runs, and is no session supervisor.
    #[error("the child {role:?} is no session supervisor")]
    NotASessionSupervisor {
        /// The role.
        role: Arc<str>,
    },
    /// The supervisor of the tree has ended.
    #[error("the supervisor is down")]
    SupervisorDown,
}
