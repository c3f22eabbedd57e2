//! Which caller waits for what, and that each is answered exactly once.

use session_supervisor::engine::Moment;

use crate::domain::{SimSpec, Ticket, Waiter};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Begin,
    Start,
    Stop,
    Restart,
    Delete,
    Supervisor,
}

#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) kind: Kind,
    pub(crate) role: usize,
    pub(crate) spec: Option<SimSpec>,
    pub(crate) answered: bool,
    /// A launch was ordered for it.
    pub(crate) launched: bool,
    /// A stop that waits for an end, not for its turn; since when.
    pub(crate) joined: Option<Moment>,
    /// No caller waits any more.
    pub(crate) gone: bool,
    /// It was not carried out as it came.
    pub(crate) waited: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Tickets(pub(crate) Vec<Caller>);

impl Tickets {
    pub(crate) fn add(&mut self, kind: Kind, role: usize, spec: Option<SimSpec>) -> Ticket {
        self.0.push(Caller {
            kind,
            role,
            spec,
            answered: false,
            launched: false,
            joined: None,
            gone: false,
            waited: false,
        });
        self.0.len() - 1
    }

    pub(crate) fn answer(&mut self, ticket: Ticket) {
        let caller = &mut self.0[ticket];
        assert!(!caller.answered, "ticket {ticket} is answered twice");
        caller.answered = true;
    }

    /// A caller goes away. That is no answer, and what it asked for may still be done.
    pub(crate) fn go(&mut self, ticket: Ticket) {
        self.0[ticket].gone = true;
        Waiter::goes(ticket);
    }

    /// Books a request that the engine drops.
    pub(crate) fn drop_gone(&mut self, ticket: Ticket) {
        let caller = &self.0[ticket];
        assert!(caller.gone && caller.waited && !caller.launched);
        assert!(matches!(
            caller.kind,
            Kind::Start | Kind::Restart | Kind::Delete
        ));
        let role = caller.role;
        let earlier = self.waiting(|caller| caller.role == role && caller.kind != Kind::Stop);
        assert_eq!(earlier, Some(ticket), "it is not the turn of {ticket}");
        self.answer(ticket);
    }

    /// Books a launch that the engine orders for a caller.
    pub(crate) fn launch(&mut self, ticket: Ticket, role: usize) {
        let caller = &self.0[ticket];
        assert!(!caller.answered && !caller.launched && caller.role == role);
        assert!(matches!(caller.kind, Kind::Start | Kind::Restart));
        let earlier = self.waiting(|caller| caller.role == role && caller.kind != Kind::Stop);
        assert_eq!(earlier, Some(ticket), "it is not the turn of {ticket}");
        self.0[ticket].launched = true;
    }

    /// The first that is not answered, and for whom nothing has been launched.
    pub(crate) fn waiting(&self, of: impl Fn(&Caller) -> bool) -> Option<Ticket> {
        (0..self.0.len()).find(|&ticket| {
            let caller = &self.0[ticket];
            let named = !matches!(caller.kind, Kind::Begin | Kind::Supervisor);
            named && !caller.answered && !caller.launched && of(caller)
        })
    }

    /// Those who asked for the end of a role wait for it now, not for their turn.
    pub(crate) fn join(&mut self, role: usize, now: Moment) {
        for caller in &mut self.0 {
            if caller.role == role && caller.kind == Kind::Stop {
                caller.joined.get_or_insert(now);
            }
        }
    }

    /// The stops of a role that are not answered.
    pub(crate) fn stops(&self, role: usize) -> impl Iterator<Item = &Caller> {
        let stop = move |caller: &&Caller| caller.role == role && caller.kind == Kind::Stop;
        self.0.iter().filter(stop).filter(|caller| !caller.answered)
    }
}
