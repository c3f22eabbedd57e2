//! What a supervisor is made from, and whose it is.

use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;

use super::{Life, Machine, Shared};
use crate::engine::{Meter, Sums};
use crate::options::{GroupOf, Grouping};

/// What a supervisor is made from.
pub(crate) struct RootArguments {
    /// Its name, at least in the log.
    pub(crate) name: Arc<str>,
    pub(crate) naming: Naming,
    pub(crate) home: Option<Home>,
    pub(crate) parent_link: Option<ParentLink>,
    pub(crate) machine: Machine,
    pub(crate) group_of: Option<GroupOf>,
    pub(crate) runtime: Handle,
    /// Where it leaves what all hold together.
    pub(crate) slot: Arc<OnceLock<Arc<Shared>>>,
}

/// How the children of a supervisor are called in the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Naming {
    /// As sessions.
    Sessions,
    /// By the supervisor's name and their role.
    Children,
    /// By the session supervisor's name, their role, and the session's id.
    OfSession,
    /// Not at all.
    Unregistered,
}

/// The session whose tree a supervisor is a part of.
#[derive(Clone, Debug)]
pub(crate) struct Home {
    pub(crate) sessions: Arc<Shared>,
    pub(crate) id: Arc<str>,
    /// What the log has summed up of the tree, if it has ended before.
    pub(crate) sums: Option<Sums>,
}

/// What only one kind of supervisor has. One field has it for both, since each session that is a
/// tree has a supervisor of its own.
#[derive(Debug)]
pub(super) enum Own {
    /// A static supervisor: the session whose tree it is a part of.
    Home(Home),
    /// A session supervisor. A static supervisor outside any session has nothing here.
    Sessions(Option<Box<OfSessions>>),
}

/// What only a session supervisor has.
#[derive(Debug)]
pub(super) struct OfSessions {
    /// Of which group a session is, if there is a quota.
    pub(super) grouping: Option<Grouping>,
    /// What its engine counts.
    pub(super) meter: Arc<Meter>,
}

/// The launch of a supervisor that is a child of another.
#[derive(Debug)]
pub(crate) struct ParentLink {
    pub(crate) parent: Arc<Shared>,
    /// Its role there, or the id of the session.
    pub(crate) role: Arc<str>,
    pub(crate) incarnation: u64,
    pub(crate) life: Arc<Life>,
}

#[cfg(test)]
mod tests {
    use super::{Home, Own};

    /// A session that is a tree pays nothing for what only a session supervisor has.
    #[test]
    fn a_supervisor_has_room_for_one_of_the_two() {
        assert_eq!(size_of::<Own>(), size_of::<Option<Home>>());
    }
}
