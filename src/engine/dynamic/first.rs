//! The first launch of an id that is new, if nothing refuses it.

use std::sync::Arc;

use super::line::Way;
use super::{Engine, Listening};
use crate::engine::child::{Child, Origin, Plan};
use crate::engine::event::EventKind;
use crate::engine::incarnation::Key;
use crate::engine::io::{Domain, Effect, Input, NotStarted, Request, Spec};
use crate::engine::lifecycle::{Lifecycle, Step};
use crate::engine::moment::Moment;
use crate::engine::rejection::Rejection;
use crate::engine::repeats::Repeat;
use crate::engine::table::{Place, Reserved};
use crate::engine::waiting::{StartCaller, Waiting};

/// A start, in its parts.
type Start<D> = (Arc<str>, <D as Domain>::Spec, StartCaller<D>);

impl<D: Domain> Engine<D> {
    /// Takes a start if its answer is the same whatever sessions have ended without the engine
    /// knowing yet: the id is new and admitted, and no end can end the supervisor. Else it is
    /// handed back. All effects must then be polled before the next input.
    #[inline]
    pub fn handle_if_new(&mut self, now: Moment, input: Input<D>) -> Option<Input<D>> {
        self.begin_step();
        if !self.serving() || self.can_escalate() {
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
        let started = self.start_if_new(now, id, spec, caller);
        self.timers.flush();
        let (id, spec, caller) = started.err()?;
        let request = match caller {
            StartCaller::Start(ticket) => Request::Start { spec, ticket },
            StartCaller::Ensure(ticket) => Request::Ensure { spec, ticket },
        };
        Some(Input::Asked { id, request })
    }

    /// Starts a new id at once. A start of a known one is handed back, and one that is refused: a
    /// claim may be taken by a session whose end is not known yet.
    #[inline]
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
            Place::New(place) => {
                self.first_launch(now, place, id, spec, caller, None);
                self.show_counts();
                Ok(())
            }
        }
    }

    /// Makes the child in the slot that was reserved for it, and launches it. `waiting`: who waits
    /// for the id as well.
    #[inline]
    pub(super) fn first_launch(
        &mut self,
        now: Moment,
        place: Reserved,
        id: Arc<str>,
        spec: D::Spec,
        caller: StartCaller<D>,
        waiting: Option<Box<Waiting<D>>>,
    ) {
        let slot = place.slot;
        self.take_claims(slot, &id, &spec);
        self.count_start(now);
        let origin = Origin::First;
        let caller = Some(caller.into());
        let mut child = Child {
            life: Lifecycle::new(id, spec),
            plan: Plan::Launch(origin),
            history: None,
            waiting,
        };
        if child.waiting.is_none() && self.may_launch() && self.listening != Listening::On {
            // Nobody can share it, or is told of it. So it is launched on its way into the table, and counted once.
            let launch = self.next_launch();
            let key = Key { slot, launch };
            let supervisor = self.as_supervisor();
            let mut step = Step::new(now, supervisor, self.last_end, &mut self.effects);
            step.meter = Some(&self.meter);
            child.life.launch(key, None, None, None, caller, &mut step);
            let timer = step.timer;
            self.table.fill(place, child);
            self.follow_timer(slot, timer);
            return;
        }
        child.plan = Plan::InLine {
            origin,
            caller: None,
            place: 0,
        };
        self.table.fill(place, child);
        self.launch(now, slot, origin, caller);
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
        self.meter.refuses(&why);
        if let NotStarted::ClaimTaken(taken) = &why {
            self.effect(Effect::Note {
                id: Arc::clone(id),
                label: spec.label().cloned(),
                tag: spec.tag(),
                incarnation: 0,
                kind: EventKind::ClaimTaken {
                    claim: taken.claim.clone(),
                    holder: Arc::clone(&taken.holder),
                },
                error: None,
                repeat: Repeat::None,
            });
        }
        self.refuse(spec, caller.not_started(why));
    }
}
