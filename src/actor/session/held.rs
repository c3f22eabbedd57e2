//! The user's actor and its state in the wrapper, what the session has linked to itself, and the
//! drops of them; and who is to run before a callback.
//!
//! They lie in the wrapper and not in its state, which ractor puts into the event of an end without
//! `post_stop`. Nobody may ever read that event or drop it (R51 in `docs/ractor.md`). So whatever
//! becomes of the event, the session's own task drops them at its end, or has them dropped.

use std::sync::{Arc, Mutex, PoisonError};

use ractor::Actor;

use super::Session;
use crate::actor::drop_queue::Deferred;
use crate::actor::life::Hold;
use crate::actor::linked::{Any, Linked};
use crate::actor::shared::{Life, Shared};
use crate::engine::Cause;

/// Who is to run next on this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The session, with its callback.
    Mine,
    /// The root.
    Roots,
}

/// The wrapper's own state. ractor drops it wherever it comes to it, so nothing of the user's is
/// in it.
pub(crate) struct Callbacks {
    /// The failure of an actor linked to it, if its last callback handled that. ractor's own
    /// handler stops the session then, which would look like an end in order.
    pub(super) link_failure: Option<Cause>,
    /// Until its first callback after the start.
    young: bool,
}

impl Callbacks {
    pub(super) const fn new() -> Self {
        Self {
            link_failure: None,
            young: true,
        }
    }

    /// What runs next before a callback: the root, before the first one after the start.
    ///
    /// ractor has just told the root that the session started. tokio put the root into a slot of
    /// this thread that no other thread takes from. A callback that blocks the thread, or a drop
    /// after it, would keep the root there. If the root has read of all starts that it was told of,
    /// it has had its turn.
    pub(super) fn turn_of(&mut self, shared: &Shared) -> Turn {
        let young = std::mem::take(&mut self.young);
        if young && !(shared.has_sessions() && shared.events.all_starts_read()) {
            Turn::Roots
        } else {
            Turn::Mine
        }
    }
}

/// Where the user's actor and its state lie between two callbacks. They are there from `pre_start`
/// until they are dropped. Only the session's own task takes them.
pub(super) struct Place<A: Actor>(Mutex<Option<Held<A>>>);

impl<A: Actor> Place<A> {
    pub(super) const fn new() -> Self {
        Self(Mutex::new(None))
    }

    fn swap(&self, held: Option<Held<A>>) -> Option<Held<A>> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, held)
    }

    fn end(&mut self) -> Option<Held<A>> {
        let place = self.0.get_mut();
        place.unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The user's actor and its state.
pub(super) struct Held<A: Actor> {
    pub(super) actor: Box<A>,
    pub(super) state: Box<A::State>,
    /// What it has linked to itself, if anything.
    pub(super) linked: Option<Box<Linked>>,
}

impl<A: Actor> Session<A> {
    /// The user's actor has started.
    pub(super) fn hold(&self, actor: Box<A>, state: Box<A::State>) -> Lease<'_, A> {
        self.life.hold(Hold::State);
        let linked = None;
        Lease {
            session: self,
            held: Some(Held {
                actor,
                state,
                linked,
            }),
        }
    }

    /// What a callback works with.
    pub(super) fn lease(&self) -> Lease<'_, A> {
        Lease {
            session: self,
            held: self.place.swap(None),
        }
    }

    /// The session's task is done. If it was killed, actor and state are still there. Many may be
    /// killed at once, so no worker of the runtime drops them.
    pub(super) fn leave(&mut self) {
        if let Some(held) = self.place.end() {
            let left = Left {
                body: Some(self.forget_linked(held)),
                life: Arc::clone(&self.life),
                shared: Arc::clone(&self.shared),
            };
            self.shared.drop_later([Deferred::of(left)]);
        }
    }

    /// What the session remembers is to be waited for from now on.
    fn forget_linked(&self, held: Held<A>) -> (Box<A>, Box<A::State>) {
        let Held {
            actor,
            state,
            linked,
        } = held;
        if let Some(linked) = linked {
            self.life.note_remembered(&linked);
        }
        (actor, state)
    }
}

/// The user's actor and its state while a callback has them. They go back when the callback is over,
/// or is cut off.
pub(super) struct Lease<'a, A: Actor> {
    session: &'a Session<A>,
    pub(super) held: Option<Held<A>>,
}

impl<A: Actor> Lease<'_, A> {
    pub(super) fn parts(&mut self) -> Option<(&A, &mut A::State)> {
        let Held { actor, state, .. } = self.held.as_mut()?;
        Some((&**actor, &mut **state))
    }

    /// Whether it remembers anything that it has linked to itself.
    pub(super) fn remembers(&self) -> bool {
        let held = self.held.as_ref();
        held.is_some_and(|held| held.linked.is_some())
    }

    /// Finds out what it has linked to itself.
    pub(super) fn learn(&mut self) {
        let Some(Held { linked, .. }) = &mut self.held else {
            return;
        };
        let life = &self.session.life;
        // A supervisor of ours waits for its children itself.
        if let (false, Some(cell)) = (life.holds(Hold::Tree), life.cell()) {
            match linked {
                Some(linked) => linked.learn(cell),
                None => *linked = Linked::to(cell),
            }
        }
    }

    /// After a callback, follows what has become of that.
    pub(super) fn follow_up(&mut self) {
        let Some(Held { linked, .. }) = &mut self.held else {
            return;
        };
        let Some(known) = linked else {
            // What it has linked in the callback: it may be killed before it reads its event about
            // that.
            self.learn();
            return;
        };
        let Session { life, shared, .. } = self.session;
        if let Some(cell) = life.cell()
            && known.follow_up(cell, || shared.clock.now()) == Any::None
        {
            *linked = None;
        }
    }

    /// Drops actor and state here and now.
    pub(super) fn release(&mut self) {
        if let Some(held) = self.held.take() {
            let Session { life, shared, .. } = self.session;
            let (actor, state) = self.session.forget_linked(held);
            shared.lines.drop_guarded(state);
            shared.lines.drop_guarded(actor);
            shared.release(life, Hold::State);
        }
    }
}

impl<A: Actor> Drop for Lease<'_, A> {
    fn drop(&mut self) {
        if self.held.is_some() {
            let before = self.session.place.swap(self.held.take());
            debug_assert!(before.is_none(), "two callbacks of one session");
        }
    }
}

/// What a killed session has left, to be dropped elsewhere.
struct Left<A: Actor> {
    body: Option<(Box<A>, Box<A::State>)>,
    life: Arc<Life>,
    shared: Arc<Shared>,
}

impl<A: Actor> Drop for Left<A> {
    fn drop(&mut self) {
        if let Some((actor, state)) = self.body.take() {
            self.shared.lines.drop_guarded(state);
            self.shared.lines.drop_guarded(actor);
        }
        self.shared.release(&self.life, Hold::State);
    }
}
