//! What a caller asks for one session, or for one child of a group. Each request carries the ticket
//! of its own answers.

use std::time::Duration;

use super::answers::{
    AwaitAnswer, DeleteAnswer, EnsureAnswer, GoneAnswer, LeaseAnswer, RestartAnswer,
    RestartChildAnswer, StartAnswer, StartChildAnswer, StopAnswer,
};
use super::callers::Caller;
use super::domain::Domain;
use super::drain::MoreTimeAnswer;
use super::leases::LeaseNumber;

/// What a caller asks for one session.
#[derive(Debug)]
pub enum Request<D: Domain> {
    /// Start it.
    Start {
        /// How.
        spec: D::Spec,
        /// Who asks.
        ticket: D::Ticket<StartAnswer<D>>,
    },
    /// Start it, or share what becomes of a start that is under way.
    Ensure {
        /// How.
        spec: D::Spec,
        /// Who asks.
        ticket: D::Ticket<EnsureAnswer<D>>,
    },
    /// Stop it.
    Stop {
        /// Who asks.
        ticket: D::Ticket<StopAnswer>,
    },
    /// Restart it by hand.
    Restart {
        /// Who asks.
        ticket: D::Ticket<RestartAnswer<D>>,
    },
    /// Keep it from being ended since it is idle.
    Lease {
        /// The lease, whose end is told by [`Input::LeaseEnded`](super::Input::LeaseEnded).
        lease: LeaseNumber,
        /// Who asks.
        ticket: D::Ticket<LeaseAnswer>,
    },
    /// Give it more time to end, as it asks while the supervisor drains.
    MoreTime {
        /// How much it needs from now on.
        time: Duration,
        /// Who asks.
        ticket: D::Ticket<MoreTimeAnswer>,
    },
    /// Tell when it runs.
    AwaitRunning {
        /// Who asks.
        ticket: D::Ticket<AwaitAnswer<D>>,
    },
    /// Tell when nothing of it is known any more.
    AwaitGone {
        /// If it is the session of which this actor is or was an incarnation; else it is gone.
        of: Option<u64>,
        /// Who asks.
        ticket: D::Ticket<GoneAnswer>,
    },
}

/// What a caller asks for one child of a group.
#[derive(Debug)]
pub enum ChildRequest<D: Domain> {
    /// Add it and start it.
    Start {
        /// How.
        spec: D::Spec,
        /// Who asks.
        ticket: D::Ticket<StartChildAnswer<D>>,
    },
    /// Stop it.
    Stop {
        /// Who asks.
        ticket: D::Ticket<StopAnswer>,
    },
    /// Start it again, if it does not run.
    Restart {
        /// Who asks.
        ticket: D::Ticket<RestartChildAnswer<D>>,
    },
    /// Forget it, if it does not run.
    Delete {
        /// Who asks.
        ticket: D::Ticket<DeleteAnswer<D>>,
    },
}

impl<D: Domain> Request<D> {
    /// How something is to be started, if that is asked, and who asks.
    pub(crate) fn into_parts(self) -> (Option<D::Spec>, Caller<D>) {
        match self {
            Self::Start { spec, ticket } => (Some(spec), Caller::Start(ticket)),
            Self::Ensure { spec, ticket } => (Some(spec), Caller::Ensure(ticket)),
            Self::Stop { ticket } => (None, Caller::Stop(ticket)),
            Self::Restart { ticket } => (None, Caller::Restart(ticket)),
            Self::Lease { ticket, .. } => (None, Caller::Lease(ticket)),
            Self::MoreTime { ticket, .. } => (None, Caller::MoreTime(ticket)),
            Self::AwaitRunning { ticket } => (None, Caller::Await(ticket)),
            Self::AwaitGone { ticket, .. } => (None, Caller::Gone(ticket)),
        }
    }
}

impl<D: Domain> ChildRequest<D> {
    /// How something is to be started, if that is asked, and who asks.
    pub(crate) fn into_parts(self) -> (Option<D::Spec>, Caller<D>) {
        match self {
            Self::Start { spec, ticket } => (Some(spec), Caller::StartChild(ticket)),
            Self::Stop { ticket } => (None, Caller::Stop(ticket)),
            Self::Restart { ticket } => (None, Caller::RestartChild(ticket)),
            Self::Delete { ticket } => (None, Caller::Delete(ticket)),
        }
    }
}
