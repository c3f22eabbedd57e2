//! The actors that a session has linked to itself, all levels of them, as far as their names have
//! to be free before the session starts again.
//!
//! When a session ends, ractor kills all that is below it and waits for none of it. What is below
//! can be read until ractor begins with that. The one case in which it cannot is a kill by others
//! while the session is idle. For this case the session remembers, while it lives, the names of
//! what is below it, and the supervisors of ours among that. An `ActorCell` would keep the 5 KB of
//! an actor that has ended, so none is remembered.
//!
//! What remains: nothing tells a session that an actor which it has linked links another one. That
//! is learned at one of the next callbacks, as many later as there are actors below. Until then,
//! and for an actor without a name, a kill by others of an idle session may be over before such an
//! actor is. Nor are actors known that are linked to one which is still in its `pre_start` when
//! that is cut off.
//!
//! `over` waits for them.

mod over;

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use ractor::{ActorCell, SupervisionEvent};

use over::{Awaited, pid};
pub(crate) use over::{Below, Orphans, all_gone, below};

use super::completion::Completion;
use crate::engine::Moment;

/// How many entries are looked at after each callback, and as many more for each that is dropped
/// then.
const LOOKS: usize = 4;

/// How long an actor is remembered whose supervisor is gone: it is being killed with that, or was
/// unlinked and has no supervisor.
const DETACHED: Duration = Duration::from_secs(1);

/// How many supervisors above an actor are looked at. Links can form a cycle.
const ABOVE: usize = 256;

/// Spreads the entries that are looked at over all that there are.
const SPREAD: u64 = 0x9E37_79B9_7F4A_7C15;

/// What a session remembers of what is below it. Only the session's own task has it.
#[derive(Debug)]
pub(crate) struct Linked {
    session: u64,
    /// By the actor's number.
    known: BTreeMap<u64, Known>,
    /// The entry that was looked at last, in their order.
    last: u64,
    /// And where among all of them.
    spread: u64,
    callbacks: usize,
    /// How many there were when all that is below was looked at.
    size: usize,
}

#[derive(Debug)]
struct Known {
    what: What,
    /// The actor to which it was linked.
    above: u64,
    /// Since when it has been seen without a supervisor.
    detached: Option<Moment>,
}

#[derive(Debug)]
enum What {
    Named(Box<str>),
    Supervisor(Weak<Completion>),
}

impl Known {
    /// The actor, while it can be found.
    fn find(&self, number: u64) -> Option<Awaited> {
        match &self.what {
            What::Named(name) => {
                let cell = ractor::registry::where_is(&**name)?;
                (pid(&cell) == number).then_some(Awaited::Actor(cell))
            }
            What::Supervisor(completion) => {
                let completion = completion.upgrade()?;
                (!completion.is_over()).then_some(Awaited::Supervisor(completion))
            }
        }
    }
}

/// Where an actor belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// It is below the session.
    Ours,
    /// The actor to which it was linked is gone, and ractor kills it with that.
    Detached,
    /// It has ended, or has another supervisor.
    Other,
}

impl Linked {
    /// What is below a session; `None` if that is nothing.
    pub(super) fn to(session: &ActorCell) -> Option<Box<Self>> {
        // Most sessions link nothing, and this is asked at every start.
        if session.get_children().is_empty() {
            return None;
        }
        let found = below(session);
        if found.is_empty() {
            return None;
        }
        let mut linked = Box::new(Self::new(session));
        linked.add_all(&found);
        linked.size = found.len();
        Some(linked)
    }

    fn new(session: &ActorCell) -> Self {
        Self {
            session: pid(session),
            known: BTreeMap::new(),
            last: 0,
            spread: 0,
            callbacks: 0,
            size: 0,
        }
    }

    /// Follows what the session is told of the actors that it has linked.
    pub(super) fn follow(
        linked: &mut Option<Box<Self>>,
        session: &ActorCell,
        event: &SupervisionEvent,
    ) {
        match event {
            // A monitor is told of others' children too.
            SupervisionEvent::ActorStarted(child)
                if child.try_get_supervisor().as_ref() == Some(session) =>
            {
                let linked = linked.get_or_insert_with(|| Box::new(Self::new(session)));
                linked.add(&Below {
                    awaited: Awaited::of(child.clone()),
                    above: pid(session),
                });
                linked.add_all(&below(child));
                linked.size = linked.size.max(1);
            }
            SupervisionEvent::ActorTerminated(child, ..)
            | SupervisionEvent::ActorFailed(child, _) => {
                // A supervisor of ours is over only after its actor. What was linked to the actor
                // is not below the session any more, and may hold its names a little longer.
                if let Some(linked) = linked
                    && let Some(known) = linked.known.get(&pid(child))
                    && matches!(known.what, What::Named(_))
                {
                    linked.known.remove(&pid(child));
                }
            }
            // Which variants there are depends on ractor's features.
            _ => {}
        }
    }

