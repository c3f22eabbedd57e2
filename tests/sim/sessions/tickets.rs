//! Which caller waits for what, and that each is answered exactly once, and nothing that makes no
//! sense.

use std::time::Duration;

use session_supervisor::engine::{DrainProgress, SessionState};

use crate::domain::{SimSpec, Ticket};
use crate::told::Told;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Start,
    Ensure,
    Stop,
    Restart,
    Supervisor,
    /// It waits until the session runs.
    AwaitRunning,
    /// It waits until the session is gone.
    AwaitGone,
    /// It drains the supervisor.
    Drain,
    /// It follows the drain.
    Progress,
    /// It is a session that asks for time.
    MoreTime,
}

impl Kind {
    /// Whether a launch is asked for.
    pub(crate) const fn launches(self) -> bool {
        matches!(self, Self::Start | Self::Ensure | Self::Restart)
    }

    /// Whether it is to run.
    const fn starts_or_awaits(self) -> bool {
        self.launches() || matches!(self, Self::AwaitRunning)
    }

    /// Whether nothing is to be changed.
    pub(crate) const fn watches(self) -> bool {
        matches!(self, Self::AwaitRunning | Self::AwaitGone)
    }

    /// Whether a session is to be started if it is not there.
    pub(crate) const fn starts(self) -> bool {
        matches!(self, Self::Start | Self::Ensure)
    }
}

#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) kind: Kind,
    pub(crate) id: usize,
    pub(crate) spec: Option<SimSpec>,
    /// What the id was doing when this was asked.
    pub(crate) state: Option<SessionState>,
    pub(crate) answered: bool,
    /// A launch was ordered for it.
    pub(crate) launched: bool,
    /// It has gone away.
    pub(crate) gone: bool,
    /// How many launches there had been when it asked.
    pub(crate) after: usize,
    /// What it knows of the drain that it follows.
    pub(crate) seen: Option<DrainProgress>,
    /// For how much time it asks.
    pub(crate) time: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Tickets(pub(crate) Vec<Caller>);

impl Tickets {
    pub(crate) fn add(
        &mut self,
        kind: Kind,
        id: usize,
        spec: Option<SimSpec>,
        state: Option<SessionState>,
        after: usize,
    ) -> Ticket {
        self.0.push(Caller {
            kind,
            id,
            spec,
            state,
            answered: false,
            launched: false,
            gone: false,
            after,
            seen: None,
            time: Duration::ZERO,
        });
        self.0.len() - 1
    }

    pub(crate) fn answer(&mut self, ticket: Ticket) {
        let caller = &mut self.0[ticket];
        assert!(!caller.answered, "ticket {ticket} is answered twice");
        caller.answered = true;
    }

    /// Books an answer of the engine's.
    pub(crate) fn answer_with(&mut self, ticket: Ticket, told: &Told) {
        self.answer(ticket);
        let kind = self.0[ticket].kind;
        let fits = match told {
            Told::Running(_) | Told::Parked => kind.starts() || kind == Kind::AwaitRunning,
            Told::Joined(_) | Told::Failed(_) => {
                matches!(kind, Kind::Ensure | Kind::Restart)
            }
            Told::ClaimTaken(_) => kind.starts(),
            Told::MaxSessions(_) | Told::Rejected(_) | Told::Stopped | Told::TimedOut(_) => {
                kind.launches()
            }
            Told::Stuck => kind == Kind::Stop || kind.starts_or_awaits(),
            Told::Down | Told::Draining => kind.starts_or_awaits(),
            Told::Progress(_) => kind == Kind::Progress,
            Told::MoreTime(_) => kind == Kind::MoreTime,
            Told::NotFound => matches!(kind, Kind::Stop | Kind::Restart) || kind.watches(),
            Told::Ended(_) => kind == Kind::Stop,
            Told::Gone(_) => kind == Kind::AwaitGone,
            Told::Begun
            | Told::ChildFailed { .. }
            | Told::Present
            | Told::Restarting
            | Told::Deleted
            | Told::Leased
            | Told::Stopping => false,
        };
        assert!(fits, "ticket {ticket} of a {kind:?} is answered {told:?}");
        if let Told::Stopped = told {
            let id = self.0[ticket].id;
            let stop = |caller: &Caller| caller.kind == Kind::Stop && caller.id == id;
            assert!(
                self.0[ticket + 1..].iter().any(stop),
                "ticket {ticket} is answered Stopped without a stop after it"
            );
        }
    }

    /// Books a launch that the engine orders for a caller.
    pub(crate) fn launch(&mut self, ticket: Ticket, id: usize) {
        let caller = &self.0[ticket];
        assert!(!caller.answered && !caller.launched && caller.id == id);
        assert!(caller.kind.launches());
        if caller.kind.starts() {
            assert!(!caller.gone, "a launch without a caller");
            let earlier = |c: &Caller| c.kind.starts() && c.id == id && !c.answered && !c.launched;
            assert!(
                !self.0[..ticket].iter().any(earlier),
                "ticket {ticket} is served before an earlier start of its id"
            );
        }
        self.0[ticket].launched = true;
    }

    /// The engine drops a request, since its caller has gone.
    pub(crate) fn drop(&mut self, ticket: Ticket) {
        let caller = &self.0[ticket];
        assert!(
            caller.gone,
            "ticket {ticket} is dropped, and its caller waits"
        );
        let (kind, id) = (caller.kind, caller.id);
        let waits = kind.watches() || kind == Kind::Progress;
        // What was asked is done all the same, and for that another of the same kind is left.
        let ends = matches!(kind, Kind::Stop | Kind::Supervisor | Kind::Drain)
            && (0..self.0.len()).any(|other| {
                let other_caller = &self.0[other];
                let same = other_caller.kind == kind && other_caller.id == id;
                other != ticket && same && !other_caller.answered
            });
        assert!(waits || ends || kind.launches() && !caller.launched);
        self.answer(ticket);
    }

    pub(crate) fn waiting(&self, of: impl Fn(&Caller) -> bool) -> Option<Ticket> {
        (0..self.0.len()).find(|&ticket| !self.0[ticket].answered && of(&self.0[ticket]))
    }
}
