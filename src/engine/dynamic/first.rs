//! The first launch of an id that is new, if nothing refuses it.

use std::sync::Arc;

use super::Engine;
use super::line::Way;
use crate::engine::child::{Child, Origin, Plan};
use crate::engine::io::{Domain, Effect, Input, NotStarted, Note, Request, Spec};
use crate::engine::lifecycle::Lifecycle;
use crate::engine::moment::Moment;
use crate::engine::rejection::Rejection;
use crate::engine::restart::OnRestartLimit;
use crate::engine::table::Place;
use crate::engine::waiting::{StartCaller, Waiting};

/// A start, in its parts.
type Start<D> = (Arc<str>, <D as Domain>::Spec, StartCaller<D>);

impl<D: Domain> Engine<D> {
    /// Takes a start if its answer is the same whatever sessions have ended without the engine
    /// knowing yet: the id is new and admitted, and no end can end the supervisor. Else it is
    /// handed back. All effects must then be polled before the next input.
    pub fn handle_if_new(&mut self, now: Moment, input: Input<D>) -> Option<Input<D>> {
        self.begin_step();
        let settings = &self.settings;
        if !self.serving()
            || settings.total_limit.is_some()
            || settings.on_limit == OnRestartLimit::Escalate
        {
            return Some(input);
        }
        let Input::Asked { id, request } = input else {
            return Some(input);
        };
        let (spec, caller) = match request {
            Request::Start { spec, ticket } => (spec, StartCaller::Start(ticket)),
            Request::Ensure { spec, ticket } => (spec, StartCaller::Ensure(ticket)),
            Request::Stop { .. }
            | Request::Restart { .. }
            | Request::Lease { .. }
            | Request::MoreTime { .. }
            | Request::AwaitRunning { .. }
            | Request::AwaitGone { .. } => {
                return Some(Input::Asked { id, request });
            }
        };
        let (id, spec, caller) = self.start_if_new(now, id, spec, caller).err()?;
        let request = match caller {
            StartCaller::Start(ticket) => Request::Start { spec, ticket },
            StartCaller::Ensure(ticket) => Request::Ensure { spec, ticket },
        };
        Some(Input::Asked { id, request })
    }

    /// Starts a new id at once. A start of a known one is handed back, and one that is refused: a
    /// claim may be taken by a session whose end is not known yet.
    pub(super) fn start_if_new(
        &mut self,
        now: Moment,
        id: Arc<str>,
        spec: D::Spec,
        caller: StartCaller<D>,
    ) -> Result<(), Start<D>> {
        if self.refusal(now, &spec).is_some() {
            return Err((id, spec, caller));
        }
        match self.table.reserve(&id) {
            Place::Known(_) => Err((id, spec, caller)),
            Place::New(slot) => {
                self.first_launch(now, slot, id, spec, caller, None);
                Ok(())
            }
        }
    }

    /// Makes the child in the slot that was reserved for it, and launches it. `waiting`: who waits
    /// for the id as well.
    pub(super) fn first_launch(
        &mut self,
        now: Moment,
        slot: u32,
        id: Arc<str>,
        spec: D::Spec,
        caller: StartCaller<D>,
        waiting: Option<Box<Waiting<D>>>,
    ) {
        self.take_claims(slot, &id, &spec);
        let child = Child {
            life: Lifecycle::new(id, spec),
            plan: Plan::InLine {
                origin: Origin::First,
                caller: None,
                place: 0,
            },
            history: None,
            waiting,
        };
        self.table.fill(slot, child);
        self.count_start(now);
        self.launch(now, slot, Origin::First, Some(caller.into()));
    }

    /// Whether all places are taken.
    pub(super) fn is_full(&self) -> bool {
        self.counts().places() >= self.settings.max_sessions
    }

    /// Why a new id cannot be started, if it cannot. It takes nothing. Starts that nobody wants any
    /// more make way for it.
    pub(super) fn refusal(&mut self, now: Moment, spec: &D::Spec) -> Option<NotStarted> {
        loop {
            let why = self.in_the_way(now, spec)?;
            let way = match &why {
                NotStarted::ClaimTaken(taken) => self.make_way_of(now, &taken.holder),
                NotStarted::MaxSessions(_) | NotStarted::Rejected(Rejection::Quota { .. }) => {
                    self.make_way(now)
                }
                NotStarted::Rejected(Rejection::StartRate { .. })
                | NotStarted::Failed(_)
                | NotStarted::Parked
                | NotStarted::Refused(_) => Way::Barred,
            };
            if way == Way::Barred {
                return Some(why);
            }
        }
    }

    /// A claim comes before the limit, since its holder is the session that the caller wants (D27).
    fn in_the_way(&mut self, now: Moment, spec: &D::Spec) -> Option<NotStarted> {
        if let Some(taken) = self.claim_taken(spec) {
            return Some(NotStarted::ClaimTaken(Box::new(taken)));
        }
        if self.is_full() {
            return Some(NotStarted::MaxSessions(self.settings.max_sessions));
        }
        self.rejection(now, spec).map(NotStarted::Rejected)
    }

    pub(super) fn refuse_new(
        &mut self,
        id: &Arc<str>,
        spec: D::Spec,
        caller: StartCaller<D>,
        why: NotStarted,
    ) {
        if let NotStarted::ClaimTaken(taken) = &why {
            self.effect(Effect::Note {
                id: Arc::clone(id),
                label: spec.label().cloned(),
                incarnation: 0,
                note: Note::ClaimTaken((**taken).clone()),
            });
        }
        self.refuse(spec, caller.not_started(why));
    }
}