    /// Learns all that is below the session.
    pub(super) fn learn(&mut self, session: &ActorCell) {
        self.callbacks = 0;
        let found = below(session);
        self.add_all(&found);
        self.size = found.len();
    }

    fn add_all(&mut self, found: &[Below]) {
        for below in found {
            self.add(below);
        }
    }

    fn add(&mut self, Below { awaited, above }: &Below) {
        if self.known.contains_key(&pid(awaited.cell())) {
            return;
        }
        let what = match awaited {
            Awaited::Supervisor(completion) => What::Supervisor(Arc::downgrade(completion)),
            Awaited::Actor(cell) => match cell.get_name() {
                Some(name) => What::Named(name.into_boxed_str()),
                None => return,
            },
        };
        let known = Known {
            what,
            above: *above,
            detached: None,
        };
        self.known.insert(pid(awaited.cell()), known);
    }

    /// After a callback: forgets what is not below the session any more, and learns now and then
    /// what is. Answers whether there is anything to remember.
    pub(super) fn follow_up(&mut self, session: &ActorCell, now: impl Fn() -> Moment) -> Any {
        self.callbacks += 1;
        // All together the looks at all that is below cost one look at an actor for each callback.
        if self.callbacks >= self.size {
            self.learn(session);
        }
        let mut looks = LOOKS;
        while looks > 0
            && let Some(number) = self.pick(looks)
        {
            looks -= 1;
            if self.drop_if_other(number, session, &now) {
                looks += LOOKS;
            }
        }
        if self.known.is_empty() && self.size == 0 {
            Any::None
        } else {
            Any::Some
        }
    }

    /// The entry to look at. All are looked at in turn, spread over the whole map, so that many
    /// that are to be dropped are found at once.
    fn pick(&mut self, turn: usize) -> Option<u64> {
        let (&first, _) = self.known.first_key_value()?;
        let (&last, _) = self.known.last_key_value()?;
        let from = if turn.is_multiple_of(2) {
            self.last.saturating_add(1)
        } else {
            self.spread = self.spread.wrapping_add(SPREAD);
            first.saturating_add(self.spread.checked_rem(last - first + 1).unwrap_or(0))
        };
        let next = self.known.range(from..).next().map(|(&number, _)| number);
        let picked = next.unwrap_or(first);
        if turn.is_multiple_of(2) {
            self.last = picked;
        }
        Some(picked)
    }

    fn drop_if_other(
        &mut self,
        number: u64,
        session: &ActorCell,
        now: &impl Fn() -> Moment,
    ) -> bool {
        let other = match self.whose(number, session) {
            Whose::Ours => {
                if let Some(known) = self.known.get_mut(&number) {
                    known.detached = None;
                }
                false
            }
            Whose::Other => true,
            Whose::Detached => {
                let now = now();
                self.known.get_mut(&number).is_some_and(|known| {
                    let since = *known.detached.get_or_insert(now);
                    now.since(since) >= DETACHED
                })
            }
        };
        if other {
            self.known.remove(&number);
        }
        other
    }

    fn whose(&self, number: u64, session: &ActorCell) -> Whose {
        let Some(known) = self.known.get(&number) else {
            return Whose::Other;
        };
        let Some(found) = known.find(number) else {
            return Whose::Other;
        };
        let Some(mut above) = found.cell().try_get_supervisor() else {
            // ractor takes its children from a session whose supervisor is killed before it ends
            // that.
            let unlinked = known.above == self.session && session.try_get_supervisor().is_some();
            return match found {
                Awaited::Actor(_) if unlinked => Whose::Other,
                Awaited::Actor(_) | Awaited::Supervisor(_) => Whose::Detached,
            };
        };
        for _ in 0..ABOVE {
            if pid(&above) == self.session {
                return Whose::Ours;
            }
            match above.try_get_supervisor() {
                Some(next) => above = next,
                None => break,
            }
        }
        Whose::Other
    }

    /// The session has ended: what it remembers and what can still be found is left to be waited
    /// for.
    pub(super) fn leave_to(&self, orphans: &mut Orphans) {
        for (&number, known) in &self.known {
            let above = known.above;
            let Some(awaited) = known.find(number) else {
                continue;
            };
            // Of one that was linked to the session ractor has begun the kill by now, or never
            // will. What is further below may be detached by another thread, which has not come to
            // kill it yet.
            if above == self.session {
                orphans.doubtful.push(Below { awaited, above });
            } else {
                orphans.sure.push(Below { awaited, above });
            }
        }
    }
}

/// Whether there is anything to remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Any {
    Some,
    None,
}
