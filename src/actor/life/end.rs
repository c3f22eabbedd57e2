//! What is known of the end of a launch. Most have nothing of it while they run, so it is kept apart.

use std::sync::Arc;

use super::kept::Kept;
use crate::actor::linked::Orphans;
use crate::actor::shared::Shared;
use crate::engine::ShutdownReport;

/// What is known of the end.
#[derive(Debug, Default)]
pub(super) struct End {
    pub(super) cause: Option<Kept>,
    /// What was below the session. Its names may be held a little longer than the session's own.
    pub(super) orphans: Orphans,
    pub(super) tree: Tree,
    /// Whether stuck children are all that is left of that.
    pub(super) outlived: bool,
}

/// What there is to hold of a life that is a supervisor itself. The supervisor holds its life, and
/// that it holds the supervisor has to end with it, or nothing would ever free the two.
#[derive(Debug, Default)]
pub(super) enum Tree {
    /// It is none, or none yet.
    #[default]
    None,
    Held(Arc<Shared>),
    /// Its driver task is done. What became of its children, unless the runtime was shut down
    /// before that was known.
    Over(Option<ShutdownReport>),
}
