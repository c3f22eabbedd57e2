//! The first launch of an id that is new, if there is a place for it.

use std::sync::Arc;

use super::Engine;
use crate::engine::child::{Child, Origin, Plan};
use crate::engine::io::{Domain, NotStarted};
use crate::engine::lifecycle::Lifecycle;
use crate::engine::moment::Moment;
use crate::engine::table::Place;
use crate::engine::waiting::{StartCaller, Waiting};

/// A start, in its parts.
type Start<D> = (Arc<str>, <D as Domain>::Spec, StartCaller<D>);

impl<D: Domain> Engine<D> {
    /// Starts a new id at once. A start of a known one is handed back.
    pub(super) fn start_if_new(
        &mut self,
        now: Moment,
        id: Arc<str>,
        spec: D::Spec,
        caller: StartCaller<D>,
    ) -> Result<(), Start<D>> {
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
        self.launch(now, slot, Origin::First, Some(caller.into()));
    }

    /// Whether all places are taken.
    pub(super) fn is_full(&self) -> bool {
        self.counts().places() >= self.settings.max_sessions
    }

    /// Why a new id cannot be started, if it cannot. It changes nothing.
    pub(super) fn refusal(&self) -> Option<NotStarted> {
        self.is_full()
            .then_some(NotStarted::MaxSessions(self.settings.max_sessions))
    }

    pub(super) fn refuse_new(&mut self, spec: D::Spec, caller: StartCaller<D>, why: NotStarted) {
        self.refuse(spec, caller.not_started(why));
    }
}
