//! What is pushed into the inbox of a supervisor.

use std::fmt;

use tokio::sync::oneshot;

use super::machine::Machine;
use crate::engine::{Cause, Domain, Input, Request};
use crate::info::{PageMark, SessionInfo, SessionPage};

#[derive(Debug)]
pub(crate) enum Item<D: Domain> {
    Input(Input<D>),
    Query(Query<D>),
    /// A timer is due.
    Tick,
}

impl<D: Domain> Item<D> {
    /// Whether this asks for a start.
    pub(crate) const fn is_start(&self) -> bool {
        matches!(
            self,
            Self::Input(Input::Asked {
                request: Request::Start { .. } | Request::Ensure { .. },
                ..
            })
        )
    }
}

/// A question that changes nothing.
pub(crate) enum Query<D: Domain> {
    /// One that a look at the engine answers.
    Look(Look<D>),
    List(oneshot::Sender<Vec<SessionInfo>>),
    Page(PageQuery),
}

/// A part of a list.
#[derive(Debug)]
pub(crate) struct PageQuery {
    pub(crate) after: Option<PageMark>,
    pub(crate) most: usize,
    pub(crate) reply: oneshot::Sender<SessionPage>,
}

/// What is to be told after a look.
pub(crate) type Look<D> = Box<dyn FnOnce(&Machine<D>) -> Told + Send>;

/// Something to tell; answers the causes in what was told to nobody.
pub(super) type Told = Box<dyn FnOnce() -> Vec<Cause> + Send>;

impl<D: Domain> fmt::Debug for Query<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Look(_) => "Look",
            Self::List(_) => "List",
            Self::Page(_) => "Page",
        })
    }
}
