//! The user's actor and its state in the wrapper: who is to run before a callback, what the session
//! has linked to itself, and the drops of both.

use std::sync::Arc;

use ractor::Actor;

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

/// The user's actor and its state, with their drops guarded.
pub(crate) struct Guard<A: Actor> {
    pub(super) user: Option<UserState<A>>,
    /// What it has linked to itself, if anything.
    pub(super) linked: Option<Box<Linked>>,
    /// The failure of an actor linked to it, if its last callback handled that. ractor's own
    /// handler stops the session then, which would look like an end in order.
    pub(super) link_failure: Option<Cause>,
    /// Until its first callback after the start.
    young: bool,
}

impl<A: Actor> Guard<A> {
    pub(super) fn new(
        actor: Box<A>,
        state: Box<A::State>,
        life: &Arc<Life>,
        shared: &Arc<Shared>,
    ) -> Self {
        life.hold(Hold::State);
        Self {
            user: Some(UserState {
                body: Some((actor, state)),
                life: Arc::clone(life),
                shared: Arc::clone(shared),
            }),
            linked: None,
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
    pub(super) fn turn_of(&mut self) -> Turn {
        let young = std::mem::take(&mut self.young);
        match &self.user {
            Some(UserState { shared, .. }) if young => {
                if shared.has_sessions() && shared.events.all_starts_read() {
                    Turn::Mine
                } else {
                    Turn::Roots
                }
            }
            _ => Turn::Mine,
        }
    }

    pub(super) fn parts(&mut self) -> Option<(&A, &mut A::State)> {
        self.user.as_mut()?.parts()
    }

    /// Finds out what it has linked to itself.
    pub(super) fn learn(&mut self) {
        let Some(UserState { life, .. }) = &self.user else {
            return;
        };
        // A supervisor of ours waits for its children itself.
        if let (false, Some(cell)) = (life.holds(Hold::Tree), life.cell()) {
            match &mut self.linked {
                Some(linked) => linked.learn(cell),
                linked @ None => *linked = Linked::to(cell),
            }
        }
    }

    /// After a callback, follows what has become of that.
    pub(super) fn follow_up(&mut self) {
        let Some(linked) = &mut self.linked else {
            // What it has linked in the callback: it may be killed before it reads its event about
            // that.
            self.learn();
            return;
        };
        if let Some(UserState { life, shared, .. }) = &self.user
            && let Some(cell) = life.cell()
            && linked.follow_up(cell, || shared.clock.now()) == Any::None
        {
            self.linked = None;
        }
    }

    /// What is to be dropped. What the session remembers is to be waited for from now on.
    fn take(&mut self) -> Option<UserState<A>> {
        let user = self.user.take()?;
        if let Some(linked) = self.linked.take() {
            user.life.note_remembered(&linked);
        }
        Some(user)
    }

    /// Drops actor and state here and now.
    pub(super) fn release(&mut self) {
        drop(self.take());
    }
}

impl<A: Actor> Drop for Guard<A> {
    fn drop(&mut self) {
        let Some(user) = self.take() else {
            return;
        };
        // It was killed. This may be the root's task or its event port, or the session's own task
        // after the root was told. Many may be killed at once, so no worker of the runtime drops
        // it.
        let shared = Arc::clone(&user.shared);
        shared.drop_later([Deferred::of(user)]);
    }
}

/// What is to be dropped, wherever that happens to run.
pub(super) struct UserState<A: Actor> {
    body: Option<(Box<A>, Box<A::State>)>,
    life: Arc<Life>,
    shared: Arc<Shared>,
}

impl<A: Actor> UserState<A> {
    pub(super) fn parts(&mut self) -> Option<(&A, &mut A::State)> {
        let (actor, state) = self.body.as_mut()?;
        Some((&**actor, &mut **state))
    }
}

impl<A: Actor> Drop for UserState<A> {
    fn drop(&mut self) {
        if let Some((actor, state)) = self.body.take() {
            self.shared.lines.drop_guarded(state);
            self.shared.lines.drop_guarded(actor);
        }
        self.shared.release(&self.life, Hold::State);
    }
}
