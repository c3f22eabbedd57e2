//! The user's actor and its state in the wrapper, what the session has linked to itself, and the
//! drops of them; and who is to run before a callback.
//!
//! Until its `pre_start` the actor lies there with its arguments: ractor moves what it is given often
//! (R48 in `docs/ractor.md`).
//!
//! They lie in the wrapper and not in its state, which ractor puts into the event of an end without
//! `post_stop`. Nobody may ever read that event or drop it (R51 in `docs/ractor.md`). So whatever
//! becomes of the event, the session's own task drops them at its end, or has them dropped.

use std::sync::{Arc, Mutex, PoisonError};

use ractor::{Actor, ActorCell, SupervisionEvent};

use super::Session;
use crate::actor::drop_queue::Deferred;
use crate::actor::life::Hold;
use crate::actor::lines::Lines;
use crate::actor::linked::{Any, Linked};
use crate::actor::shared::{Events, Life, Shared};
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
    /// after it, would keep the root there. If that was in an earlier poll, or if the root has read of
    /// all starts that it was told of, it has had its turn.
    pub(super) fn turn_of(&mut self, shared: &Shared, actor: u64) -> Turn {
        let young = std::mem::take(&mut self.young);
        if young
            && Events::may_be_told_just_now(actor)
            && !(shared.has_sessions() && shared.events.all_starts_read())
        {
            Turn::Roots
        } else {
            Turn::Mine
        }
    }
}

/// Where the user's actor lies while no callback has it, with what it works with. It is there until
/// it is dropped. Only the session's own task takes it.
pub(super) struct Place<A: Actor>(Mutex<Option<Held<A>>>);

impl<A: Actor> Place<A> {
    pub(super) const fn new(actor: Box<A>, arguments: Box<A::Arguments>) -> Self {
        let body = Body::Arguments(arguments);
        Self(Mutex::new(Some(Held { actor, body })))
    }

    #[inline]
    fn swap(&self, held: Option<Held<A>>) -> Option<Held<A>> {
        let mut place = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *place, held)
    }

    fn end(&mut self) -> Option<Held<A>> {
        let place = self.0.get_mut();
        place.unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The user's actor. It may be large, and so may the rest: they are moved in their boxes.
struct Held<A: Actor> {
    actor: Box<A>,
    body: Body<A>,
}

/// What an actor works with.
enum Body<A: Actor> {
    /// Until its `pre_start`.
    Arguments(Box<A::Arguments>),
    /// From then on. And what it has linked to itself, if anything.
    State(Box<A::State>, Option<Box<Linked>>),
}

impl<A: Actor> Held<A> {
    /// Drops it here and now.
    fn drop_guarded(self, lines: &Lines) {
        match self.body {
            Body::Arguments(arguments) => lines.drop_guarded(arguments),
            Body::State(state, _) => lines.drop_guarded(state),
        }
        lines.drop_guarded(self.actor);
    }
}

impl<A: Actor> Session<A> {
    /// What the user's actor starts with. It is taken once.
    pub(super) fn begin(&self) -> Option<(Box<A>, Box<A::Arguments>)> {
        let mut lease = self.lease();
        match lease.held.take()? {
            Held {
                actor,
                body: Body::Arguments(arguments),
            } => Some((actor, arguments)),
            held => {
                lease.held = Some(held);
                None
            }
        }
    }

    /// The user's actor has started.
    pub(super) fn hold(&self, actor: Box<A>, state: Box<A::State>) -> Lease<'_, A> {
        self.life.mark_ready();
        let body = Body::State(state, None);
        Lease {
            session: self,
            held: Some(Held { actor, body }),
        }
    }

    /// What a callback works with.
    pub(super) fn lease(&self) -> Lease<'_, A> {
        Lease {
            session: self,
            held: self.place.swap(None),
        }
    }

    /// The session's task is done, or was never made. If it was killed, actor and state are still
    /// there. Many may be killed at once, so no worker of the runtime drops them.
    pub(super) fn leave(&mut self) {
        let Some(held) = self.place.end() else {
            return;
        };
        if let Body::Arguments(_) = held.body {
            return held.drop_guarded(&self.shared.lines);
        }
        self.forget_linked(&held);
        let left = Left {
            held: Some(held),
            life: Arc::clone(&self.life),
            shared: Arc::clone(&self.shared),
        };
        self.shared.drop_later([Deferred::of(left)]);
    }

    /// The actor whose links are followed. A supervisor of ours waits for its children itself.
    fn followed(&self) -> Option<&ActorCell> {
        self.life.cell().filter(|_| !self.life.holds(Hold::Tree))
    }

    /// What the session remembers is to be waited for from now on.
    fn forget_linked(&self, held: &Held<A>) {
        if let Body::State(_, Some(linked)) = &held.body {
            self.life.note_remembered(linked);
        }
    }
}

/// The user's actor and its state while a callback has them. They go back when the callback is over,
/// or is cut off.
pub(super) struct Lease<'a, A: Actor> {
    session: &'a Session<A>,
    held: Option<Held<A>>,
}

impl<A: Actor> Lease<'_, A> {
    pub(super) fn parts(&mut self) -> Option<(&A, &mut A::State)> {
        let Held { actor, body } = self.held.as_mut()?;
        match body {
            Body::State(state, _) => Some((&**actor, &mut **state)),
            Body::Arguments(_) => None,
        }
    }

    /// What it has linked to itself, as far as it is remembered.
    fn linked(&mut self) -> Option<&mut Option<Box<Linked>>> {
        match &mut self.held.as_mut()?.body {
            Body::State(_, linked) => Some(linked),
            Body::Arguments(_) => None,
        }
    }

    /// Whether it remembers anything that it has linked to itself.
    pub(super) const fn remembers(&self) -> bool {
        matches!(
            self.held,
            Some(Held {
                body: Body::State(_, Some(_)),
                ..
            })
        )
    }

    /// Follows what an event tells of that.
    pub(super) fn follow(&mut self, event: &SupervisionEvent) {
        if let (Some(cell), Some(linked)) = (self.session.followed(), self.linked()) {
            Linked::follow(linked, cell, event);
        }
    }

    /// Finds out what it has linked to itself.
    pub(super) fn learn(&mut self) {
        if let (Some(cell), Some(linked)) = (self.session.followed(), self.linked()) {
            match linked {
                Some(linked) => linked.learn(cell),
                None => *linked = Linked::to(cell),
            }
        }
    }

    /// After a callback, follows what has become of that.
    #[inline]
    pub(super) fn follow_up(&mut self) {
        let session = self.session;
        if let (Some(cell), Some(linked)) = (session.followed(), self.linked()) {
            match linked {
                Some(known) => {
                    if known.follow_up(cell, || session.shared.clock.now()) == Any::None {
                        *linked = None;
                    }
                }
                // What it has linked in the callback: it may be killed before it reads its event
                // about that.
                None => *linked = Linked::to(cell),
            }
        }
    }

    /// Drops actor and state here and now.
    pub(super) fn release(&mut self) {
        if let Some(held) = self.held.take() {
            let Session { life, shared, .. } = self.session;
            self.session.forget_linked(&held);
            held.drop_guarded(&shared.lines);
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
    held: Option<Held<A>>,
    life: Arc<Life>,
    shared: Arc<Shared>,
}

impl<A: Actor> Drop for Left<A> {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            held.drop_guarded(&self.shared.lines);
        }
        self.shared.release(&self.life, Hold::State);
    }
}
