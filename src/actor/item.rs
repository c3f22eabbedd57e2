//! What is pushed into the inbox of a supervisor.

use std::fmt;

use tokio::sync::oneshot;

use super::machine::Machine;
use super::plan::Actors;
use crate::engine::{Cause, Input, Request};
use crate::info::{PageMark, SessionInfo, SessionPage};

#[derive(Debug)]
pub(crate) enum Item {
    Input(Input<Actors>),
    Query(Query),
    /// A timer is due.
    Tick,
}

impl Item {
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
pub(crate) enum Query {
    /// One that a look at the engine answers.
    Look(Look),
    List(oneshot::Sender<Vec<SessionInfo>>),
    Page(PageQuery),
}

/// A part of a list.
pub(crate) struct PageQuery {
    pub(crate) after: Option<PageMark>,
    pub(crate) most: usize,
    pub(crate) reply: oneshot::Sender<SessionPage>,
}

/// What is to be told after a look.
pub(crate) type Look = Box<dyn FnOnce(&Machine) -> Told + Send>;

/// Something to tell; answers the causes in what was told to nobody.
pub(super) type Told = Box<dyn FnOnce() -> Vec<Cause> + Send>;

impl fmt::Debug for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Look(_) => "Look",
            Self::List(_) => "List",
            Self::Page(_) => "Page",
        })
    }
}
