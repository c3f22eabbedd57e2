//! Who waits for one session: in its queue, for a launch that another caller asked for, or for its
//! end.

use super::io::{
    AwaitAnswer, Caller, Domain, EnsureAnswer, Failure, GoneAnswer, LaunchCaller, NotStarted,
    Refusal, Reply, RestartAnswer, StartAnswer, StopAnswer, Ticket,
};
use super::waiters::{Waiters, Waits};

/// Who waits for an id.
#[derive(Debug)]
pub(super) struct Waiting<D: Domain> {
    /// Starts and restarts whose turn has not come.
    pub(super) queue: Waiters<Queued<D>>,
    /// Callers that share what becomes of the launch that is under way, or in line for one.
    pub(super) joined: Waiters<ShareCaller<D>>,
    /// Stops that wait for the end.
    pub(super) stops: Waiters<D::Ticket<StopAnswer>>,
    /// Those who only want to know.
    pub(super) watchers: Watchers<D>,
}

impl<D: Domain> Waiting<D> {
    /// Those in a queue, if there are any.
    pub(super) fn of(queue: Waiters<Queued<D>>) -> Option<Self> {
        (!queue.is_empty()).then(|| Self {
            queue,
            ..Self::default()
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
            && self.joined.is_empty()
            && self.stops.is_empty()
            && self.watchers.is_empty()
    }
}

impl<D: Domain> Default for Waiting<D> {
    fn default() -> Self {
        Self {
            queue: Waiters::default(),
            joined: Waiters::default(),
            stops: Waiters::default(),
            watchers: Watchers::default(),
        }
    }
}

/// Who waits for a session, and changes nothing.
#[derive(Debug)]
pub(super) struct Watchers<D: Domain> {
    /// Until it runs.
    pub(super) runs: Waiters<D::Ticket<AwaitAnswer<D>>>,
    /// Until it is gone.
    pub(super) gone: Waiters<D::Ticket<GoneAnswer>>,
}

impl<D: Domain> Default for Watchers<D> {
    fn default() -> Self {
        Self {
            runs: Waiters::default(),
            gone: Waiters::default(),
        }
    }
}

impl<D: Domain> Watchers<D> {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.gone.is_empty()
    }

    pub(super) fn into_callers(self) -> impl Iterator<Item = Caller<D>> {
        let runs = self.runs.into_iter().map(Caller::Await);
        runs.chain(self.gone.into_iter().map(Caller::Gone))
    }
}

/// A request whose turn has not come.
#[derive(Debug)]
pub(super) enum Queued<D: Domain> {
    Start {
        spec: D::Spec,
        caller: StartCaller<D>,
    },
    Restart(D::Ticket<RestartAnswer<D>>),
}

impl<D: Domain> Queued<D> {
    /// How something is to be started, if that is asked, and who asks.
    pub(super) fn into_parts(self) -> (Option<D::Spec>, Caller<D>) {
        match self {
            Self::Start { spec, caller } => (Some(spec), LaunchCaller::from(caller).into()),
            Self::Restart(ticket) => (None, Caller::Restart(ticket)),
        }
    }
}

impl<D: Domain> Waits for Queued<D> {
    fn is_gone(&self) -> bool {
        match self {
            Self::Start { caller, .. } => caller.is_gone(),
            Self::Restart(ticket) => Ticket::is_gone(ticket),
        }
    }
}

/// A caller that starts a session.
#[derive(Debug)]
pub(super) enum StartCaller<D: Domain> {
    /// For itself.
    Start(D::Ticket<StartAnswer<D>>),
    /// It may share the start of another caller.
    Ensure(D::Ticket<EnsureAnswer<D>>),
}

impl<D: Domain> StartCaller<D> {
    /// The session runs already.
    pub(super) fn running(self, found: D::Found) -> Reply<D> {
        match self {
            Self::Start(ticket) => Reply::Start(ticket, StartAnswer::Running(found)),
            Self::Ensure(ticket) => Reply::Ensure(ticket, EnsureAnswer::Running(found)),
        }
    }

    /// The session is not started.
    pub(super) fn not_started(self, why: impl Into<NotStarted>) -> Reply<D> {
        let why = why.into();
        match self {
            Self::Start(ticket) => Reply::Start(ticket, StartAnswer::NotStarted(why)),
            Self::Ensure(ticket) => Reply::Ensure(ticket, EnsureAnswer::NotStarted(why)),
        }
    }

    /// Whether it has gone away.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            Self::Start(ticket) => Ticket::is_gone(ticket),
            Self::Ensure(ticket) => Ticket::is_gone(ticket),
        }
    }
}

impl<D: Domain> From<StartCaller<D>> for LaunchCaller<D> {
    fn from(caller: StartCaller<D>) -> Self {
        match caller {
            StartCaller::Start(ticket) => Self::Start(ticket),
            StartCaller::Ensure(ticket) => Self::Ensure(ticket),
        }
    }
}

/// A caller that shares a launch.
#[derive(Debug)]
pub(super) enum ShareCaller<D: Domain> {
    Ensure(D::Ticket<EnsureAnswer<D>>),
    Restart(D::Ticket<RestartAnswer<D>>),
}

impl<D: Domain> ShareCaller<D> {
    /// The launch has succeeded.
    pub(super) fn joined(self, found: D::Found) -> Reply<D> {
        match self {
            Self::Ensure(ticket) => Reply::Ensure(ticket, EnsureAnswer::Joined(found)),
            Self::Restart(ticket) => Reply::Restart(ticket, RestartAnswer::Joined(found)),
        }
    }

    /// The launch has failed.
    pub(super) fn failed(self, failure: Failure) -> Reply<D> {
        LaunchCaller::from(self).failed(failure)
    }

    /// Nothing comes of the launch.
    pub(super) fn refused(self, refusal: Refusal) -> Reply<D> {
        LaunchCaller::from(self).refused(refusal)
    }
}

impl<D: Domain> Waits for ShareCaller<D> {
    fn is_gone(&self) -> bool {
        match self {
            Self::Ensure(ticket) => Ticket::is_gone(ticket),
            Self::Restart(ticket) => Ticket::is_gone(ticket),
        }
    }
}

impl<D: Domain> From<ShareCaller<D>> for LaunchCaller<D> {
    fn from(caller: ShareCaller<D>) -> Self {
        match caller {
            ShareCaller::Ensure(ticket) => Self::Ensure(ticket),
            ShareCaller::Restart(ticket) => Self::Restart(ticket),
        }
    }
}

impl<D: Domain> From<ShareCaller<D>> for Caller<D> {
    fn from(caller: ShareCaller<D>) -> Self {
        LaunchCaller::from(caller).into()
    }
}
