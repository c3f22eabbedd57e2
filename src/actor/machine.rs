//! The engine of a supervisor, of whichever kind it is: one for sessions, one for the children of a
//! static supervisor. The drive does not see the difference.

use std::sync::Arc;

use super::guarded::drop_guarded;
use crate::engine::{
    Counts, Discard, Domain, Effect, Engine, Input, Listening, Meter, Moment, OrderedEngine,
    OrderedSettings, Settings,
};

#[derive(Debug)]
pub(crate) enum Machine<D: Domain> {
    Sessions(Box<Engine<D>>),
    Children(Box<OrderedEngine<D>>),
}

impl<D: Domain> Machine<D> {
    pub(crate) fn sessions(settings: Settings) -> Self {
        Self::Sessions(Box::new(Engine::new(settings)))
    }

    /// One that has nothing to do.
    pub(super) fn idle() -> Self {
        Self::Children(Box::new(OrderedEngine::new(
            OrderedSettings::default(),
            Vec::new(),
        )))
    }

    /// Hands out every value that may be a user's.
    pub(super) fn take_apart(&mut self) -> Vec<Discard<D>> {
        match self {
            Self::Sessions(engine) => engine.take_apart(),
            Self::Children(group) => group.take_apart(),
        }
    }

    /// Whether somebody follows each step. Of the children of a static supervisor no more is told
    /// than else.
    #[inline]
    pub(super) const fn listen(&mut self, listening: Listening) {
        match self {
            Self::Sessions(engine) => engine.listen(listening),
            Self::Children(_) => {}
        }
    }

    #[inline]
    pub(super) fn handle(&mut self, now: Moment, input: Input<D>) {
        match self {
            Self::Sessions(engine) => engine.handle(now, input),
            Self::Children(group) => group.handle(now, input),
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Moment) {
        match self {
            Self::Sessions(engine) => engine.handle_timeout(now),
            Self::Children(group) => group.handle_timeout(now),
        }
    }

    /// Goes on with what is under way, whatever time it is.
    pub(super) fn proceed(&mut self, now: Moment) {
        match self {
            Self::Sessions(engine) => engine.proceed(now),
            Self::Children(_) => {}
        }
    }

    #[inline]
    pub(super) fn poll_effect(&mut self) -> Option<Effect<D>> {
        match self {
            Self::Sessions(engine) => engine.poll_effect(),
            Self::Children(group) => group.poll_effect(),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Moment> {
        match self {
            Self::Sessions(engine) => engine.poll_timeout(),
            Self::Children(group) => group.poll_timeout(),
        }
    }

    /// What is counted of sessions.
    pub(super) fn meter(&self) -> Option<Arc<Meter>> {
        match self {
            Self::Sessions(engine) => Some(Arc::clone(engine.meter())),
            Self::Children(_) => None,
        }
    }

    pub(super) fn counts(&self) -> Counts {
        match self {
            Self::Sessions(engine) => engine.counts(),
            Self::Children(group) => group.counts(),
        }
    }

    /// Takes the start of a new id if no end that the root has not read yet could change its
    /// answer. Else it is handed back.
    #[inline]
    pub(super) fn handle_if_new(&mut self, now: Moment, input: Input<D>) -> Option<Input<D>> {
        match self {
            Self::Sessions(engine) => engine.handle_if_new(now, input),
            Self::Children(_) => Some(input),
        }
    }
}

/// An engine that was never used. Each of its specs is dropped on its own: two that panic in one
/// drop would end the process.
impl<D: Domain> Drop for Machine<D> {
    fn drop(&mut self) {
        self.take_apart().into_iter().for_each(drop_guarded);
    }
}
